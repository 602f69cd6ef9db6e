/**
 * How the archive lies in PostgreSQL: in a schema of its own, so that it can share a database with anything.
 *
 * Topics and messages are bytea: a topic may hold NUL, which text cannot, and a message is served as the bytes that
 * came. A btree takes rows of 2704 bytes at the most and topics are longer, so indices hold digests of them; the topics
 * beside them are what a query is compared with. A hash stands under its timestamp, since a unique index of a
 * partitioned table has to hold what partitions it.
 */
import { WaypostError } from '../../core/errors.ts'
import { rowBytes } from '../backend.ts'
import { booleanFrom, numberFrom } from './binary.ts'
import { locks, lockText } from './locks.ts'
import type { Pool, Statement } from './pool.ts'

/** The schema unless a test says otherwise. */
export const defaultSchema = 'waypost'

/** One step from a version of the schema to the next, in a transaction. */
type Migration = (schema: string) => readonly string[]

const migrations: readonly Migration[] = [
  (schema) => [
    `create table ${schema}.messages (
       timestamp bigint not null,
       hash bytea not null,
       pubsub_id bytea not null,
       topic_id bytea not null,
       pubsub_topic bytea not null,
       content_topic bytea not null,
       message bytea not null,
       primary key (timestamp, hash)
     ) partition by range (timestamp)`,
    // What is encrypted does not shrink: PostgreSQL is not to try.
    `alter table ${schema}.messages alter column message set storage external`,
    `create index messages_topic on ${schema}.messages (topic_id, timestamp, hash)`,
    `create index messages_pubsub on ${schema}.messages (pubsub_id, timestamp, hash)`,
    `create index messages_hash on ${schema}.messages using hash (hash)`,
    `comment on table ${schema}.messages is 'by nanoseconds since 1970; topic_id: head of sha256(pubsub_id || content_topic)'`,
    `create table ${schema}.pubsub_topics (id bytea primary key, topic bytea not null)`,
    // What is held, as changes of it: one row that every commit of every node updates would make them wait in line.
    `create table ${schema}.amounts (partition name not null, messages bigint not null, bytes bigint not null)`,
    `comment on table ${schema}.amounts is 'changes of what a partition holds; bytes are those of messages and ${rowBytes} each'`,
    `create table ${schema}.graves (hash bytea primary key, timestamp bigint not null, deleted_at bigint not null)`,
    `create index graves_deleted_at on ${schema}.graves (deleted_at)`,
    `create table ${schema}.doomed (partition name primary key)`,
    `comment on table ${schema}.doomed is 'partitions that retention is about to drop; a table detached by hand is left alone'`,
  ],
]

/** The version that this release knows. */
export const schemaVersion = migrations.length

const versionOf = (schema: string): Statement => ({
  name: 'schema version',
  text: `select version from ${schema}.schema_version`,
})

const isThere = (schema: string): Statement => ({
  name: 'schema there',
  text: `select to_regclass('${schema}.schema_version') is not null`,
})

/** Brings the schema to the present version. Throws `archive/newer-schema`. `place` is what a person reads. */
export async function ensureSchema(pool: Pool, schema: string, place: string): Promise<void> {
  const found = await versionIn(pool, schema)
  if (found === schemaVersion) return
  if (found !== undefined && found > schemaVersion) throw newer(place, found)
  for (let version = found ?? 0; version < schemaVersion; version++) await migrate(pool, schema, version)
}

/** The version of what is there; undefined when there is nothing. */
export async function versionIn(pool: Pick<Pool, 'run'>, schema: string): Promise<number | undefined> {
  const [there] = await pool.run(isThere(schema))
  if (there === undefined || !booleanFrom(there[0])) return undefined
  const [row] = await pool.run(versionOf(schema))
  return row && numberFrom(row[0])
}

/** From `version` to the next, unless another node has done it meanwhile. */
async function migrate(pool: Pool, schema: string, version: number): Promise<void> {
  await pool.transaction(async ({ define, run }) => {
    await define(
      lockText(locks.schema),
      `create schema if not exists ${schema}`,
      `create table if not exists ${schema}.schema_version (version integer not null)`,
    )
    const [row] = await run(versionOf(schema))
    if ((row === undefined ? 0 : numberFrom(row[0])) !== version) return
    await define(
      ...(migrations[version]?.(schema) ?? []),
      row === undefined
        ? `insert into ${schema}.schema_version values (1)`
        : `update ${schema}.schema_version set version = ${version + 1}`,
    )
  })
}

function newer(place: string, found: number): WaypostError {
  return new WaypostError('archive/newer-schema', { folder: place, found, known: schemaVersion })
}
