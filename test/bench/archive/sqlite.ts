/**
 * SQLite with nwaku's schema (version 10) and its queries, and as it could be for the same queries: by better-sqlite3.
 * Write-ahead log, one transaction for a group, synchronous=NORMAL: the log is not synced before a message counts as
 * stored.
 */
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { defaultCommitLimits } from '../../../src/archive/commit.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import { type Keeper, type KeeperKind, type PageQuery, pageMessages } from './subject.ts'

type Value = Buffer | Uint8Array | bigint

const table = `CREATE TABLE IF NOT EXISTS Message (
    pubsubTopic BLOB NOT NULL, contentTopic BLOB NOT NULL, payload BLOB, version INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, meta BLOB, messageHash BLOB NOT NULL PRIMARY KEY
  )`
const byTime = 'CREATE INDEX IF NOT EXISTS i_ts ON Message (timestamp)'

/** A message lies in the index of hashes, where one of a kilobyte takes a page of its own beside it. */
const nwaku = [`${table} WITHOUT ROWID`, byTime]

/**
 * Messages lie in the order in which they come; a content topic is one range of its index, in the order of a page. The
 * planner is told how the values are spread.
 */
const best = [table, byTime, 'CREATE INDEX IF NOT EXISTS i_best ON Message (contentTopic, timestamp, messageHash)']

const columns = 'timestamp, contentTopic, payload, pubsubTopic, version, messageHash, meta'
const insertion =
  'INSERT INTO Message (messageHash, contentTopic, payload, pubsubTopic, version, timestamp, meta) VALUES (?, ?, ?, ?, ?, ?, ?)'

class SqliteKeeper implements Keeper {
  readonly #database: Database.Database
  readonly #isTuned: boolean
  readonly #insertGroup: (group: readonly Envelope[]) => void
  readonly #statements = new Map<string, Database.Statement>()

  constructor(database: Database.Database, isTuned: boolean) {
    this.#database = database
    this.#isTuned = isTuned
    const insert = database.prepare(insertion)
    this.#insertGroup = database.transaction((group: readonly Envelope[]) => {
      for (const { hash, message, pubsubTopic } of group) {
        const { contentTopic, payload, timestamp = 0n, version = 0 } = message
        const [pubsub, content] = [Buffer.from(pubsubTopic), Buffer.from(contentTopic)]
        insert.run(Buffer.from(hash, 'hex'), content, payload, pubsub, version, timestamp, null)
      }
    })
  }

  async insert(envelopes: readonly Envelope[]): Promise<void> {
    const group = defaultCommitLimits.groupMessages
    for (let start = 0; start < envelopes.length; start += group) {
      this.#insertGroup(envelopes.slice(start, start + group))
      await turn()
    }
  }

  async page(query: PageQuery): Promise<number> {
    const { where, values } = conditions(query)
    const order = query.backward ? 'DESC' : 'ASC'
    const selected = query.presence ? 'messageHash' : columns
    const sql = `SELECT ${selected} FROM Message ${where} ORDER BY timestamp ${order}, messageHash ${order} LIMIT ${pageMessages + 1}`
    return Math.min(pageMessages, this.#prepared(sql).all(...values).length)
  }

  /** As nwaku's retention by capacity. The file keeps its room for what comes. */
  async forget(messages: number): Promise<void> {
    const keep = (await this.held()) - messages
    this.#database.exec(
      `DELETE FROM Message WHERE messageHash NOT IN (SELECT messageHash FROM Message ORDER BY timestamp DESC, messageHash DESC LIMIT ${keep})`,
    )
  }

  async held(): Promise<number> {
    return Number(this.#prepared('SELECT count(*) FROM Message').pluck().get())
  }

  async close(): Promise<void> {
    if (this.#isTuned) this.#database.pragma('optimize')
    this.#database.close()
  }

  #prepared(sql: string): Database.Statement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql).safeIntegers()
    this.#statements.set(sql, statement)
    return statement
  }
}

interface Conditions {
  readonly where: string
  readonly values: readonly Value[]
}

function conditions({ contentTopics = [], pubsubTopic, hashes = [], start, end }: PageQuery): Conditions {
  const marks = (values: readonly unknown[]) => values.map(() => '?').join(', ')
  const parts: { sql: string; values: readonly Value[] }[] = []
  if (pubsubTopic !== undefined) parts.push({ sql: 'pubsubTopic = ?', values: [Buffer.from(pubsubTopic)] })
  if (contentTopics.length > 0)
    parts.push({
      sql: `contentTopic IN (${marks(contentTopics)})`,
      values: contentTopics.map((topic) => Buffer.from(topic)),
    })
  if (hashes.length > 0)
    parts.push({ sql: `messageHash IN (${marks(hashes)})`, values: hashes.map((hash) => Buffer.from(hash, 'hex')) })
  if (start !== undefined) parts.push({ sql: 'timestamp >= ?', values: [start] })
  if (end !== undefined) parts.push({ sql: 'timestamp <= ?', values: [end] })
  const where = parts.length === 0 ? '' : `WHERE ${parts.map(({ sql }) => sql).join(' AND ')}`
  return { where, values: parts.flatMap(({ values }) => values) }
}

function sqlite(name: string, schema: readonly string[]): KeeperKind {
  return {
    name,
    async open(folder) {
      const database = new Database(path.join(folder, 'store.sqlite3'))
      database.pragma('journal_mode = WAL')
      database.pragma('synchronous = NORMAL')
      for (const statement of schema) database.exec(statement)
      return new SqliteKeeper(database, schema === best)
    },
  }
}

export const sqliteOfNwaku = sqlite("SQLite, nwaku's schema", nwaku)
export const sqliteWithBestIndex = sqlite('SQLite, best index', best)
