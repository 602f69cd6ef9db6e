/** Archives of nwaku, of each schema that has all of a message, as SQLite itself writes them. */
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { countNwakuSqlite, readNwakuSqlite } from '../../src/archive/nwaku-sqlite.ts'
import { hashToBytes } from '../../src/core/hash.ts'
import { decodeMessage } from '../../src/core/message.ts'
import { envelopeAt } from './kit.ts'

const time = 1_763_892_345_678_901_234n
const meta = Buffer.from('meta')
const message = envelopeAt(time)
const { pubsubTopic, hash } = message
const { payload, contentTopic } = message.message
const common = [Buffer.from(pubsubTopic), Buffer.from(contentTopic), payload, 0] as const

/** Columns beside pubsubTopic, contentTopic, payload and version, by schema, and their values for one message. */
const schemas = {
  10: {
    columns: 'timestamp INTEGER NOT NULL, meta BLOB, messageHash BLOB PRIMARY KEY',
    values: [time, null, hashToBytes(hash)],
  },
  9: {
    columns:
      'timestamp INTEGER NOT NULL, id BLOB, messageHash BLOB, storedAt INTEGER NOT NULL, meta BLOB, PRIMARY KEY (storedAt, messageHash)',
    values: [time, null, hashToBytes(hash), time + 5n, null],
  },
  7: {
    columns: 'timestamp INTEGER NOT NULL, id BLOB, storedAt INTEGER NOT NULL, PRIMARY KEY (storedAt, id, pubsubTopic)',
    values: [time, Buffer.from('id'), time + 5n],
  },
  4: {
    columns:
      'senderTimestamp INTEGER NOT NULL, id BLOB, receiverTimestamp INTEGER NOT NULL, PRIMARY KEY (senderTimestamp, id, pubsubTopic)',
    values: [time, Buffer.from('id'), time + 5n],
  },
} as const

type Value = string | number | bigint | Uint8Array | null

function archive(file: string, columns: string, rows: readonly (readonly Value[])[]): string {
  using database = new DatabaseSync(file)
  database.exec('PRAGMA journal_mode = WAL')
  database.exec(
    `CREATE TABLE Message (pubsubTopic BLOB NOT NULL, contentTopic BLOB NOT NULL, payload BLOB, version INTEGER NOT NULL, ${columns}) WITHOUT ROWID`,
  )
  for (const row of rows) database.prepare(`INSERT INTO Message VALUES (${row.map(() => '?').join(', ')})`).run(...row)
  return file
}

for (const [version, { columns, values }] of Object.entries(schemas))
  t.test(`schema ${version} gives the message that the network knows, with all digits of its time`, async (t) => {
    const file = archive(path.join(t.testdir(), 'store.sqlite3'), columns, [[...common, ...values]])
    const [found] = [...readNwakuSqlite(file)].flat()
    t.match(found?.record, { hash, timestamp: time, pubsubTopic })
    t.equal(found?.said, Number(version) >= 8 ? hash : undefined)
    t.equal(countNwakuSqlite(file), 1)
  })

t.test('meta and version are part of the message, and another hash is told', async (t) => {
  const said = Buffer.alloc(32, 7)
  const row = [common[0], common[1], payload, 1, time, meta, said]
  const file = archive(path.join(t.testdir(), 'store.sqlite3'), schemas[10].columns, [row])
  const [found] = [...readNwakuSqlite(file)].flat()
  t.match(decodeMessage(found!.record.bytes), { version: 1, meta, timestamp: time })
  t.equal(found?.said, said.toString('hex'))
  t.not(found?.record.hash, found?.said)
})

t.test('many rows come in pages', async (t) => {
  const rows = Array.from({ length: 1234 }, (_, index) => {
    const one = envelopeAt(BigInt(index + 1))
    const { payload, contentTopic } = one.message
    return [
      Buffer.from(one.pubsubTopic),
      Buffer.from(contentTopic),
      payload,
      0,
      BigInt(index + 1),
      null,
      hashToBytes(one.hash),
    ]
  })
  const file = archive(path.join(t.testdir(), 'store.sqlite3'), schemas[10].columns, rows)
  const pages = [...readNwakuSqlite(file)]
  t.same(
    pages.map(({ length }) => length),
    [500, 500, 234],
  )
  t.ok(pages.flat().every(({ record, said }) => record.hash === said))
})

t.test('what is no archive of nwaku is refused', async (t) => {
  const folder = t.testdir({ text: 'x'.repeat(5000) })
  t.throws(() => [...readNwakuSqlite(path.join(folder, 'text'))], { code: 'archive/bad-sqlite' })
  const other = path.join(folder, 'other')
  {
    using database = new DatabaseSync(other)
    database.exec('CREATE TABLE message (x INTEGER)')
  }
  t.throws(() => [...readNwakuSqlite(other)], { message: /no table of messages as nwaku makes it/ })
})
