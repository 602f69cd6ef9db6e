/**
 * Where the ring of keys stands: two files, taken in turn. The next ring is whole on the disk, with its name, before the one
 * before is overwritten with zeros and removed: at each moment one can be read, and afterwards only the new one.
 *
 * A file is: a word, the sequence number, the proof of the key; the sealed ring; a SHA-256 of all before it, by which a torn
 * file is told from one of another key.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import path from 'node:path'
import { systemCode, WaypostError } from '../../core/errors.ts'
import { syncFolder } from '../../files/whole-file.ts'
import { sameBytes } from '../keys.ts'
import { Ring } from './ring.ts'
import { proofBytes, type StorageKeys } from './sealing.ts'

const word = Buffer.from('WPRING1\n')
const sequenceBytes = 8
const headerBytes = word.length + sequenceBytes + proofBytes
const checksumBytes = 32
/** A ring of which each slot turns has 4864 bytes. */
const maxFileBytes = 16 * 1024

/** The names, by the sequence number's last bit. */
const names = ['ring.0', 'ring.1'] as const

export class RingFile {
  readonly #folder: string
  readonly #keys: StorageKeys

  constructor(folder: string, keys: StorageKeys) {
    this.#folder = folder
    this.#keys = keys
  }

  /** The ring in force; undefined where no file has one. Throws `storage/wrong-key`. */
  async read(): Promise<Ring | undefined> {
    const contents = await Promise.all(names.map((name) => readBounded(path.join(this.#folder, name))))
    const rings = contents.filter(isWhole).map((content) => this.#decode(content))
    const [latest] = rings.filter((ring) => ring !== undefined).sort((one, other) => other.sequence - one.sequence)
    return latest
  }

  /** When this resolves, `ring` is the one in force after any crash; the one before may be there until `clear`. */
  async write(ring: Ring): Promise<void> {
    const file = this.#fileOf(ring.sequence)
    // What a write that failed has left. The ring in force stands in the other file.
    await destroy(file)
    await writeSynced(file, this.#encode(ring))
    await syncFolder(this.#folder)
  }

  /** Destroys what stands beside `ring`, which is in force. */
  async clear(ring: Ring): Promise<void> {
    if (await destroy(this.#fileOf(ring.sequence + 1))) await syncFolder(this.#folder)
  }

  #fileOf(sequence: number): string {
    return path.join(this.#folder, names[sequence % 2 === 0 ? 0 : 1])
  }

  #encode(ring: Ring): Uint8Array {
    const sequence = Buffer.alloc(sequenceBytes)
    sequence.writeBigUInt64BE(BigInt(ring.sequence))
    const header = Buffer.concat([word, sequence, this.#keys.proof])
    const content = Buffer.concat([header, this.#keys.sealRing(ring.toBytes(), header)])
    return Buffer.concat([content, checksum(content)])
  }

  /** A file whose checksum is right. */
  #decode(content: Buffer): Ring | undefined {
    const header = content.subarray(0, headerBytes)
    if (!sameBytes(header.subarray(-proofBytes), this.#keys.proof)) {
      throw new WaypostError('storage/wrong-key', { folder: this.#folder })
    }
    const opened = this.#keys.openRing(content.subarray(headerBytes, -checksumBytes), header)
    return opened && Ring.fromBytes(Number(header.readBigUInt64BE(word.length)), opened)
  }
}

function isWhole(content: Buffer | undefined): content is Buffer {
  if (
    content === undefined ||
    content.length < headerBytes + checksumBytes ||
    !sameBytes(content.subarray(0, word.length), word)
  )
    return false
  return sameBytes(content.subarray(-checksumBytes), checksum(content.subarray(0, -checksumBytes)))
}

function checksum(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest()
}

async function readBounded(file: string): Promise<Buffer | undefined> {
  const handle = await openThere(file, constants.O_RDONLY)
  if (handle === undefined) return undefined
  try {
    const buffer = Buffer.alloc(maxFileBytes)
    const { bytesRead } = await handle.read(buffer, 0, maxFileBytes, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** Overwrites with zeros, which are on the disk before the name goes. False where there is no such file. */
async function destroy(file: string): Promise<boolean> {
  const handle = await openThere(file, constants.O_WRONLY)
  if (handle === undefined) return false
  try {
    const { size } = await handle.stat()
    await handle.write(Buffer.alloc(Math.min(size, maxFileBytes)), 0, undefined, 0)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await unlink(file)
  return true
}

async function openThere(file: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(file, flags | constants.O_NOFOLLOW)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function writeSynced(file: string, content: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
