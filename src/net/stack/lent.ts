/**
 * Memory that goes back to the system as soon as its bytes are used up, instead of when V8 collects.
 *
 * Records and what sockets give come in buffers of up to 64 KiB, each new. V8 looks through the whole heap after some 20 MiB
 * of them, and each is cold when it is written. One that is given back is the next one that is handed out.
 *
 * Three sides say what they do, and only where they have is a buffer given back: who sends on a connection and keeps
 * nothing of it, whose chunks are nobody else's, and who reads a connection or stream and keeps no view.
 */

/** Bytes of a buffer from which it is given back. Below, it costs less to collect it. */
const leastBytes = 16 * 1024

/** Connections whose sender keeps nothing of what it sends. */
const given = new WeakSet<object>()

/** Connections that deliver buffers which are nobody else's. */
const delivered = new WeakSet<object>()

/** Connections and streams whose reader keeps no view of what it gets: what it needs for longer it copies at once. */
const borrowed = new WeakSet<object>()

/** Says so, or asks. */
export const lent = { given, delivered, borrowed } as const

/** Whether it is worth giving back. */
export function isLarge({ byteLength }: Uint8Array): boolean {
  return byteLength >= leastBytes
}

/** Gives back the memory of `bytes`, if they are all of a large buffer. Nobody may look at it afterwards. */
export function giveBack(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes
  if (isLarge(bytes) && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/** `bytes` for one who may keep them: a copy, if their buffer may be given back. */
export function kept(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength < leastBytes ? bytes : Uint8Array.prototype.slice.call(bytes)
}
