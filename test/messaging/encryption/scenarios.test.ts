/** Conversations of two devices over a network that loses, doubles, delays and turns messages round. */
import fc from 'fast-check'
import t from 'tap'
import { prekeyGrace, prekeyLifetime } from '../../../src/messaging/encryption/prekeys.ts'
import { encryptedMessage, protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import { Session } from '../../../src/messaging/encryption/session.ts'
import { holds } from '../../kit/property.ts'
import { Party } from './party.ts'

const start = 1_700_000_000_000_000_000n
const hour = 3_600_000_000_000n

interface Pair {
  readonly alice: Party
  readonly bob: Party
}

/** Two who have each other's bundle. */
function strangers(): Pair {
  const alice = new Party('device-a', start)
  const bob = new Party('device-b', start)
  alice.learn(bob, bob.bundle(start), start)
  bob.learn(alice, alice.bundle(start), start)
  return { alice, bob }
}

/** Two who have written to each other. */
function acquainted(): Pair {
  const pair = strangers()
  pair.bob.read(pair.alice, pair.alice.write(pair.bob, 'hello', start), start)
  pair.alice.read(pair.bob, pair.bob.write(pair.alice, 'hello yourself', start), start)
  return pair
}

type Step =
  | { readonly do: 'write'; readonly by: boolean }
  | { readonly do: 'wait'; readonly hours: number }
  | { readonly do: 'deliver'; readonly which: number; readonly again: boolean }

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('write' as const), by: fc.boolean() }),
    fc.record({ do: fc.constant('wait' as const), hours: fc.nat(30) }),
    fc.record({ do: fc.constant('deliver' as const), which: fc.nat(), again: fc.boolean() }),
  ),
  { maxLength: 24 },
)

interface Sent {
  readonly from: Party
  readonly to: Party
  readonly text: string
  readonly wire: Uint8Array
  isRead: boolean
}

/** Plays `steps`, then delivers the rest; false where a message does not open the first time, or does a second time. */
function converse({ alice, bob }: Pair, steps: readonly Step[]): boolean {
  const sent: Sent[] = []
  let now = start
  const deliver = (message: Sent) => {
    const { text } = message.to.read(message.from, message.wire, now)
    const isRight = text === (message.isRead ? undefined : message.text)
    message.isRead = true
    return isRight
  }
  const play = (step: Step) => {
    if (step.do === 'write') {
      const [from, to] = step.by ? [alice, bob] : [bob, alice]
      const text = `${sent.length}`
      sent.push({ from, to, text, wire: from.write(to, text, now), isRead: false })
      return true
    }
    if (step.do === 'wait') {
      now += BigInt(step.hours) * hour
      return true
    }
    const candidates = sent.filter(({ isRead }) => step.again || !isRead)
    const message = candidates[step.which % Math.max(1, candidates.length)]
    return message === undefined || deliver(message)
  }
  return steps.every(play) && sent.filter(({ isRead }) => !isRead).every(deliver) && sent.every(deliver)
}

t.test(
  'each message opens once, in whatever order, doubled or days late, whoever begins, with a restart at each step and new prekeys each day',
  async (t) => {
    holds(
      t,
      fc.property(steps, fc.boolean(), (steps, isBegun) => converse(isBegun ? acquainted() : strangers(), steps)),
      { numRuns: 15 },
    )
  },
)

t.test('what is lost is missed by nobody else', async (t) => {
  holds(
    t,
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { maxLength: 16 }), (turns) => {
      const { alice, bob } = strangers()
      return turns.every(([byAlice, isLost], index) => {
        const [from, to] = byAlice ? [alice, bob] : [bob, alice]
        const wire = from.write(to, `${index}`, start)
        return isLost || to.read(from, wire, start).text === `${index}`
      })
    }),
    { numRuns: 8 },
  )
})

t.test('both begin at once, and each reads all that the other sends', async (t) => {
  const { alice, bob } = strangers()
  const fromAlice = ['a1', 'a2'].map((text) => alice.write(bob, text, start))
  const fromBob = ['b1', 'b2'].map((text) => bob.write(alice, text, start))
  t.same(
    fromBob.map((wire) => alice.read(bob, wire, start).text),
    ['b1', 'b2'],
  )
  t.same(
    fromAlice.map((wire) => bob.read(alice, wire, start).text),
    ['a1', 'a2'],
  )
  for (let round = 0; round < 3; round += 1) {
    t.equal(bob.read(alice, alice.write(bob, `a${round}`, start), start).text, `a${round}`)
    t.equal(alice.read(bob, bob.write(alice, `b${round}`, start), start).text, `b${round}`)
  }
  t.ok(alice.sessionsWith(bob).length <= 2)
})

/** The part of a message that is for one device. */
function partFor(party: Party, wire: Uint8Array) {
  const part = protocolMessage.decode(wire).encrypted.get(party.installation)
  if (part === undefined) throw new Error('it has no part for this device')
  return part
}

t.test('each message says how to begin until the first answer is read, though answers are lost', async (t) => {
  const { alice, bob } = strangers()
  const first = alice.write(bob, 'first', start)
  t.ok(partFor(bob, first).x3dh)
  t.equal(bob.read(alice, first, start).text, 'first')
  bob.write(alice, 'an answer that is lost', start)
  const second = alice.write(bob, 'second', start)
  t.ok(partFor(bob, second).x3dh)
  t.equal(bob.read(alice, second, start).text, 'second')
  t.equal(alice.read(bob, bob.write(alice, 'answer', start), start).text, 'answer')
  t.equal(partFor(bob, alice.write(bob, 'third', start)).x3dh, undefined)
})

t.test('the first message is lost, and the second begins the session', async (t) => {
  const { alice, bob } = strangers()
  const lost = alice.write(bob, 'lost', start)
  t.equal(bob.read(alice, alice.write(bob, 'second', start), start).text, 'second')
  t.equal(bob.read(alice, lost, start).text, 'lost', 'and it may still come')
})

t.test('a prekey is replaced after a day, and a message on the old one still opens', async (t) => {
  const { alice, bob } = strangers()
  const late = alice.write(bob, 'late', start)
  const old = bob.bundle(start).prekeys.get(bob.installation)?.key
  t.same(bob.bundle(start + 23n * hour).prekeys.get(bob.installation)?.key, old)
  const renewed = bob.bundle(start + prekeyLifetime).prekeys.get(bob.installation)
  t.notSame(renewed?.key, old)
  t.equal(renewed?.version, 2)
  t.equal(bob.read(alice, late, start + 30n * 24n * hour).text, 'late')
})

t.test('a prekey is forgotten after its grace: sessions go on, first messages on it open for nobody', async (t) => {
  const { alice, bob } = strangers()
  const mallory = new Party('device-m', start)
  mallory.learn(bob, bob.bundle(start), start)
  const recorded = mallory.write(bob, 'recorded', start)
  t.equal(bob.read(alice, alice.write(bob, 'hello', start), start).text, 'hello')
  bob.bundle(start + prekeyLifetime)
  const isKnown = bob.snapshot()
  t.equal(
    bob.read(mallory, recorded, start + prekeyLifetime + prekeyGrace - 1n).text,
    'recorded',
    'control: until then it opens',
  )
  isKnown()
  const after = start + prekeyLifetime + prekeyGrace
  t.match(bob.read(mallory, recorded, after), { text: undefined, why: 'no session' })
  t.equal(bob.read(alice, alice.write(bob, 'still here', after), after).text, 'still here')
})

t.test('with no bundle known a message goes by the identity key, and says so', async (t) => {
  const alice = new Party('device-a', start)
  const bob = new Party('device-b', start)
  const wire = alice.write(bob, 'request', start)
  t.match(bob.read(alice, wire, start), { text: 'request', kind: 'one-shot' })
  t.equal(new Party('device-c', start).read(alice, wire, start).text, undefined)
  t.match(
    alice.read(bob, bob.write(alice, 'accepted', start), start),
    { text: 'accepted', kind: 'ratchet' },
    'its bundle began a session',
  )
})

t.test('a device that begins anew, with its sessions lost, is read and reads', async (t) => {
  const { alice, bob } = acquainted()
  const old = alice.write(bob, 'before', start)
  alice.begin(bob)
  t.equal(bob.read(alice, alice.write(bob, 'anew', start), start).text, 'anew')
  t.equal(bob.read(alice, old, start).text, 'before')
  t.equal(alice.read(bob, bob.write(alice, 'answer', start), start).text, 'answer')
})

t.test(
  'a first message that is played again is refused, also when there is a newer session on the same prekey',
  async (t) => {
    const { alice, bob } = strangers()
    const first = alice.write(bob, 'first', start)
    t.equal(bob.read(alice, first, start).text, 'first')
    alice.begin(bob)
    t.equal(bob.read(alice, alice.write(bob, 'anew', start), start).text, 'anew')
    t.match(bob.read(alice, first, start), { text: undefined, why: 'used' })
  },
)

t.test('a message that claims to be of another person does not open', async (t) => {
  const { alice, bob } = strangers()
  const mallory = new Party('device-a', start)
  const wire = alice.write(bob, 'text', start)
  t.equal(bob.read(mallory, wire, start).text, undefined)
  t.equal(bob.read(alice, wire, start).text, 'text')
})

t.test(
  'a bit that is changed anywhere in a message never gives another text, and what was not changed opens afterwards',
  async (t) => {
    const { alice, bob } = strangers()
    const wire = alice.write(bob, 'the text', start)
    const restore = bob.snapshot()
    holds(
      t,
      fc.property(fc.nat(wire.length * 8 - 1), (bit) => {
        const changed = Buffer.from(wire)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const { text } = bob.read(alice, changed, start)
        const isSound = text === undefined || text === 'the text'
        if (text !== undefined) restore()
        return isSound
      }),
      { numRuns: 100 },
    )
    t.equal(bob.read(alice, wire, start).text, 'the text')
  },
)

t.test('a part of a message is not opened when it is cut or empty', async (t) => {
  const { alice, bob } = strangers()
  const part = partFor(bob, alice.write(bob, 'text', start))
  const wireOf = (change: object) =>
    protocolMessage.encode({
      installation: alice.installation,
      encrypted: new Map([[bob.installation, { ...part, ...change }]]),
    })
  for (const change of [
    { payload: new Uint8Array(0) },
    { ratchet: undefined },
    { x3dh: undefined },
    { x3dh: { key: new Uint8Array(33), prekey: part.x3dh?.prekey } },
  ])
    t.equal(bob.read(alice, wireOf(change), start).text, undefined)
  t.equal(bob.read(alice, wireOf({}), start).text, 'text')
  t.ok(encryptedMessage.encode(part).length > 100)
})

/** What a thief of all that `victim` has on disk makes of a recorded message: tries each session, and begins one by each prekey. */
function steal(victim: Party, author: Party, wire: Uint8Array): string | undefined {
  const part = partFor(victim, wire)
  const prekey = part.x3dh && victim.prekeys.find(part.x3dh.prekey)
  const device = { identity: author.identity.publicKey, installation: author.installation }
  const begun = prekey && Session.answer(victim.identity, prekey, device, part)
  const results = [...victim.sessionsWith(author), ...(begun ? [begun] : [])].map((one) => one.decrypt(part))
  const opened = results.find((result) => result.opened)
  return opened?.opened ? Buffer.from(opened.plaintext).toString() : undefined
}

t.test(
  'a thief of the device opens nothing that was read after the first turn, and the first messages only until their prekey is forgotten',
  async (t) => {
    const { alice, bob } = strangers()
    const recorded: Uint8Array[] = []
    for (const text of ['one', 'two', 'three']) {
      const wire = alice.write(bob, text, start)
      recorded.push(wire)
      t.equal(bob.read(alice, wire, start).text, text)
      t.ok(alice.read(bob, bob.write(alice, `${text}, read`, start), start).text)
    }
    const waiting = alice.write(bob, 'on its way', start)
    const theft = (wires: readonly Uint8Array[]) => wires.map((wire) => steal(bob, alice, wire))
    t.same(theft([waiting]), ['on its way'], 'control: what is still to come does open')
    // X3DH without one-time prekeys: this is what forgetting the prekey is for.
    t.same(theft(recorded), ['one', undefined, undefined])
    bob.bundle(start + prekeyLifetime)
    bob.bundle(start + prekeyLifetime + prekeyGrace)
    t.same(theft(recorded), [undefined, undefined, undefined])
    t.same(theft([waiting]), ['on its way'])
  },
)
