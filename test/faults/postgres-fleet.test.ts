/** Several nodes with one archive: over many partitions, with a replica, and one that deletes while others write. */
import t from 'tap'
import type { HeldPartition } from '../../src/archive/postgres/catalog.ts'
import { spanFrom } from '../../src/archive/postgres/partitions.ts'
import { openPostgres } from '../../src/archive/postgres/postgres.ts'
import type { ReplicaState } from '../../src/archive/postgres/replica.ts'
import { toNanoseconds } from '../../src/core/time.ts'
import { archiveOn, ask, envelopeAt, envelopes, hashes, store } from '../archive/kit.ts'
import { type PostgresServer, postgres, replicaOf } from '../kit/postgres.ts'
import { needs } from '../kit/tools.ts'
import { until } from '../kit/until.ts'
import { allStored, nothingLost } from './postgres-kit.ts'

t.setTimeout(600_000)

const minute = 60_000

const program = needs(t, 'postgres')
if (program !== undefined) {
  const server = await postgres(t, program)

  t.test('two nodes write the same day at once: each message once, each hour once, no lock left', async (t) => {
    const url = await server.database('day')
    let now = Date.UTC(2026, 0, 1)
    const clock = () => now
    const nodes = await Promise.all(
      [1, 2].map(async () => archiveOn(t, await openPostgres({ url, connections: 4, clock }), { clock })),
    )
    const stored = []
    for (let step = 0; step < 24 * 4; step++) {
      now += 15 * minute
      const both = envelopes(4).map(() => envelopeAt(toNanoseconds(now - 5)))
      stored.push(...both)
      // As gossip brings them: to each node all, in an order of its own.
      await Promise.all([
        Promise.all(both.map((envelope) => nodes[0]!.put(envelope))),
        Promise.all(both.toReversed().map((envelope) => nodes[1]!.put(envelope))),
        nodes[step % 2]!.prune({ before: toNanoseconds(now - 12 * 60 * minute) }, 100),
      ])
    }
    for (const node of nodes)
      while ((await node.prune({ before: toNanoseconds(now - 12 * 60 * minute) }, 100)).messages > 0);
    const spans = await spansOf(server, 'day')
    for (const [index, span] of spans.slice(1).entries()) t.ok(span.from >= spans[index]!.to, 'no overlap')
    t.ok(spans.length >= 12 && spans.length <= 16, `${spans.length} partitions for twelve hours and those ahead`)
    const kept = stored.filter(({ message }) => message.timestamp! >= toNanoseconds(now - 12 * 60 * minute))
    await nothingLost(t, nodes[0]!, kept)
    t.same(await allStored(nodes[1]!), await allStored(nodes[0]!))
    const [row] = await server.sql(
      'select sum(messages) as messages, (select count(*) from waypost.messages) as rows from waypost.amounts',
      [],
      'day',
    )
    t.equal(row?.messages, row?.rows, 'the count is that of the rows')
    t.same(await server.sql(`select * from pg_locks where locktype = 'advisory'`), [], 'no lock is left')
    t.same(await server.sql('select * from waypost.doomed', [], 'day'), [], 'nothing is half deleted')
  })

  t.test('a node that dies while it drops a partition: the next one ends it', async (t) => {
    const url = await server.database('doomed')
    const archive = await archiveOn(t, await openPostgres({ url, connections: 4 }))
    const hour = 3_600_000_000_000n
    const first = 1_700_000_000_000_000_000n
    const old = Array.from({ length: 5 }, (_, index) => envelopeAt(first + BigInt(index)))
    const young = Array.from({ length: 5 }, (_, index) => envelopeAt(first + 2000n * hour + BigInt(index)))
    await store(archive, [...old, ...young])
    const [partition] = await spansOf(server, 'doomed')
    await server.sql(`insert into waypost.doomed values ('${partition!.name}')`, [], 'doomed')
    await server.sql(
      `alter table waypost.messages detach partition waypost."${partition!.name}" concurrently`,
      [],
      'doomed',
    )
    t.equal((await archive.prune({}, 100)).messages, 5)
    t.same(await allStored(archive), hashes(young))
    t.same(hashes((await ask(archive, { cursor: old[2]!.hash })).messages), hashes(young), 'its cursors are good')
    t.same(await server.sql('select * from waypost.doomed', [], 'doomed'), [])
  })

  t.test('a table that an operator detached by hand is left alone', async (t) => {
    const url = await server.database('byhand')
    const archive = await archiveOn(t, await openPostgres({ url, connections: 4 }))
    await store(archive, [envelopeAt(1_700_000_000_000_000_000n)])
    const [partition] = await spansOf(server, 'byhand')
    await server.sql(`alter table waypost.messages detach partition waypost."${partition!.name}"`, [], 'byhand')
    t.equal((await archive.prune({ keepMessages: 0, before: 2n ** 62n }, 100)).messages, 0)
    const [row] = await server.sql(`select count(*) from waypost."${partition!.name}"`, [], 'byhand')
    t.equal(Number(row?.count), 1)
  })

  t.test(
    'queries go to a replica, also while the primary is away, and to the primary when the replica is',
    async (t) => {
      const url = await server.database('replicated')
      const replica = await replicaOf(t, server)
      const readUrl = replica.urlOf('replicated')
      const archive = await archiveOn(t, await openPostgres({ url, readUrl, connections: 4 }))
      const stored = envelopes(30)
      await store(archive, stored)
      await until(async () => (await rowsIn(replica, 'replicated')) === 30)
      await server.stop('immediate')
      t.same(hashes((await ask(archive)).messages), hashes(stored), 'the primary is away')
      t.same(hashes((await ask(archive, { cursor: stored[9]!.hash })).messages), hashes(stored.slice(10)))
      await t.rejects(archive.put(envelopeAt(1n), 'history'), { code: 'archive/unavailable' })
      await server.start()
      await replica.stop('immediate')
      t.same(hashes((await ask(archive)).messages), hashes(stored), 'the replica is away')
    },
  )

  t.test('a replica that is behind, or hangs, is left alone until it is well', async (t) => {
    const url = await server.database('lagging')
    const replica = await replicaOf(t, server)
    let state: ReplicaState | undefined
    const backend = await openPostgres({
      url,
      readUrl: replica.urlOf('lagging'),
      connections: 4,
      maxLag: 500,
      onReplica: (now) => {
        state = now
      },
    })
    const archive = await archiveOn(t, backend)
    const before = envelopes(10)
    await store(archive, before)
    await until(async () => state?.isUsed === true && (await rowsIn(replica, 'lagging')) === 10)
    const primaryBefore = await lastQuestionTo(server)
    t.same(hashes((await ask(archive)).messages), hashes(before))
    t.equal(await lastQuestionTo(server), primaryBefore, 'one that is well answers alone')

    await replica.sql('select pg_wal_replay_pause()')
    const after = envelopes(10)
    await store(archive, after)
    t.equal((await ask(archive)).messages.length, 10, 'within its bound it may lack the newest')
    await until(() => state?.isUsed === false)
    t.ok(Number(state?.lag) > 500)
    t.same(new Set(hashes((await ask(archive)).messages)), new Set(hashes([...before, ...after])), 'beyond it, not')
    await replica.sql('select pg_wal_replay_resume()')
    await until(() => state?.isUsed === true && state.lag === 0)
    t.equal((await ask(archive)).messages.length, 20)

    replica.hang()
    await until(() => state?.isUsed === false)
    t.equal(state?.lag, undefined)
    t.equal((await ask(archive)).messages.length, 20, 'the primary answers')
    replica.resume()
    await until(() => state?.isUsed === true)

    // With nobody to measure it by, it is what there is.
    server.hang()
    await until(() => state?.lag === undefined)
    t.equal((await ask(archive)).messages.length, 20, 'the replica answers')
    server.resume()
  })

  t.test('a schema of a later release is refused', async (t) => {
    const url = await server.database('newer')
    await (await openPostgres({ url, connections: 2 })).close()
    await server.sql('update waypost.schema_version set version = 99', [], 'newer')
    await t.rejects(openPostgres({ url, connections: 2 }), {
      code: 'archive/newer-schema',
      message: /newer has schema 99/,
    })
  })
}

/** Messages that a server has; none while it does not have the table. */
async function rowsIn(server: PostgresServer, database: string): Promise<number> {
  const counted = server.sql('select count(*) from waypost.messages', [], database)
  return await counted.then(
    ([row]) => Number(row?.count),
    () => 0,
  )
}

/** When the server was last asked on a connection for reading. */
async function lastQuestionTo(server: PostgresServer): Promise<string> {
  const text = `select max(query_start)::text as last from pg_stat_activity where application_name = 'waypost reads'`
  const [row] = await server.sql(text)
  return String(row?.last)
}

/** The partitions that there are, in order. */
async function spansOf(
  server: PostgresServer,
  database: string,
): Promise<Pick<HeldPartition, 'name' | 'from' | 'to'>[]> {
  const rows = await server.sql(
    `select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bounds from pg_class c join pg_inherits i on i.inhrelid = c.oid
     where i.inhparent = 'waypost.messages'::regclass`,
    [],
    database,
  )
  const spans = rows.map(({ name, bounds }) => ({ name: String(name), ...spanFrom(String(bounds))! }))
  return spans.sort((a, b) => (a.from < b.from ? -1 : 1))
}
