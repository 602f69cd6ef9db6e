/**
 * Reads nwaku's SQLite archive, from schema 3 (2022) to 10, without changing it. The rows hold the fields of a message, not its
 * bytes: it is encoded anew, and its hash is computed. Where the database names another hash, the row is not the message
 * that the network knows: one without a time of its own, or one older than hashes, for which a migration of nwaku's
 * made one up.
 */
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { openEnvelope } from '../core/envelope.ts'
import { messageOf, WaypostError } from '../core/errors.ts'
import { hashBytes, hashFromBytes, type MessageHash } from '../core/hash.ts'
import { encodeMessage } from '../core/message.ts'
import type { Nanoseconds } from '../core/time.ts'
import type { ExportRecord } from './export/format.ts'

/** A row as a message. */
export interface SqliteMessage {
  readonly record: ExportRecord
  /** The hash that the database has; undefined where it has none. */
  readonly said: MessageHash | undefined
}

type Row = Readonly<Record<string, SQLOutputValue>>

/** Rows given at once. */
const pageRows = 500

/** The columns of a message, by the names that they have had; of several the first that is there and not 0. */
const columns = {
  pubsubTopic: ['pubsubTopic'],
  contentTopic: ['contentTopic'],
  payload: ['payload'],
  version: ['version'],
  messageHash: ['messageHash'],
  meta: ['meta'],
  // The time of the sender stood beside that of arrival until schema 10, which keeps one.
  sent: ['senderTimestamp', 'timestamp'],
  arrived: ['storedAt', 'receiverTimestamp'],
} as const

type Field = keyof typeof columns

/** All messages in `file`, some at a time. Throws `archive/bad-sqlite`. */
export function* readNwakuSqlite(file: string): Generator<readonly SqliteMessage[], void, undefined> {
  using parts = new DisposableStack()
  const rows = checked(file, () => {
    const database = parts.adopt(new DatabaseSync(file, { readOnly: true }), (opened) => opened.close())
    const statement = database.prepare(`SELECT ${selected(database, file)} FROM message`)
    statement.setReadBigInts(true)
    return statement.iterate()
  })
  let page: SqliteMessage[] = []
  for (;;) {
    const next = checked(file, () => rows.next())
    if (next.done) break
    const message = messageOfRow(next.value)
    if (message !== undefined) page.push(message)
    if (page.length === pageRows) {
      yield page
      page = []
    }
  }
  if (page.length > 0) yield page
}

/** Messages in `file`, for the progress. Throws as `readNwakuSqlite` does. */
export function countNwakuSqlite(file: string): number {
  return checked(file, () => {
    using database = new DatabaseSync(file, { readOnly: true })
    return Number(database.prepare('SELECT count(*) AS messages FROM message').get()?.messages ?? 0)
  })
}

/** The columns that are there, under the names of their fields. */
function selected(database: DatabaseSync, file: string): string {
  const there = new Set(
    database
      .prepare('PRAGMA table_info(message)')
      .all()
      .map(({ name }) => String(name).toLowerCase()),
  )
  const found = Object.entries(columns).map(([field, names]) => {
    const name = names.find((one) => there.has(one.toLowerCase()))
    return `${name ?? 'NULL'} AS ${field}`
  })
  const needed = [...columns.pubsubTopic, ...columns.contentTopic, ...columns.payload]
  if (!needed.every((name) => there.has(name.toLowerCase())))
    throw new WaypostError('archive/bad-sqlite', { file, why: 'it holds no table of messages as nwaku makes it' })
  return found.join(', ')
}

/** Undefined for a row that holds no message. */
function messageOfRow(row: Row): SqliteMessage | undefined {
  const field = (name: Field): SQLOutputValue | undefined => row[name]
  const timestamp = timeOf(field('sent')) || timeOf(field('arrived'))
  const pubsubTopic = textOf(field('pubsubTopic'))
  const contentTopic = textOf(field('contentTopic'))
  if (pubsubTopic === undefined || contentTopic === undefined || timestamp === undefined) return undefined
  const payload = bytesOf(field('payload')) ?? new Uint8Array()
  const version = Number(timeOf(field('version')) ?? 0n)
  const bytes = encodeMessage({ payload, contentTopic, version, timestamp, meta: bytesOf(field('meta')) })
  const { hash } = openEnvelope(pubsubTopic, bytes, 0)
  return { record: { timestamp, hash, pubsubTopic, bytes }, said: hashOf(bytesOf(field('messageHash'))) }
}

function bytesOf(value: SQLOutputValue | undefined): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}

/** Topics are blobs, and were texts once. */
function textOf(value: SQLOutputValue | undefined): string | undefined {
  if (typeof value === 'string') return value
  const bytes = bytesOf(value)
  return bytes && Buffer.from(bytes).toString()
}

function timeOf(value: SQLOutputValue | undefined): Nanoseconds | undefined {
  return typeof value === 'bigint' ? value : undefined
}

/** A migration numbered rows that had no hash: such a number is none. */
function hashOf(bytes: Uint8Array | undefined): MessageHash | undefined {
  return bytes?.length === hashBytes ? hashFromBytes(bytes) : undefined
}

function checked<Value>(file: string, work: () => Value): Value {
  try {
    return work()
  } catch (error) {
    if (error instanceof WaypostError) throw error
    throw new WaypostError('archive/bad-sqlite', { file, why: messageOf(error) }, { cause: error })
  }
}
