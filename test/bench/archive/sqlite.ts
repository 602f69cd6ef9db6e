/**
 * SQLite with nwaku's schema (version 10) and its queries, and with the best index for them. Write-ahead log, one
 * transaction for a group, synchronous=NORMAL: the log is not synced before a message counts as stored.
 */
import path from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { defaultCommitLimits } from '../../../src/archive/commit.ts'
import type { Envelope } from '../../../src/core/envelope.ts'
import { type Keeper, type KeeperKind, type PageQuery, pageMessages } from './subject.ts'

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS Message (
    pubsubTopic BLOB NOT NULL, contentTopic BLOB NOT NULL, payload BLOB, version INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, meta BLOB, messageHash BLOB NOT NULL PRIMARY KEY
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS i_ts ON Message (timestamp);
`

/** All that nwaku selects, so that nothing but the index has to be read for the order. */
const bestIndex = 'CREATE INDEX IF NOT EXISTS i_best ON Message (contentTopic, timestamp, messageHash)'

const columns = 'timestamp, contentTopic, payload, pubsubTopic, version, messageHash, meta'

class SqliteKeeper implements Keeper {
  readonly #database: DatabaseSync
  readonly #insert
  readonly #statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#insert = database.prepare(
      'INSERT INTO Message (messageHash, contentTopic, payload, pubsubTopic, version, timestamp, meta) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
  }

  async insert(envelopes: readonly Envelope[]): Promise<void> {
    const group = defaultCommitLimits.groupMessages
    for (let start = 0; start < envelopes.length; start += group) {
      this.#database.exec('BEGIN')
      for (const { hash, message, pubsubTopic } of envelopes.slice(start, start + group)) {
        const { contentTopic, payload, timestamp = 0n, version = 0 } = message
        const [pubsub, content] = [Buffer.from(pubsubTopic), Buffer.from(contentTopic)]
        this.#insert.run(Buffer.from(hash, 'hex'), content, payload, pubsub, version, timestamp, null)
      }
      this.#database.exec('COMMIT')
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
    return Number(this.#prepared('SELECT count(*) AS n FROM Message').get()?.n ?? 0)
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  #prepared(sql: string): ReturnType<DatabaseSync['prepare']> {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    statement.setReadBigInts(true)
    this.#statements.set(sql, statement)
    return statement
  }
}

interface Conditions {
  readonly where: string
  readonly values: readonly SQLInputValue[]
}

function conditions({ contentTopics, pubsubTopic, hashes, start, end }: PageQuery): Conditions {
  const parts: { sql: string; values: readonly SQLInputValue[] }[] = []
  const anyOf = (column: string, values: readonly SQLInputValue[]) =>
    parts.push({ sql: `(${values.map(() => `${column} = ?`).join(' OR ')})`, values })
  if (pubsubTopic !== undefined) anyOf('pubsubTopic', [Buffer.from(pubsubTopic)])
  if (contentTopics !== undefined)
    anyOf(
      'contentTopic',
      contentTopics.map((topic) => Buffer.from(topic)),
    )
  if (hashes !== undefined)
    anyOf(
      'messageHash',
      hashes.map((hash) => Buffer.from(hash, 'hex')),
    )
  if (start !== undefined) parts.push({ sql: 'timestamp >= ?', values: [start] })
  if (end !== undefined) parts.push({ sql: 'timestamp <= ?', values: [end] })
  const where = parts.length === 0 ? '' : `WHERE ${parts.map(({ sql }) => sql).join(' AND ')}`
  return { where, values: parts.flatMap(({ values }) => values) }
}

function sqlite(name: string, more: string): KeeperKind {
  return {
    name,
    async open(folder) {
      const database = new DatabaseSync(path.join(folder, 'store.sqlite3'))
      database.exec(schema)
      if (more !== '') database.exec(more)
      return new SqliteKeeper(database)
    },
  }
}

export const sqliteOfNwaku = sqlite("SQLite, nwaku's schema", '')
export const sqliteWithBestIndex = sqlite('SQLite, best index', bestIndex)
