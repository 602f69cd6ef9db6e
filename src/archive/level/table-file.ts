/**
 * The sorted files of LevelDB, as far as it takes to check them (doc/table_format.md of LevelDB 1.20). LevelDB as it is
 * built for Node does not hold blocks against their checksums, and ends the process over some that are damaged.
 */
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { crc32c } from './crc32c.ts'
import { damaged } from './database.ts'
import { liveTables } from './manifest.ts'
import { type Handle, Reader } from './reader.ts'

const footerBytes = 48
const magic = Buffer.from('57fb808b247547db', 'hex')
/** Behind each block: how it is compressed, and the checksum of both. */
const trailerBytes = 5
const Compression = { none: 0, snappy: 1, unknown: 0xff } as const
const maskDelta = 0xa282ead8

/** Bytes that are checked before others get their turn. */
const turnBytes = 1024 * 1024

/** Bytes of a block at the most when it is inflated; an index of 16 MiB of blocks has less. */
const maxInflated = 16 * 1024 * 1024

/**
 * Throws `archive/damaged` when a table in `folder` is not what its checksums say. Tables of more than `most` bytes in
 * all are left to `waypost store verify`.
 */
export async function checkTables(folder: string, archive: string, most = Number.POSITIVE_INFINITY): Promise<void> {
  const live = await liveTables(folder)
  // What a crash leaves half-written is no part of the database; LevelDB deletes it.
  const tables = (await tablesIn(folder)).filter((file) => live.has(Number.parseInt(path.basename(file), 10)))
  const sizes = await Promise.all(tables.map(async (file) => (await stat(file)).size))
  if (sizes.reduce((sum, size) => sum + size, 0) > most) return
  for (const file of tables) {
    if ((await faultsOf(await readFile(file))).length === 0) continue
    throw damaged(archive, path.relative(archive, file), 'a table does not match its checksums')
  }
}

/** Marks what is damaged in the tables of `folder` so that LevelDB reads past it. For copies: files are replaced. */
export async function disarmTables(folder: string): Promise<void> {
  for (const file of await tablesIn(folder)) {
    const bytes = await readFile(file)
    const faults = await faultsOf(bytes)
    if (faults.length === 0) continue
    for (const at of faults) bytes[at] = Compression.unknown
    // Its file is shared with what it was copied from.
    await rm(file)
    await writeFile(file, bytes)
  }
}

async function tablesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => [])
  return names.filter((name) => /\.(ldb|sst)$/.test(name)).map((name) => path.join(folder, name))
}

/**
 * Where blocks are damaged: the places of the bytes that say how they are compressed. The last byte of a file whose end
 * cannot be read: without it, it is none.
 */
async function faultsOf(table: Buffer): Promise<number[]> {
  const end = Math.max(0, table.length - 1)
  const heads = headsOf(table)
  if (heads === undefined || !isIntact(table, heads.index)) return [end]
  const blocks = handlesIn(blockOf(table, heads.index))
  const others = isIntact(table, heads.meta) ? handlesIn(blockOf(table, heads.meta)) : []
  if (blocks === undefined || others === undefined) return [end]
  return await faultsAmong(table, [heads.meta, ...others, ...blocks])
}

async function faultsAmong(table: Buffer, handles: readonly Handle[]): Promise<number[]> {
  const faults: number[] = []
  let bytes = 0
  for (const handle of handles) {
    if (!isIntact(table, handle)) faults.push(Math.min(handle.offset + handle.size, table.length - 1))
    bytes += handle.size
    if (bytes > turnBytes) {
      await setImmediate()
      bytes = 0
    }
  }
  return faults
}

/** The blocks that the footer names: of what is known of the table, and of its index. */
function headsOf(table: Buffer): { meta: Handle; index: Handle } | undefined {
  const footer = table.subarray(-footerBytes)
  if (table.length < footerBytes || !footer.subarray(-magic.length).equals(magic)) return undefined
  const reader = new Reader(footer)
  const heads = { meta: reader.handle(), index: reader.handle() }
  return reader.failed ? undefined : heads
}

function isIntact(table: Buffer, { offset, size }: Handle): boolean {
  const end = offset + size + trailerBytes
  if (end > table.length) return false
  const masked = table.readUInt32LE(end - 4)
  const rotated = (masked - maskDelta) >>> 0
  return crc32c(table.subarray(offset, end - 4)) === ((rotated >>> 17) | (rotated << 15)) >>> 0
}

/** What stands in an intact block. */
function blockOf(table: Buffer, { offset, size }: Handle): Buffer | undefined {
  const bytes = table.subarray(offset, offset + size)
  return table[offset + size] === Compression.snappy ? inflate(bytes) : bytes
}

/** The handles that are the values of a block. */
function handlesIn(block: Buffer | undefined): Handle[] | undefined {
  if (block === undefined || block.length < 4) return undefined
  const restarts = block.readUInt32LE(block.length - 4)
  const reader = new Reader(block.subarray(0, Math.max(0, block.length - 4 - 4 * restarts)))
  const handles: Handle[] = []
  while (!reader.isAtEnd && !reader.failed) {
    reader.varint()
    const [keyBytes, valueBytes] = [reader.varint(), reader.varint()]
    reader.skip(keyBytes)
    const end = reader.at + valueBytes
    handles.push(reader.handle())
    reader.at = end
  }
  return reader.failed ? undefined : handles
}

/** Snappy's raw form (google/snappy, format_description.txt). */
function inflate(bytes: Buffer): Buffer | undefined {
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
