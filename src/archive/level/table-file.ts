/**
 * A sorted file of LevelDB, as far as it takes to check it, and to make LevelDB read past what is damaged
 * (doc/table_format.md of LevelDB 1.20): blocks of data, a block that filters, one that names the filter, an index of the
 * data, and a footer. LevelDB as it is built for Node does not hold blocks against their checksums, and ends the process
 * over some that are damaged.
 */
import { crc32c } from './crc32c.ts'
import { type Handle, Reader } from './reader.ts'
import { inflate } from './snappy.ts'

const footerBytes = 48
const magic = Buffer.from('57fb808b247547db', 'hex')
/** Behind each block: how it is compressed, and the checksum of both. */
const trailerBytes = 5
const Compression = { none: 0, snappy: 1, unknown: 0xff } as const
const maskDelta = 0xa282ead8

export interface Table {
  readonly bytes: number
  /** Gives fewer bytes where the file ends. */
  read(offset: number, length: number): Promise<Buffer>
}

/** Bytes to be put in the place of others, with which LevelDB reads past a damage. */
export interface Patch {
  readonly at: number
  readonly bytes: Buffer
}

export interface Heads {
  /** Empty when all but the data is intact. */
  readonly patches: readonly Patch[]
  /** Where the blocks of data are; none when it cannot be known. */
  readonly data: readonly Handle[]
}

/** Checks what a table holds beside its data. */
export async function checkHeads(table: Table): Promise<Heads> {
  const footer = await readFooter(table)
  const data = footer && handlesIn(await readBlock(table, footer.index))
  if (data === undefined) return { patches: [noTable(table)], data: [] }
  if (await isMetaIntact(table, footer!.meta)) return { patches: [], data }
  return { patches: withoutMeta(table, footer!.index, data), data }
}

/** Checks blocks of data. */
export async function checkData(table: Table, data: readonly Handle[]): Promise<readonly Patch[]> {
  const patches: Patch[] = []
  for (const handle of data) {
    if (await isIntact(table, handle)) continue
    const at = Math.min(handle.offset + handle.size, table.bytes - 1)
    patches.push({ at, bytes: Buffer.of(Compression.unknown) })
  }
  return patches
}

interface Footer {
  /** The block that names the filter. */
  readonly meta: Handle
  readonly index: Handle
}

async function readFooter(table: Table): Promise<Footer | undefined> {
  if (table.bytes < footerBytes) return undefined
  const footer = await table.read(table.bytes - footerBytes, footerBytes)
  const reader = new Reader(footer)
  const found = { meta: reader.handle(), index: reader.handle() }
  return reader.failed || !footer.subarray(-magic.length).equals(magic) ? undefined : found
}

async function isMetaIntact(table: Table, meta: Handle): Promise<boolean> {
  const named = handlesIn(await readBlock(table, meta))
  if (named === undefined) return false
  for (const handle of named) if (!(await isIntact(table, handle))) return false
  return true
}

/** A table that cannot be read is to be none: the last byte of its magic goes. */
function noTable({ bytes }: Table): Patch {
  return { at: Math.max(0, bytes - 1), bytes: Buffer.of(0) }
}

/** A block without an entry, as LevelDB writes it. */
const emptyBlock = sealed(Buffer.of(0, 0, 0, 0, 1, 0, 0, 0))

/** Names no filter, which costs LevelDB a look into the data, until it writes the table anew. */
function withoutMeta(table: Table, index: Handle, data: readonly Handle[]): Patch[] {
  const offset = data.reduce((end, block) => Math.max(end, block.offset + block.size + trailerBytes), 0)
  if (offset + emptyBlock.length > index.offset) return [noTable(table)]
  const meta = { offset, size: emptyBlock.length - trailerBytes }
  return [
    { at: offset, bytes: emptyBlock },
    { at: table.bytes - footerBytes, bytes: encodeFooter({ meta, index }) },
  ]
}

function encodeFooter({ meta, index }: Footer): Buffer {
  const numbers = [meta.offset, meta.size, index.offset, index.size].flatMap(varint)
  const padding = Buffer.alloc(footerBytes - magic.length - numbers.length)
  return Buffer.concat([Buffer.from(numbers), padding, magic])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
}

/** What stands in a block; undefined when it is damaged. */
async function readBlock(table: Table, handle: Handle): Promise<Buffer | undefined> {
  const sealed = await readSealed(table, handle)
  if (sealed === undefined) return undefined
  const bytes = sealed.subarray(0, -trailerBytes)
  return sealed[bytes.length] === Compression.snappy ? inflate(bytes) : bytes
}

async function isIntact(table: Table, handle: Handle): Promise<boolean> {
  return (await readSealed(table, handle)) !== undefined
}

/** A block with its trailer; undefined when its checksum is another. */
async function readSealed(table: Table, { offset, size }: Handle): Promise<Buffer | undefined> {
  const length = size + trailerBytes
  if (offset + length > table.bytes) return undefined
  const block = await table.read(offset, length)
  return block.length === length && block.readUInt32LE(length - 4) === checksum(block.subarray(0, -4))
    ? block
    : undefined
}

/** A block that is not compressed, with its trailer. */
function sealed(block: Buffer): Buffer {
  const bytes = Buffer.concat([block, Buffer.alloc(trailerBytes)])
  bytes.writeUInt32LE(checksum(bytes.subarray(0, -4)), bytes.length - 4)
  return bytes
}

/** The checksum of a block and of how it is compressed, in LevelDB's disguise. */
function checksum(bytes: Buffer): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + maskDelta) >>> 0
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
