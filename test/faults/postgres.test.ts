/** A PostgreSQL that crashes, throws connections out, is locked, is full: nothing acknowledged is lost or stored twice. */
import pg from 'pg'
import t from 'tap'
import { ask, envelopes, store } from '../archive/kit.ts'
import { type PostgresServer, password, postgres } from '../kit/postgres.ts'
import { needs } from '../kit/tools.ts'
import { until } from '../kit/until.ts'
import { nothingLost, patience, Recoveries, ready, spooledArchive, times, timestamp, Writers } from './postgres-kit.ts'

/** Connections of the server, but for three that are reserved for superusers. */
const connections = 20
const spare = connections - 3

t.setTimeout(patience)

const program = needs(t, 'postgres')
if (program !== undefined) {
  const server = await postgres(t, program, { settings: [`max_connections = ${connections}`] })

  t.test('a server that crashes again and again while messages are stored', async (t) => {
    const { archive } = await spooledArchive(t, {
      url: await server.database('crash'),
      connections: 6,
      folder: t.testdir(),
    })
    const writers = new Writers(archive, timestamp)
    const recoveries = new Recoveries()
    for (let crash = 0; crash < times.crashes; crash++) {
      await writers.more(200)
      // An orderly restart now and then: it throws out whoever is connected, and ends in peace.
      await server.stop(crash % 5 === 4 ? 'fast' : 'immediate')
      await writers.more(200)
      await server.start()
      await recoveries.of(archive)
    }
    t.comment(`${times.crashes} crashes: ${recoveries}`)
    const acknowledged = await writers.stop()
    t.same(writers.refused, [], 'not one message was refused')
    await ready(archive)
    await nothingLost(t, archive, acknowledged)
    t.equal((await archiveCount(server, 'crash')) >= acknowledged.length, true)
    t.equal((await locksHeld(server)).length, 0, 'no lock is left')
  })

  t.test('connections that are thrown out', async (t) => {
    const { archive } = await spooledArchive(t, {
      url: await server.database('storm'),
      connections: 6,
      folder: t.testdir(),
    })
    const writers = new Writers(archive, timestamp)
    for (let storm = 0; storm < times.terminations; storm++) {
      await writers.more(50)
      await server.sql(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'storm' and pid <> pg_backend_pid()`,
      )
    }
    const acknowledged = await writers.stop()
    t.same(writers.refused, [])
    const recoveries = new Recoveries()
    await recoveries.of(archive)
    t.comment(`${times.terminations} times all connections thrown out: ${recoveries}`)
    await nothingLost(t, archive, acknowledged)
  })

  t.test(
    'a table that somebody has locked: commits wait no longer than their limit, then go to the spool',
    async (t) => {
      const { archive } = await spooledArchive(t, {
        url: await server.database('locked'),
        connections: 6,
        folder: t.testdir(),
      })
      await store(archive, envelopes(10))
      const somebody = new pg.Client({ connectionString: server.urlOf('locked') })
      await somebody.connect()
      await somebody.query('begin; lock table waypost.messages in access exclusive mode')
      const acknowledged = envelopes(50)
      await store(archive, acknowledged)
      t.match(archive.status(), { state: 'degraded', why: /statement timeout.*50 wait in the spool/ })
      await t.rejects(ask(archive), { code: 'archive/unavailable' }, 'a question is given up too')
      await somebody.query('rollback')
      await somebody.end()
      await ready(archive)
      await nothingLost(t, archive, acknowledged)
    },
  )

  t.test('a server without a connection to spare', async (t) => {
    const url = await server.database('crowded')
    await server.sql(`create role guest login password '${password}'`)
    await server.sql('grant create on database crowded to guest')
    const crowd = Array.from({ length: spare }, () => new pg.Client({ connectionString: url }))
    await Promise.all(crowd.map((client) => client.connect()))
    const guest = url.replace('//waypost:', '//guest:')
    const { archive } = await spooledArchive(t, { url: guest, connections: 6, folder: t.testdir() })
    const acknowledged = envelopes(50)
    await store(archive, acknowledged)
    t.match(archive.status(), { state: 'degraded', why: /remaining connection slots.*50 wait in the spool/ })
    await Promise.all(crowd.map((client) => client.end()))
    await ready(archive)
    await nothingLost(t, archive, acknowledged)
  })

  t.test('a detach that was begun and left, in the way of new messages', async (t) => {
    const { archive, backend } = await spooledArchive(t, {
      url: await server.database('detach'),
      connections: 6,
      folder: t.testdir(),
    })
    const before = envelopes(20)
    await store(archive, before)
    await leaveDetached(server, 'detach')
    const after = envelopes(20)
    await store(archive, after)
    await ready(archive)
    await nothingLost(t, archive, [...before, ...after])
    t.equal((await backend.stat()).messages, 40)
  })
}

/** Begins to detach the only partition, and is cut off while a reader holds it up. */
async function leaveDetached(server: PostgresServer, database: string): Promise<void> {
  const reader = new pg.Client({ connectionString: server.urlOf(database) })
  await reader.connect()
  await reader.query('begin isolation level repeatable read; select count(*) from waypost.messages')
  const [row] = await server.sql('select inhrelid::regclass::text as name from pg_inherits', [], database)
  const detaching = server.sql(`alter table waypost.messages detach partition ${row?.name} concurrently`, [], database)
  const failed = detaching.catch(() => {})
  await until(async () => (await pendingIn(server, database)) === 1)
  await server.sql(
    `select pg_terminate_backend(pid) from pg_stat_activity where query like 'alter table waypost.messages detach%'`,
    [],
    database,
  )
  await failed
  await reader.query('rollback')
  await reader.end()
  if ((await pendingIn(server, database)) !== 1) throw new Error('the detach did not stay pending')
}

async function pendingIn(server: PostgresServer, database: string): Promise<number> {
  const text = `select count(*) from pg_inherits where inhparent = 'waypost.messages'::regclass and inhdetachpending`
  const [row] = await server.sql(text, [], database)
  return Number(row?.count)
}

async function archiveCount(server: PostgresServer, database: string): Promise<number> {
  const [row] = await server.sql('select count(*) from waypost.messages', [], database)
  return Number(row?.count)
}

function locksHeld(server: PostgresServer): Promise<Record<string, unknown>[]> {
  return server.sql(`select * from pg_locks where locktype = 'advisory'`)
}
