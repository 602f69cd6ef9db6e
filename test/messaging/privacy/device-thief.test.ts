/**
 * Who recorded all that a network carried, and then takes a device with its password. The history on it lies open to him: what
 * is shown here is that its keys open nothing of what was recorded and read before, nor for long what comes after.
 */
import t from 'tap'
import { until } from '../../kit/until.ts'
import { device, TestNetwork } from '../messenger/kit.ts'
import { contacts, tells } from './meeting.ts'
import { got, Loot } from './thief.ts'

const day = 24 * 60 * 60 * 1000

t.test('a device thief with the password opens nothing recorded that was read, but the first flight', async (t) => {
  const network = new TestNetwork()
  const [alice, bob] = await contacts(t, network)
  await tells(alice, bob, 'read early')
  await tells(bob, alice, 'said by the owner')
  const { id } = bob.me
  await bob.stop()
  const before = await Loot.take(t, bob)
  await alice.me.send(id, 'not yet read')
  await alice.me.settled()
  const unread = await before.opens(network.carried)
  t.ok(got(unread, 'not yet read'), 'control: what was not read is opened by the state that waits for it')
  t.notOk(got(unread, 'read early'))
  await bob.start()
  await until(() => bob.texts().includes('not yet read'))
  await tells(bob, alice, 'an answer')
  await bob.stop()
  const after = await Loot.take(t, bob)
  t.ok(after.sessions > 0)
  const tries = await after.tries(network.carried)
  const read = tries.filter(({ by }) => by === undefined)
  t.ok(read.length >= 8, 'control: he gets down to what only the keys of messages open')
  for (const { by, plaintext } of tries.filter((one) => one.by !== undefined)) {
    t.equal(by, 'prekey', 'what he opens begins a conversation, with a prekey that is kept for a month')
    t.match(plaintext, 'it is me')
  }
})

t.test('a device thief with the password, a month after, opens not even what began a conversation', async (t) => {
  const network = new TestNetwork()
  let ahead = 0
  const [alice, bob] = await contacts(t, network, { clock: () => Date.now() + ahead })
  await tells(alice, bob, 'hello')
  await tells(bob, alice, 'hello too')
  await bob.stop()
  t.ok(got(await (await Loot.take(t, bob)).opens(network.carried), 'it is me'), 'control: he does on the same day')
  const recorded = [...network.carried]
  for (const days of [2, 40]) {
    ahead = days * day
    const { length } = network.carried
    await bob.start()
    // What it publishes on a start has its prekeys as they have to be by then.
    await until(() => network.carried.length > length)
    await bob.stop()
  }
  const loot = await Loot.take(t, bob)
  t.ok((await loot.tries(recorded)).length >= 4, 'control: he gets down to what only the keys of messages open')
  t.same(await loot.opens(recorded), [])
})

t.test('who copied a device opens nothing that is written after a round trip', async (t) => {
  const network = new TestNetwork()
  const [alice, bob] = await contacts(t, network)
  await tells(bob, alice, 'hello')
  await tells(alice, bob, 'hello too')
  await bob.stop()
  const copied = await Loot.take(t, bob)
  await bob.start()
  await tells(alice, bob, 'before the turn')
  t.ok(got(await copied.opens(network.carried), 'before the turn'), 'control: the copy opens what follows at once')
  await tells(bob, alice, 'the turn')
  const { length } = network.carried
  await tells(alice, bob, 'after the turn')
  await tells(bob, alice, 'and later')
  await alice.me.settled()
  const later = network.carried.slice(length)
  t.ok((await copied.tries(later)).length >= 4, 'control: he gets down to what only the keys of messages open')
  t.same(await copied.opens(later), [])
})

t.test('who copied a device without the password reads nothing of it', async (t) => {
  const network = new TestNetwork()
  const bob = await device(t, network)
  await bob.stop()
  await t.rejects(Loot.take(t, bob, 'guessed'), { code: /^key-file\// })
  t.equal((await Loot.take(t, bob)).sessions, 0, 'control: the password opens it')
})
