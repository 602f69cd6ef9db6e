/** Inflates what Snappy deflated, in its raw form (google/snappy, format_description.txt). Pure. */
import { Reader } from './reader.ts'

/** Bytes of a block at the most when it is inflated; an index of 16 MiB of blocks has less. */
const maxInflated = 16 * 1024 * 1024

/** Undefined where it is damaged, or longer than any block of ours. */
export function inflate(bytes: Buffer): Buffer | undefined {
  const reader = new Reader(bytes)
  const length = reader.varint()
  if (reader.failed || length > maxInflated) return undefined
  const out = Buffer.alloc(length)
  let at = 0
  while (at < length && !reader.isAtEnd && !reader.failed) {
    const tag = reader.little(1)
    const copied = (tag & 3) === 0 ? reader.take(literalBytes(reader, tag)).copy(out, at) : copy(reader, tag, out, at)
    if (copied === 0) return undefined
    at += copied
  }
  return at === length ? out : undefined
}

function literalBytes(reader: Reader, tag: number): number {
  const length = tag >>> 2
  return (length < 60 ? length : reader.little(length - 59)) + 1
}

/** Repeats what stands further up. Gives how many bytes, 0 when there is no such place. */
function copy(reader: Reader, tag: number, out: Buffer, at: number): number {
  const kind = tag & 3
  const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
  const back = kind === 1 ? ((tag >>> 5) << 8) | reader.little(1) : reader.little(kind === 2 ? 2 : 4)
  if (back === 0 || back > at || at + length > out.length) return 0
  for (let index = 0; index < length; index++) out[at + index] = out[at + index - back]!
  return length
}
