/** How the server goes about the statements that read: by its own account, on a partition of a thousand messages that it has looked at. */
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { maxTime, minTime } from '../../../src/archive/postgres/partitions.ts'
import { defaultSchema } from '../../../src/archive/postgres/schema.ts'
import { type Lanes, lookUpStatement, type Prepared, walkStatement } from '../../../src/archive/postgres/select.ts'
import { type PostgresServer, postgres } from '../../kit/postgres.ts'
import { needs } from '../../kit/tools.ts'
import { archiveOn, contentTopic, envelopeAt, pubsubTopic, store } from '../kit.ts'
import { openOn } from './kit.ts'

const rare = '/test/1/rare/proto'
const lanes: Readonly<Record<string, Lanes | undefined>> = {
  'all messages': undefined,
  'a pubsub topic': { pubsubTopic },
  'a content topic that all have': { pubsubTopic, contentTopics: [contentTopic] },
  'a content topic that few have': { pubsubTopic, contentTopics: [rare] },
  'a content topic that none has': { pubsubTopic, contentTopics: ['/test/1/none/proto'] },
}

const program = needs(t, 'postgres')
if (program !== undefined) {
  const server = await postgres(t, program)
  const archive = await archiveOn(t, await openOn(server, { schema: defaultSchema }))
  const topicOf = (index: number) => (index % 500 === 0 ? rare : contentTopic)
  await store(
    archive,
    Array.from({ length: 1000 }, (_, index) => envelopeAt(BigInt(index), { contentTopic: topicOf(index) })),
  )
  await looked(server)
  for (const [what, lane] of Object.entries(lanes))
    for (const direction of ['forward', 'backward'] as const)
      t.test(`${what}, ${direction}: one index, in its order`, async (t) => {
        const range = { first: minTime, last: maxTime }
        const step = { range, lanes: lane, direction, rows: 101, inlineBytes: 1000 }
        const plan = await planOf(server, walkStatement(defaultSchema, step))
        t.match(plan, /Index Scan/)
        t.notMatch(plan, /Sort|Seq Scan|Bitmap/)
      })
  t.test('a hash: the index of hashes, whatever the time asked for', async (t) => {
    const range = { first: minTime, last: maxTime }
    const plan = await planOf(server, lookUpStatement(defaultSchema, ['00'.repeat(32)], {}, range, 1000))
    t.match(plan, /hash_idx/)
    t.notMatch(plan, /pkey|Seq Scan/)
  })
}

/** Resolves when the server has looked at what the archive stored: it does so at a thousand messages, unasked by this test. */
async function looked(server: PostgresServer): Promise<void> {
  for (;;) {
    const [row] = await server.sql(`select count(*) as columns from pg_stats where schemaname = '${defaultSchema}'`)
    if (Number(row?.columns) > 0) return
    await pause(20)
  }
}

async function planOf(server: PostgresServer, { statement, values }: Prepared): Promise<string> {
  const texts = values.map((value) => (typeof value === 'bigint' ? value.toString() : value))
  const lines = await server.sql(`explain ${statement.text}`, texts)
  return lines.map((line) => String(line['QUERY PLAN'])).join('\n')
}
