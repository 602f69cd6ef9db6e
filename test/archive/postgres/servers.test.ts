/** Several servers in one address: a real primary, a real standby, and one that is not there. */
import t, { type Test } from 'tap'
import { Pool, type Statement } from '../../../src/archive/postgres/pool.ts'
import { postgresArchive } from '../../../src/archive/postgres/postgres.ts'
import { messageOf } from '../../../src/core/errors.ts'
import { freePort } from '../../kit/free-port.ts'
import { password, postgres, replicaOf } from '../../kit/postgres.ts'
import { needs } from '../../kit/tools.ts'
import { envelopeAt } from '../kit.ts'
import { freshSchema } from './kit.ts'

const port: Statement = { name: 'port', text: 'select inet_server_port()::text' }

function poolAt(t: Test, ports: readonly number[], attributes?: string, secret = password): Pool {
  const hosts = ports.map((one) => `127.0.0.1:${one}`).join(',')
  const words = attributes === undefined ? '' : `?target_session_attrs=${attributes}`
  const url = `postgres://waypost:${encodeURIComponent(secret)}@${hosts}/postgres${words}`
  const pool = new Pool({ url, connections: 6, statementTimeout: 10_000, name: 'waypost test' })
  t.teardown(() => pool[Symbol.asyncDispose]())
  return pool
}

async function reached(pool: Pool): Promise<number> {
  const [row] = await pool.run(port)
  return Number(row?.[0])
}

const program = needs(t, 'postgres')
if (program !== undefined) {
  const primary = await postgres(t, program)
  const standby = await replicaOf(t, primary)
  const absent = await freePort()

  const caughtUp = async () => {
    const [row] = await primary.sql('select pg_current_wal_lsn()::text as written')
    const has = 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as all'
    while ((await standby.sql(has, [row?.written]))[0]?.all !== true);
  }

  const cases: readonly { ports: readonly number[]; attributes?: string; is: number }[] = [
    { ports: [absent, primary.port], is: primary.port },
    { ports: [primary.port, absent], is: primary.port },
    { ports: [standby.port, primary.port], is: standby.port },
    { ports: [standby.port, absent, primary.port], attributes: 'read-write', is: primary.port },
    { ports: [standby.port, primary.port], attributes: 'primary', is: primary.port },
    { ports: [primary.port, standby.port], attributes: 'standby', is: standby.port },
    { ports: [primary.port, standby.port], attributes: 'read-only', is: standby.port },
    { ports: [primary.port, standby.port], attributes: 'prefer-standby', is: standby.port },
    { ports: [absent, primary.port], attributes: 'prefer-standby', is: primary.port },
  ]
  t.test('the first server that is there, and is what is asked for, is taken', async (t) => {
    for (const { ports, attributes, is } of cases) {
      const pool = poolAt(t, ports, attributes)
      const found = await Promise.all(Array.from({ length: 8 }, () => reached(pool)))
      t.same(new Set(found), new Set([is]), `${attributes ?? 'nothing said'} of ${cases.length}`)
    }
  })

  t.test('when none is to be had each is told of, without the password', async (t) => {
    const none = await reached(poolAt(t, [absent, standby.port], 'read-write')).catch(messageOf)
    t.match(none, /no server is to be had \(127\.0\.0\.1:\d+: .*ECONNREFUSED.*; 127\.0\.0\.1:\d+: it takes no writes/)
    t.match(
      await reached(poolAt(t, [standby.port], 'primary')).catch(messageOf),
      /^it is a standby, and target_session/,
    )
    for (const secret of [password, encodeURIComponent(password)]) t.notOk(String(none).includes(secret))
  })

  t.test('a server that refuses the password ends the attempt', async (t) => {
    const { log } = standby
    const told = await reached(poolAt(t, [primary.port, standby.port], 'any', 'wrong')).catch(messageOf)
    t.match(told, /password authentication failed/)
    t.notOk(
      log.some((line) => line.includes('password authentication failed')),
      'the next one was not asked',
    )
    t.ok(primary.log.some((line) => line.includes('password authentication failed')))
  })

  t.test('after a fail-over the archive goes on with the server that takes writes', async (t) => {
    const hosts = `127.0.0.1:${primary.port},127.0.0.1:${standby.port}`
    const url = `${primary.url.replace(/127.0.0.1:\d+/, hosts)}?target_session_attrs=read-write`
    const archive = postgresArchive({ url, connections: 4, schema: freshSchema() })
    t.teardown(() => archive.close())
    await archive.recover()
    const one = envelopeAt(BigInt(Date.now()) * 1_000_000n)
    t.equal((await archive.put([one])).length, 1)
    await caughtUp()
    await primary.stop('immediate')
    await standby.sql('select pg_promote()')
    const other = envelopeAt(one.message.timestamp! + 1n)
    // What was under way to the one that is gone may fail once.
    const added = await archive.put([other]).catch(async () => {
      await archive.recover()
      return await archive.put([other])
    })
    t.equal(added.length, 1)
    t.match(await archive.stat(), { messages: 2 })
  })
}
