/**
 * Records: what the connection carries after the handshake, each a ciphertext after its length in two bytes
 * (https://github.com/libp2p/specs/blob/master/noise/README.md, "Wire Format").
 */
import { type Cipher, tagBytes } from './cipher.ts'

const lengthBytes = 2

/** Bytes of a ciphertext: Noise Protocol Framework, revision 34, section 3. */
const maxRecordBytes = 65_535

/** Bytes of plaintext in one record. */
export const maxPlaintextBytes = maxRecordBytes - tagBytes

/** Bytes that come in pieces. */
export interface Pieces extends Iterable<Uint8Array> {
  readonly byteLength: number
}

/** All of `plaintext` as records, one after the other in one buffer: full ones, and a last one with the rest. */
export function sealRecords(cipher: Cipher, plaintext: Pieces): Uint8Array {
  const count = Math.ceil(plaintext.byteLength / maxPlaintextBytes)
  const sealed = Buffer.allocUnsafe(plaintext.byteLength + count * (lengthBytes + tagBytes))
  if (count > 0) layOut(plaintext, sealed)
  for (let start = 0; start < sealed.length; ) {
    const end = Math.min(sealed.length, start + lengthBytes + maxRecordBytes)
    sealed.writeUInt16BE(end - start - lengthBytes, start)
    cipher.sealInPlace(sealed.subarray(start + lengthBytes, end))
    start = end
  }
  return sealed
}

/** Copies `plaintext` to where it belongs, with room for lengths and tags. */
function layOut(plaintext: Pieces, sealed: Uint8Array): void {
  let at = lengthBytes
  let end = at + maxPlaintextBytes
  for (let piece of plaintext) {
    while (piece.length > end - at) {
      sealed.set(piece.subarray(0, end - at), at)
      piece = piece.subarray(end - at)
      at = end + tagBytes + lengthBytes
      end = at + maxPlaintextBytes
    }
    sealed.set(piece, at)
    at += piece.length
  }
}

/**
 * Finds the records in what comes. One that is whole in a chunk is a view of it; one that is not is copied together, into
 * memory that the next such record uses again.
 */
export class RecordReader {
  #chunk: Uint8Array = new Uint8Array()
  #position = 0
  /** The first byte of a length whose second one has not come. */
  #high: number | undefined
  #collected: Uint8Array = new Uint8Array()
  #filled = 0
  /** Bytes of the record that is being collected; 0 when none is. */
  #wanted = 0

  /** Goes on with `chunk`, when all records of the one before were taken. */
  add(chunk: Uint8Array): void {
    this.#chunk = chunk
    this.#position = 0
  }

  /** The next record, valid until the next call, or undefined when more must come first. Throws for one without a tag. */
  next(): Uint8Array | undefined {
    if (this.#wanted > 0) return this.#collect()
    const length = this.#length()
    if (length === undefined) return undefined
    if (length < tagBytes) throw new Error('a record shorter than its tag')
    const start = this.#position
    if (start + length > this.#chunk.length) return this.#begin(length)
    this.#position += length
    return this.#chunk.subarray(start, this.#position)
  }

  #length(): number | undefined {
    const high = this.#high ?? this.#chunk[this.#position++]
    const low = this.#chunk[this.#position++]
    this.#high = low === undefined ? high : undefined
    return low === undefined || high === undefined ? undefined : (high << 8) | low
  }

  #begin(length: number): Uint8Array | undefined {
    const room = this.#collected.length
    if (room < length) this.#collected = new Uint8Array(Math.min(maxRecordBytes, Math.max(length, 2 * room)))
    this.#wanted = length
    this.#filled = 0
    return this.#collect()
  }

  #collect(): Uint8Array | undefined {
    const part = this.#chunk.subarray(this.#position, this.#position + this.#wanted - this.#filled)
    this.#collected.set(part, this.#filled)
    this.#position += part.length
    this.#filled += part.length
    if (this.#filled < this.#wanted) return undefined
    const record = this.#collected.subarray(0, this.#wanted)
    this.#wanted = 0
    return record
  }
}
