/** Writing: one statement for a group of messages, which counts what it added. */
import type { Envelope } from '../../core/envelope.ts'
import type { MessageHash } from '../../core/hash.ts'
import { rowBytes } from '../backend.ts'
import { byteaArray, hexFrom, int8Array } from './binary.ts'
import type { Runner, Statement } from './pool.ts'
import { pubsubId, topicId } from './topics.ts'

const insertInto = (schema: string): Statement => ({
  name: 'insert',
  text: `
    with added as (
      insert into ${schema}.messages
        (timestamp, hash, pubsub_id, topic_id, pubsub_topic, content_topic, message)
      select * from unnest($1::int8[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[])
      on conflict do nothing
      returning tableoid, hash, octet_length(message) as length
    ), counted as (
      insert into ${schema}.amounts (partition, messages, bytes)
      select c.relname, count(*), sum(length + ${rowBytes}) from added join pg_class c on c.oid = added.tableoid
      group by c.relname
    )
    select hash from added`,
})

const topicsInto = (schema: string): Statement => ({
  name: 'insert pubsub topics',
  text: `insert into ${schema}.pubsub_topics select * from unnest($1::bytea[], $2::bytea[]) on conflict do nothing`,
})

/**
 * In the order of history: nodes that write the same messages at once then wait for each other in one order, and never
 * in a circle.
 */
export function ordered(envelopes: readonly Envelope[]): readonly Envelope[] {
  return envelopes.toSorted((a, b) => {
    const [first, second] = [timestampOf(a), timestampOf(b)]
    if (first !== second) return first < second ? -1 : 1
    return a.hash < b.hash ? -1 : 1
  })
}

/** The archive takes no message without a timestamp. */
export function timestampOf({ message }: Envelope): bigint {
  return message.timestamp!
}

/** Inserts those of `envelopes`, in order, that are not there, and gives their hashes. */
export async function insertMessages(
  runner: Runner,
  schema: string,
  envelopes: readonly Envelope[],
): Promise<ReadonlySet<MessageHash>> {
  const pubsubs = envelopes.map(({ pubsubTopic }) => pubsubId(pubsubTopic))
  const rows = await runner.run(insertInto(schema), [
    int8Array(envelopes.map(timestampOf)),
    byteaArray(envelopes.map(({ hash }) => Buffer.from(hash, 'hex'))),
    byteaArray(pubsubs),
    byteaArray(envelopes.map(({ message }, index) => topicId(pubsubs[index]!, message.contentTopic))),
    byteaArray(envelopes.map(({ pubsubTopic }) => Buffer.from(pubsubTopic))),
    byteaArray(envelopes.map(({ message }) => Buffer.from(message.contentTopic))),
    byteaArray(envelopes.map(({ bytes }) => bytes)),
  ])
  return new Set(rows.map(([hash]) => hexFrom(hash)))
}

/** Tells all nodes that messages lie under these pubsub topics. */
export async function insertPubsubTopics(runner: Runner, schema: string, topics: readonly string[]): Promise<void> {
  await runner.run(topicsInto(schema), [
    byteaArray(topics.map(pubsubId)),
    byteaArray(topics.map((topic) => Buffer.from(topic))),
  ])
}
