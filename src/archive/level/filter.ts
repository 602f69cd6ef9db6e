/**
 * Says of a hash or a topic that it is surely not in a partition, without asking the disk: a Bloom filter that grows.
 *
 * Storing a message costs no look-up when its hash is surely new, and a rare topic is looked for in few partitions only.
 * What is added are heads of digests, so their bits are as good as random. Pure.
 */
import { hash } from 'node:crypto'
import type { MessageHash } from '../../core/hash.ts'

/** Bits of an entry and places looked at: one entry of a thousand is falsely said to be there. */
const bitsPerEntry = 16
const probes = 6

/** Bits of the pieces, the last for all further ones: a small partition takes 8 KiB, 65,536 messages take 128 KiB. */
const pieceBits = [2 ** 16, 2 ** 18, 2 ** 20]

interface Piece {
  readonly words: Uint32Array
  entries: number
}

export class Filter {
  readonly #pieces: Piece[] = []

  /** Bytes in memory. */
  get bytes(): number {
    return this.#pieces.reduce((sum, { words }) => sum + words.byteLength, 0)
  }

  /** Adds the digest whose first eight bytes stand in `bytes` from `at` on. */
  add(bytes: Buffer, at = 0): void {
    const piece = this.#open()
    const [first, step] = seeds(bytes, at)
    const mask = piece.words.length * 32 - 1
    for (let probe = 0; probe < probes; probe++) {
      const bit = (first + Math.imul(probe, step)) & mask
      piece.words[bit >>> 5]! |= 1 << (bit & 31)
    }
    piece.entries += 1
  }

  /** False: it was never added. */
  mayHave(bytes: Buffer, at = 0): boolean {
    const [first, step] = seeds(bytes, at)
    return this.#pieces.some(({ words }) => isIn(words, first, step))
  }

  /** The filter as a file. */
  encode(): Buffer {
    const parts = this.#pieces.flatMap(({ words, entries }) => {
      const head = Buffer.alloc(8)
      head.writeUInt32BE(words.byteLength)
      head.writeUInt32BE(entries, 4)
      return [head, Buffer.from(words.buffer)]
    })
    const body = Buffer.concat(parts)
    return Buffer.concat([hash('sha256', body, 'buffer'), body])
  }

  /** The filter that was encoded, or undefined when a bit of it is not as it was: it would deny what is there. */
  static decode(file: Buffer): Filter | undefined {
    const body = file.subarray(32)
    if (!hash('sha256', body, 'buffer').equals(file.subarray(0, 32))) return undefined
    const filter = new Filter()
    for (let at = 0; at < body.length; ) {
      const [length, entries] = [body.readUInt32BE(at), body.readUInt32BE(at + 4)]
      const words = new Uint32Array(Uint8Array.from(body.subarray(at + 8, at + 8 + length)).buffer)
      filter.#pieces.push({ words, entries })
      at += 8 + length
    }
    return filter
  }

  #open(): Piece {
    const last = this.#pieces.at(-1)
    if (last !== undefined && last.entries < (last.words.length * 32) / bitsPerEntry) return last
    const bits = pieceBits[Math.min(this.#pieces.length, pieceBits.length - 1)]!
    const piece = { words: new Uint32Array(bits / 32), entries: 0 }
    this.#pieces.push(piece)
    return piece
  }
}

export const wordBytes = 8

/** What of a hash a filter looks at, in `word`. */
export function hashWord(hash: MessageHash, word: Buffer = Buffer.allocUnsafe(wordBytes)): Buffer {
  word.write(hash, 0, wordBytes, 'hex')
  return word
}

function seeds(bytes: Buffer, at: number): [number, number] {
  return [bytes.readInt32LE(at), bytes.readInt32LE(at + 4) | 1]
}

function isIn(words: Uint32Array, first: number, step: number): boolean {
  const mask = words.length * 32 - 1
  for (let probe = 0; probe < probes; probe++) {
    const bit = (first + Math.imul(probe, step)) & mask
    if ((words[bit >>> 5]! & (1 << (bit & 31))) === 0) return false
  }
  return true
}
