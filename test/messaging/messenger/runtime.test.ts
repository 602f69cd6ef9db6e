/** What goes on beside what an application asks for. */
import { hkdfSync } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { Account } from '../../../src/messaging/identity/account.ts'
import { Engine, type Heard } from '../../../src/messaging/messenger/engine.ts'
import { publicChat } from '../../../src/messaging/messenger/places.ts'
import { Runtime } from '../../../src/messaging/messenger/runtime.ts'
import { openDatabase } from '../../../src/messaging/storage/database.ts'
import { until } from '../../kit/until.ts'
import { device, TestNetwork } from './kit.ts'

/** Milliseconds in which a device looks several times what is due. */
const ticks = 1000

t.test('a message over which we stumble keeps no other from being read', async (t) => {
  const network = new TestNetwork()
  const alice = await device(t, network)
  await alice.me.joinPublicChat('square')
  const me = await Account.create()
  const key = Buffer.from(hkdfSync('sha256', 'anything', '', 'test', 32))
  const database = await openDatabase(`${t.testdir({})}/messages`, key)
  const end = network.end()
  const failed = (error: unknown) => t.fail(String(error))
  const engine = await Engine.open({ me, database, network: end, failed })
  engine.channels.add(publicChat('square'))
  const read: string[] = []
  const skipped: unknown[] = []
  const handle = async (_: unknown, { believed: { payload } }: Heard) => {
    if (payload.name !== 'chatMessage') return
    if (payload.message.text === 'stumble') throw new TypeError('a mistake of ours')
    read.push(payload.message.text)
  }
  const runtime = new Runtime({
    ...{ engine, network: end, handle, readGroup: async () => undefined, failed },
    publish: async () => {},
    skipped: (error) => skipped.push(error),
  })
  t.teardown(() => runtime[Symbol.asyncDispose]())
  runtime.start()
  for (const text of ['before', 'stumble', 'after']) await alice.me.send('square', text)
  await until(() => read.includes('after'))
  t.same(read, ['before', 'after'])
  t.match(skipped, [{ message: 'a mistake of ours' }])
})

t.test('what nobody took is offered again after a while, though nobody tells that it would be taken', async (t) => {
  const network = new TestNetwork()
  let ahead = 0
  const alice = await device(t, network, { clock: () => Date.now() + ahead })
  const bob = await device(t, network)
  for (const { me } of [alice, bob]) await me.joinPublicChat('square')
  await alice.me.settled()
  alice.end.isOnline = false
  await alice.me.send('square', 'hello')
  await alice.me.settled()
  alice.end.isOnline = true
  await setTimeout(ticks)
  t.same(bob.texts(), [], 'not at once')
  ahead = 6000
  await until(() => bob.texts().includes('hello'))
})
