/**
 * Records: what the connection carries after the handshake, each a ciphertext after its length in two bytes
 * (https://github.com/libp2p/specs/blob/master/noise/README.md, "Wire Format").
 */
import { Uint8ArrayList } from 'uint8arraylist'
import { type Cipher, tagBytes } from './cipher.ts'

const lengthBytes = 2

/** Bytes of a ciphertext: Noise Protocol Framework, revision 34, section 3. */
const maxRecordBytes = 65_535

/** Bytes of plaintext in one record. */
export const maxPlaintextBytes = maxRecordBytes - tagBytes

/** Bytes of plaintext up to which a record is one buffer: beyond, the copy costs more than the pieces do. */
const joinedBytes = 8 * 1024

/** Where the pieces of a record are laid side by side to be encrypted. Nothing is left in it that is read again. */
const scratch = Buffer.allocUnsafeSlow(maxPlaintextBytes)

/** All of `plaintext` as records, one after the other: full ones, and a last one with the rest. To be written at once. */
export function sealRecords(cipher: Cipher, plaintext: Uint8ArrayList): Uint8Array | Uint8ArrayList {
  const { byteLength } = plaintext
  return byteLength <= joinedBytes ? sealSmall(cipher, plaintext) : sealLarge(cipher, plaintext)
}

function sealSmall(cipher: Cipher, plaintext: Uint8ArrayList): Uint8Array {
  const { byteLength } = plaintext
  if (byteLength === 0) return new Uint8Array()
  const sealed = Buffer.allocUnsafe(lengthBytes + byteLength + tagBytes)
  sealed.writeUInt16BE(byteLength + tagBytes)
  layOut(plaintext, 0, sealed.subarray(lengthBytes))
  cipher.sealInPlace(sealed.subarray(lengthBytes))
  return sealed
}

/** Each ciphertext is the buffer that the cipher made. Between two of them stand the tag of one and the length of the next. */
function sealLarge(cipher: Cipher, plaintext: Uint8ArrayList): Uint8ArrayList {
  const { byteLength } = plaintext
  const count = Math.ceil(byteLength / maxPlaintextBytes)
  const marks = Buffer.allocUnsafe(count * (lengthBytes + tagBytes))
  const sealed = new Uint8ArrayList()
  let mark = 0
  let written = 0
  for (let start = 0; start < byteLength; start += maxPlaintextBytes) {
    const length = Math.min(maxPlaintextBytes, byteLength - start)
    mark = marks.writeUInt16BE(length + tagBytes, mark)
    sealed.append(marks.subarray(written, mark))
    written = mark
    layOut(plaintext, start, scratch.subarray(0, length))
    sealed.append(cipher.seal(scratch.subarray(0, length), marks.subarray(mark, mark + tagBytes)))
    mark += tagBytes
  }
  sealed.append(marks.subarray(written, mark))
  return sealed
}

/** Copies from `plaintext`, from `start` on, as much as fits into `target`. */
function layOut(plaintext: Uint8ArrayList, start: number, target: Uint8Array): void {
  let skipped = start
  let at = 0
  for (const piece of plaintext) {
    if (skipped >= piece.length) skipped -= piece.length
    else {
      const part = piece.subarray(skipped, skipped + target.length - at)
      target.set(part, at)
      at += part.length
      skipped = 0
      if (at === target.length) return
    }
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
