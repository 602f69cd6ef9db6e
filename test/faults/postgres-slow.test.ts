/** A PostgreSQL that is there and does not answer: it hangs, is slow, waits for locks, has no disk. Nothing is lost. */
import { chownSync } from 'node:fs'
import pg from 'pg'
import t, { type Test } from 'tap'
import { ask, envelopes, store } from '../archive/kit.ts'
import { smallDisk } from '../kit/disk.ts'
import { type PostgresServer, postgres } from '../kit/postgres.ts'
import { needs } from '../kit/tools.ts'
import { until } from '../kit/until.ts'
import { nothingLost, patience, Recoveries, ready, spooledArchive, times, timestamp, Writers } from './postgres-kit.ts'

t.setTimeout(patience)

const mebibyte = 1024 * 1024

const program = needs(t, 'postgres')
if (program !== undefined) {
  const server = await postgres(t, program)

  /** An archive in a database of its own. */
  const archiveIn = async (t: Test, name: string) =>
    await spooledArchive(t, { url: await server.database(name), connections: 6, folder: t.testdir() })

  t.test('a server that hangs: what it may have taken or not is there once', async (t) => {
    const { archive } = await archiveIn(t, 'hanging')
    const writers = new Writers(archive, timestamp)
    const recoveries = new Recoveries()
    for (let hang = 0; hang < times.hangs; hang++) {
      await writers.more(200)
      server.hang()
      await until(() => archive.status().state === 'degraded')
      await writers.more(200)
      if (hang === 0) await t.rejects(ask(archive), { code: 'archive/unavailable' }, 'a question is given up')
      server.resume()
      await recoveries.of(archive)
    }
    t.comment(`${times.hangs} hangs: ${recoveries}`)
    const acknowledged = await writers.stop()
    t.same(writers.refused, [])
    await ready(archive)
    await nothingLost(t, archive, acknowledged)
  })

  t.test('a server that takes ever longer, up to more than a commit may take', async (t) => {
    const { archive } = await archiveIn(t, 'slow')
    const writers = new Writers(archive, timestamp)
    await writers.more(10)
    const seconds = await slowDown(server, 'slow')
    const states = new Set<string>()
    for (let round = 0; round < times.slowdowns; round++)
      for (const pause of [0.1, 1, 4]) {
        await seconds(pause)
        await writers.more(30)
        states.add(archive.status().state)
      }
    // A hand-over takes longer than the next message: there is always one that waits.
    await seconds(0.05)
    await ready(archive)
    t.same([...states].toSorted(), ['degraded', 'ready'], 'slow is borne, too slow is not waited for')
    const acknowledged = await writers.stop()
    t.same(writers.refused, [])
    await ready(archive)
    await nothingLost(t, archive, acknowledged)
  })

  t.test('tables that somebody locks again and again, for a moment or for long', async (t) => {
    const { archive } = await archiveIn(t, 'waits')
    const writers = new Writers(archive, timestamp)
    const somebody = new pg.Client({ connectionString: server.urlOf('waits') })
    await somebody.connect()
    const recoveries = new Recoveries()
    const tables = ['messages', 'amounts', 'pubsub_topics']
    for (let lock = 0; lock < times.locks; lock++) {
      await writers.more(50)
      await somebody.query(`begin; lock table waypost.${tables[lock % tables.length]} in access exclusive mode`)
      // Every fifth is held until commits are given up.
      if (lock % 5 === 0) await until(() => archive.status().state === 'degraded' || !isWritten(tables, lock))
      await somebody.query('rollback')
      await recoveries.of(archive)
    }
    await somebody.end()
    t.comment(`${times.locks} locks: ${recoveries}`)
    const acknowledged = await writers.stop()
    t.same(writers.refused, [])
    await ready(archive)
    await nothingLost(t, archive, acknowledged)
  })

  t.test('a server whose disk is full', async (t) => {
    const disk = smallDisk(t, 64)
    if (disk === undefined) return t.plan(0, 'needs a user who may mount')
    const { uid, gid } = server.place.account
    if (uid !== undefined && gid !== undefined) chownSync(disk.folder, uid, gid)
    await server.sql(`create tablespace small location '${disk.folder}'`)
    await server.sql('create database full_disk tablespace small')
    const { archive } = await spooledArchive(t, {
      url: server.urlOf('full_disk'),
      connections: 6,
      folder: t.testdir(),
    })
    const before = envelopes(50)
    await store(archive, before)
    disk.fill(mebibyte)
    const payload = () => Buffer.alloc(100 * 1024, Math.random().toString())
    const meanwhile = Array.from({ length: 40 }, () => envelopes(1, { payload: payload() })).flat()
    await store(archive, meanwhile)
    t.match(archive.status(), { state: 'degraded', why: /No space left on device.*wait in the spool/ })
    t.equal((await ask(archive)).messages.length > 0, true, 'what is there is read')
    disk.empty()
    await ready(archive)
    await nothingLost(t, archive, [...before, ...meanwhile])
    await archive[Symbol.asyncDispose]()
    await server.sql('drop database full_disk')
    await server.sql('drop tablespace small')
  })
}

/** True when each commit writes to the table of this round. */
function isWritten(tables: readonly string[], round: number): boolean {
  return tables[round % tables.length] !== 'pubsub_topics'
}

/** Makes each insert into the archive wait; what it gives sets for how long. */
async function slowDown(server: PostgresServer, database: string): Promise<(seconds: number) => Promise<void>> {
  const run = async (text: string) => void (await server.sql(text, [], database))
  await run('create table public.pause (seconds float8)')
  await run('insert into public.pause values (0)')
  await run(`create function wait() returns trigger language plpgsql as $$
    begin perform pg_sleep(seconds) from public.pause; return null; end $$`)
  await run('create trigger wait before insert on waypost.messages for each statement execute function wait()')
  return (seconds) => run(`update public.pause set seconds = ${seconds}`)
}
