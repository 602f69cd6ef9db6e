/**
 * Room for the frames of messages. Small ones stand side by side in slabs in the order in which they came, and nothing else
 * stands there: they leave the message cache in the same order, and so does the slab. In the pool that all buffers share, a
 * small frame would keep what others left beside it.
 */

const slabBytes = 64 * 1024

/** A frame of so many bytes has a buffer of its own. */
const ownBytes = 8 * 1024

let slab = Buffer.allocUnsafeSlow(slabBytes)
let used = 0

/** Bytes to be written, for one frame. */
export function frameRoom(bytes: number): Uint8Array {
  if (bytes >= ownBytes) return Buffer.allocUnsafeSlow(bytes)
  if (used + bytes > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes)
    used = 0
  }
  used += bytes
  return slab.subarray(used - bytes, used)
}
