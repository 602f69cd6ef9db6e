/** In which schema an archive is written: a row of its catalog. */
import { WaypostError } from '../../core/errors.ts'
import { crc32c } from './crc32c.ts'
import { type Database, damaged } from './database.ts'

/** Written into a new archive; one with a higher schema is not opened. 1 was a single database for all messages. */
export const schemaVersion = 2

const numberBytes = 4
const checksumBytes = 4

/** The number and its checksum: damage is not to pass for a later release. */
export function encodeSchema(schema: number): Buffer {
  const row = Buffer.alloc(numberBytes + checksumBytes)
  row.writeUInt32BE(schema)
  row.writeUInt32BE(crc32c(row.subarray(0, numberBytes)), numberBytes)
  return row
}

/** Undefined for a row that is damaged. What a later release may write behind the checksum is passed over. */
export function decodeSchema(row: Buffer): number | undefined {
  if (row.length < numberBytes) return undefined
  const schema = row.readUInt32BE()
  const isProven = row.subarray(0, numberBytes + checksumBytes).equals(encodeSchema(schema))
  // The first archives of schema 2 have no checksum.
  return isProven || (row.length === numberBytes && schema === 2) ? schema : undefined
}

/**
 * Throws `archive/newer-schema`, and `archive/damaged` when `catalog` does not say in which schema it is. A new one is told.
 */
export async function checkSchema(catalog: Database, key: Buffer, folder: string): Promise<void> {
  const row = await catalog.get(key)
  if (row === undefined && (await isEmpty(catalog))) return await writeSchema(catalog, key)
  const found = row && decodeSchema(row)
  if (found === undefined) throw damaged(folder, 'catalog', 'it does not say in which schema it is')
  if (found > schemaVersion) throw new WaypostError('archive/newer-schema', { folder, found, known: schemaVersion })
}

/** Says of a catalog whose schema is damaged that it is in the present one, in which it can be read. */
export async function restoreSchema(catalog: Database, key: Buffer): Promise<void> {
  const row = await catalog.get(key)
  if (row === undefined || decodeSchema(row) === undefined) await writeSchema(catalog, key)
}

async function isEmpty(catalog: Database): Promise<boolean> {
  return (await catalog.keys({ limit: 1 }).all()).length === 0
}

async function writeSchema(catalog: Database, key: Buffer): Promise<void> {
  await catalog.put(key, encodeSchema(schemaVersion), { sync: true })
}
