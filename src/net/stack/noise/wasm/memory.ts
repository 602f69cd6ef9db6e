/** Where things lie in the memory of the module, and how much a record may have. */

/**
 * Bytes of plaintext up to which it is used. By itself it is faster up to 6 KiB; in a relay that sends records of all sizes it
 * pays up to one message (docs/benchmarks.md).
 */
export const smallBytes = 1536

/** ChaCha20 makes its key stream in blocks; the first one holds the key of Poly1305. */
export const blockBytes = 64

/** In front of `input` and `output` a block is free, and behind them as much as four blocks have. */
export const places = { key: 0, nonce: 32, input: 1024, output: 16 * 1024 } as const

/** A page of WebAssembly. */
export const pages = 1
