/**
 * A partition that is damaged, mended: records that cannot be read, or are not what the index says of them, are taken
 * out, and the index is made again from the rest.
 */
import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { Nanoseconds } from '../../core/time.ts'
import type { Catalog, Entry as CatalogEntry, Gap } from './catalog.ts'
import { type Batch, type Database, isDamage, openDatabase, repairDatabase } from './database.ts'
import { entriesFileOf, readEntriesFile } from './entries-file.ts'
import { byHash, byPubsubTopic, type Entry, entriesIn, entryBytes, hashOfEntry, numberOfEntry } from './entry.ts'
import { hashWord } from './filter.ts'
import { noInspector } from './inspection.ts'
import { numberKey, numberOf } from './layout.ts'
import { folderOfPartition, Partition, unknownEntry } from './partition.ts'
import { earlier, later, readTime } from './place.ts'
import { envelopeOf, pieces } from './recovery.ts'
import { readSeal } from './seal.ts'
import { disarmTables } from './tables.ts'
import { isInOrder, look, type PartitionReport } from './verify.ts'

/** What was done with one partition. */
export interface PartitionRepair {
  readonly partition: number
  /** That are there after it. */
  readonly messages: number
  /** Records that were taken out: they are not what was stored. */
  readonly removed: number
  /** Messages that were kept though no row of an index says which they are. */
  readonly unproven: number
  /** Acknowledged messages of it that are known to be lost. */
  readonly lost: number
}

export interface PartitionSite {
  /** Of the archive. */
  readonly folder: string
  readonly catalog: Catalog
  readonly id: number
}

/** Mends a partition that nobody has open; undefined when it is in order. */
export async function mendPartition(site: PartitionSite, entry = unknownEntry): Promise<PartitionRepair | undefined> {
  return (await isSound(site, entry)) ? undefined : await rebuild(site, entry)
}

async function isSound(site: PartitionSite, entry: CatalogEntry): Promise<boolean> {
  const place = folderOfPartition(site.folder, site.id)
  const disarmed = [await disarmTables(path.join(place, 'records')), await disarmTables(path.join(place, 'index'))]
  if (disarmed.includes(true)) return false
  try {
    const report = await lookAt(site, entry)
    return report !== undefined && isInOrder(report)
  } catch (error) {
    if (!isDamage(error)) throw error
    return false
  }
}

async function lookAt(
  { folder, catalog, id }: PartitionSite,
  entry: CatalogEntry,
): Promise<PartitionReport | undefined> {
  const inspector = noInspector
  const place = { id, archive: folder, folder: folderOfPartition(folder, id), catalog, inspector }
  const partition = new Partition(place, entry)
  try {
    return await partition.use((pair) => look(partition, pair))
  } finally {
    await partition.close().catch(() => {})
  }
}

const sizes = { writeBufferSize: 4 * 1024 * 1024, cacheSize: 1024 * 1024, compression: false }

async function rebuild(site: PartitionSite, { tally }: CatalogEntry): Promise<PartitionRepair> {
  const { folder, catalog, id } = site
  const place = folderOfPartition(folder, id)
  const known = await readIndex(place)
  const { removed, unproven, next } = await sift(path.join(place, 'records'), known)
  await rm(path.join(place, 'index'), { recursive: true, force: true })
  for (const file of ['filter', 'entries']) await rm(path.join(place, file), { force: true })
  const before = (await catalog.gaps()).filter(({ partition }) => partition === id)
  for (const gap of before) await catalog.removeGap(gap)
  const end = Math.max(tally.next, known.next, next)
  await catalog.write(id, { clean: false, tally: { ...tally, next: end, tail: 0 } })
  const report = await lookAt(site, { clean: false, tally: { ...tally, next: end, tail: 0 } })
  const gaps = (await catalog.gaps()).filter(({ partition }) => partition === id)
  for (const gap of gaps) {
    await catalog.removeGap(gap)
    await catalog.addGap({ ...gap, ...timesOf(gap, known.times, before) })
  }
  const lost = gaps.reduce((sum, { messages }) => sum + messages, 0)
  return { partition: id, messages: report?.messages ?? 0, removed, unproven, lost }
}

/** What an index still says. */
interface Known {
  /** The number of the first record of which it does not know. */
  next: number
  /** By number of a record: the heads of the hashes that entries give it, one after the other. */
  readonly heads: Map<number, string>
  readonly times: Map<number, Nanoseconds>
}

async function readIndex(partition: string): Promise<Known> {
  const known: Known = { next: 0, heads: new Map(), times: new Map() }
  const database = await openMended(path.join(partition, 'index'))
  try {
    known.next = (await readSeal(database)).tally.next
    const rows = { gte: Buffer.of(byPubsubTopic.kind), lt: Buffer.of(byHash.kind + 1) }
    for await (const piece of pieces(database, rows)) for (const [, row] of piece) noteAll(known, row)
  } catch (error) {
    if (!isDamage(error)) throw error
  } finally {
    await database.close()
  }
  const file = await readEntriesFile(entriesFileOf(partition))
  known.next = Math.max(known.next, file?.next ?? 0)
  if (file !== undefined) noteAll(known, file.entries)
  return known
}

/** A row that is damaged says nothing. */
function noteAll(known: Known, row: Buffer): void {
  if (row.length % entryBytes === 0) for (const entry of entriesIn(row)) note(known, entry)
}

function note({ heads, times }: Known, entry: Entry): void {
  const number = numberOfEntry(entry)
  const head = hashOfEntry(entry).toString('latin1', 0, headBytes)
  const before = heads.get(number) ?? ''
  if (!before.includes(head)) heads.set(number, before + head)
  times.set(number, readTime(entry, 0))
}

/** Of a hash, that are compared: as many as the filter takes. */
const headBytes = 8

/** Takes out the records that are not what was stored. */
async function sift(folder: string, { heads }: Known): Promise<{ removed: number; unproven: number; next: number }> {
  const records = await openMended(folder)
  const sums = { removed: 0, unproven: 0, next: 0 }
  try {
    for await (const piece of pieces(records, {})) {
      const batch: Batch = records.batch()
      for (const [key, record] of piece) {
        // Only a number is a key here.
        const verdict = key.length === numberKey(0).length ? judge(record, heads.get(numberOf(key))) : 'wrong'
        if (verdict === 'wrong') batch.del(key)
        else sums.next = numberOf(key) + 1
        sums.removed += verdict === 'wrong' ? 1 : 0
        sums.unproven += verdict === 'unproven' ? 1 : 0
      }
      await batch.write({ sync: true })
    }
    return sums
  } finally {
    await records.close()
  }
}

/** A record is what it was if one of the rows that lead to it has its hash. */
function judge(record: Buffer, heads: string | undefined): 'right' | 'wrong' | 'unproven' {
  const envelope = envelopeOf(record)
  if (envelope === undefined) return 'wrong'
  if (heads === undefined) return 'unproven'
  return heads.includes(hashWord(envelope.hash).toString('latin1')) ? 'right' : 'wrong'
}

/** Opens a database, repaired if it has to be; empty where nothing can be read. */
async function openMended(folder: string): Promise<Database> {
  try {
    return await openRead(folder)
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  await repairDatabase(folder)
  try {
    return await openRead(folder)
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  await rm(folder, { recursive: true })
  return await openDatabase(folder, sizes)
}

/** Opens it, and reads all keys: what cannot be read is to be known. */
async function openRead(folder: string): Promise<Database> {
  const database = await openDatabase(folder, sizes)
  try {
    for await (const _ of database.keys());
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

/** When the messages of a gap came: by their rows, if each has one, else by whatever is known. */
function timesOf(gap: Gap, times: Known['times'], before: readonly Gap[]): Pick<Gap, 'from' | 'to'> {
  const numbers = Array.from({ length: gap.messages }, (_, index) => gap.first + index)
  const found = numbers.flatMap((number) => times.get(number) ?? [])
  const others = before.filter(
    ({ first, messages }) => first < gap.first + gap.messages && gap.first < first + messages,
  )
  const all = [...found, ...others.flatMap(({ from, to }) => [from, to])]
  const covered = found.length + others.reduce((sum, { messages }) => sum + messages, 0)
  if (covered < gap.messages) all.push(gap.from, gap.to)
  return { from: all.reduce(earlier), to: all.reduce(later) }
}
