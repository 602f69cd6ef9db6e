/** Bounds that more than one setting refers to. */

/** Bytes of `max-msg-size` at the most: a REST body, twice as large for base64, stays within its 16 MiB (decision 0005, 16). */
export const maxSettableMessageBytes = 8 * 1024 * 1024

/** Bytes of a REST body at the most: decision 0005, 16. */
export const maxRestBodyBytes = 16 * 1024 * 1024
