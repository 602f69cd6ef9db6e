import fc from 'fast-check'
import t from 'tap'
import {
  areContacts,
  type Handshake,
  propagated,
  steps,
  strangers,
  synced,
  toWire,
} from '../../../src/messaging/contacts/handshake.ts'
import { holds } from '../../kit/property.ts'

t.test('two become contacts when one asks and the other accepts, or both ask', async (t) => {
  const asked = steps.send(strangers, 1n)
  t.equal(areContacts(asked), false)
  t.equal(areContacts(steps.receive(asked, 2n)), true)
  t.equal(areContacts(steps.send(steps.receive(strangers, 1n), 2n)), true)
})

t.test('what is earlier than what is known changes nothing', async (t) => {
  const state = steps.receive(steps.send(strangers, 5n), 5n)
  for (const [name, step] of Object.entries(steps)) {
    t.equal(step(state, 5n), state, name)
    t.not(step(state, 6n), state, `${name}, the control`)
  }
})

t.test('an end is the end for both, until somebody asks again', async (t) => {
  const contacts = steps.receive(steps.send(strangers, 1n), 2n)
  const ended = steps.retract(contacts, 3n)
  t.same(ended, { ours: 'none', ourClock: 3n, theirs: 'none', theirClock: 3n })
  t.equal(steps.receive(ended, 2n), ended, 'a late message from before does not bring it back')
  t.same(steps.receiveRetraction(contacts, 3n), ended)
  t.equal(steps.receive(ended, 4n).theirs, 'received')
})

t.test('a request that was put aside stays aside when they end it', async (t) => {
  const aside = steps.dismiss(steps.receive(strangers, 1n), 2n)
  t.match(steps.receiveRetraction(aside, 3n), { ours: 'dismissed', theirs: 'none' })
  t.equal(
    propagated(aside, { localClock: 0n, localState: 0n, remoteClock: 9n, remoteState: 0n }).state.ours,
    'dismissed',
  )
})

t.test('who is behind is told, and only what one says of himself is believed', async (t) => {
  const asked = steps.send(strangers, 5n)
  t.equal(propagated(asked, toWire(strangers)).sendBack, true)
  t.equal(propagated(asked, { localClock: 0n, localState: 0n, remoteClock: 5n, remoteState: 3n }).sendBack, false)
  const forged = { localClock: 6n, localState: 2n, remoteClock: 9n, remoteState: 2n }
  t.same(propagated(strangers, forged).state, { ours: 'none', ourClock: 0n, theirs: 'received', theirClock: 6n })
  t.equal(areContacts(propagated(strangers, forged).state), false)
})

/** Steps of one of two people, whose message the other gets or not; both count one clock. */
const stories = fc.array(
  fc.record({
    who: fc.constantFrom(0, 1),
    what: fc.constantFrom('send', 'retract'),
    lost: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
)

const theirSide = { send: steps.receive, retract: steps.receiveRetraction } as const

t.test('whatever was lost, both agree once each has told its state', async (t) => {
  holds(
    t,
    fc.property(stories, (story) => {
      const people: [Handshake, Handshake] = [strangers, strangers]
      for (const [index, { who, what, lost }] of story.entries()) {
        const clock = BigInt(index + 1)
        const step = what as keyof typeof theirSide
        people[who === 0 ? 0 : 1] = steps[step](people[who === 0 ? 0 : 1], clock)
        const other = who === 0 ? 1 : 0
        if (!lost) people[other] = theirSide[step](people[other], clock)
      }
      for (let round = 0; round < 2; round += 1)
        for (const [from, to] of [
          [0, 1],
          [1, 0],
        ] as const)
          people[to] = propagated(people[to], toWire(people[from])).state
      return areContacts(people[0]) === areContacts(people[1])
    }),
    { numRuns: 500 },
  )
})

t.test('a device of ours takes over what another knows', async (t) => {
  const known = steps.receive(steps.send(strangers, 5n), 6n)
  const device = {
    contactRequestLocalState: 2n,
    contactRequestLocalClock: 5n,
    contactRequestRemoteState: 3n,
    contactRequestRemoteClock: 6n,
  }
  t.same(synced(strangers, device), known)
  t.equal(synced(known, device), known)
  const ended = {
    ...device,
    contactRequestLocalState: 0n,
    contactRequestLocalClock: 7n,
    contactRequestRemoteState: 0n,
    contactRequestRemoteClock: 7n,
  }
  t.same(synced(known, ended), { ours: 'none', ourClock: 7n, theirs: 'none', theirClock: 7n })
  t.match(synced(known, { ...device, contactRequestLocalState: 4n, contactRequestLocalClock: 8n }), {
    ours: 'dismissed',
  })
})
