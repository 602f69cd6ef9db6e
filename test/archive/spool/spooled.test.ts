/** A PostgreSQL that goes and comes back, and what an archive says and does meanwhile. */
import t from 'tap'
import { allStored, ready, spooledArchive } from '../../faults/postgres-kit.ts'
import { postgres } from '../../kit/postgres.ts'
import { needs } from '../../kit/tools.ts'
import { ask, envelopes, hashes, store } from '../kit.ts'

const program = needs(t, 'postgres')
if (program !== undefined) {
  const server = await postgres(t, program)

  t.test(
    'messages are acknowledged from the spool while the database is away, and go over when it is back',
    async (t) => {
      const { archive, metrics } = await spooledArchive(t, { url: await server.database('away'), folder: t.testdir() })
      const [before, meanwhile, after] = [envelopes(20), envelopes(700), envelopes(20)]
      await store(archive, before)
      t.equal(archive.status().state, 'ready')
      await server.stop('immediate')
      await store(archive, meanwhile)
      t.match(archive.status(), { state: 'degraded', why: /takes no messages .*; 700 wait in the spool/ })
      t.match(await metrics.registry.metrics(), /waypost_archive_spool_messages 700\n/)
      t.match(await metrics.registry.metrics(), 'waypost_archive_database_up{database="postgres"} 0')
      await t.rejects(ask(archive), { code: 'archive/unavailable' }, 'a question is answered with the reason')
      await server.start()
      await ready(archive)
      await store(archive, after)
      t.same(new Set(await allStored(archive)), new Set(hashes([...before, ...meanwhile, ...after])))
      t.match(await metrics.registry.metrics(), /waypost_archive_spool_messages 0\n/)
      t.match(await metrics.registry.metrics(), 'waypost_archive_database_up{database="postgres"} 1')
    },
  )

  t.test('an archive opens while the database is away, and what waited at its end waits at its start', async (t) => {
    const folder = t.testdir()
    const options = { url: await server.database('down'), folder }
    await server.stop()
    const stored = envelopes(30)
    const first = await spooledArchive(t, options)
    t.equal(first.archive.status().state, 'degraded')
    await store(first.archive, stored)
    await first.archive[Symbol.asyncDispose]()
    await server.start()
    const second = await spooledArchive(t, options)
    await ready(second.archive)
    t.same(new Set(await allStored(second.archive)), new Set(hashes(stored)))
  })

  t.test('when the spool is full messages are refused with the reason, until there is room', async (t) => {
    const limits = { messages: 10, bytes: 1024 ** 2 }
    const url = await server.database('full')
    const { archive } = await spooledArchive(t, { url, folder: t.testdir(), limits })
    await server.stop()
    await store(archive, envelopes(10))
    const reason = { code: 'archive/unavailable', message: /the spool is full: 10 messages/ }
    await t.rejects(store(archive, envelopes(1)), reason)
    t.equal(await archive.prune({ keepMessages: 0 }, 100).catch(({ code }) => code), 'archive/unavailable')
    await server.start()
    await ready(archive)
    await store(archive, envelopes(1))
    t.equal((await allStored(archive)).length, 11)
  })

  t.test('retention that fails does not stop the archive from taking messages', async (t) => {
    const url = await server.database('retention')
    const { archive, metrics } = await spooledArchive(t, { url, folder: t.testdir() })
    await store(archive, envelopes(10))
    await server.sql('drop table waypost.doomed', [], 'retention')
    t.same(await archive.prune({ keepMessages: 1 }, 100), { messages: 0, bytes: 0 })
    t.match(await metrics.registry.metrics(), 'waku_archive_errors_total{type="retpolicy_failure"} 1')
    await store(archive, envelopes(10))
    t.equal(archive.status().state, 'ready')
    t.equal((await allStored(archive)).length, 20)
  })
  t.test('a database that was emptied meanwhile is set up anew', async (t) => {
    const url = await server.database('emptied')
    const { archive } = await spooledArchive(t, { url, folder: t.testdir() })
    await store(archive, envelopes(10))
    await server.sql('drop schema waypost cascade', [], 'emptied')
    const stored = envelopes(10)
    await store(archive, stored)
    await ready(archive)
    const contentTopics = [stored[0]!.message.contentTopic]
    t.same(hashes((await ask(archive, { contentTopics })).messages), hashes(stored), 'also without a pubsub topic')
  })
}
