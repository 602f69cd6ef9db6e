import fc from 'fast-check'
import t from 'tap'
import {
  EventType,
  maxEvents,
  maxGroupImageBytes,
  membershipUpdateEvent,
  membershipUpdateMessage,
} from '../../../src/messaging/application/group.ts'
import { abridged, isSameGroup } from '../../../src/messaging/groups/abridged.ts'
import { drafts, groupId, openEvent, type SignedEvent, signEvent } from '../../../src/messaging/groups/event.ts'
import { adminEvents, GroupLog, maxAuthorEvents } from '../../../src/messaging/groups/group-log.ts'
import { eventFault, maxMembers, replay, wasEverMember } from '../../../src/messaging/groups/replay.ts'
import { encodeStayers } from '../../../src/messaging/groups/stayers.ts'
import { KeyPair, userId } from '../../../src/messaging/keys.ts'
import { holds } from '../../kit/property.ts'
import { hexOf } from '../../kit/vectors.ts'

const now = 1_700_000_000_000
const people = [1, 2, 3, 4, 5].map((seed) => KeyPair.fromSecret(Buffer.alloc(32, seed)))
const [alice, bob, carol, dave] = people as [KeyPair, KeyPair, KeyPair, KeyPair]
const id = (person: KeyPair) => userId(person.publicKey)
const ids = people.map(id)
const chatId = groupId('4fa2c41c-1e07-4d4f-9b0e-0b1f6a4c0f11', alice)
const clock = (step: number) => BigInt(now + step)

const created = signEvent(chatId, drafts.created('crew', 'blue', clock(0)), alice)

/** A log by who did what, one event after the other. */
function logOf(...steps: [KeyPair, ReturnType<typeof drafts.memberJoined>][]): SignedEvent[] {
  return [created, ...steps.map(([author, draft]) => signEvent(chatId, draft, author))]
}

/** The group in short, by the people's numbers. */
function shown(events: readonly SignedEvent[]) {
  const { name, members, admins } = replay(chatId, events)
  const numbers = (set: ReadonlySet<string>) => [...set].map((member) => ids.indexOf(member) + 1).sort()
  return { name, members: numbers(members), admins: numbers(admins) }
}

t.test('an event comes back as it was signed, and only of its own group', async (t) => {
  const opened = openEvent(chatId, created.raw)
  t.same(opened, created)
  t.equal(opened?.from, id(alice))
  t.not(openEvent(`${chatId}x`, created.raw)?.from, id(alice))
  for (const raw of [new Uint8Array(0), created.raw.subarray(0, 65), Buffer.alloc(100)])
    t.equal(openEvent(chatId, raw), undefined)
})

t.test('an event is signed and read only for a group whose id has the one form', async (t) => {
  // A protobuf in front of the event: with it a member would sign an unban of a community.
  const crafted = `\u0010\u0010-${id(alice)}`
  const code = { code: 'messaging/bad-group-id' }
  for (const other of [crafted, `x${chatId}`, `${chatId}\n`, chatId.toUpperCase(), chatId.replace('-0x04', '-0x03')]) {
    t.throws(() => signEvent(other, drafts.memberJoined(clock(1)), alice), code)
    t.throws(() => new GroupLog(other), code)
    t.equal(openEvent(other, created.raw), undefined)
  }
  t.throws(() => groupId('x', alice), code)
  t.equal(new GroupLog(chatId).chatId, chatId, 'the control')
})

t.test('a log is carried by a message, event by event', async (t) => {
  const events = logOf([alice, drafts.membersAdded([id(bob)], clock(1))])
  const body = membershipUpdateMessage.encode({ chatId, events: events.map(({ raw }) => raw) })
  const log = new GroupLog(chatId)
  for (const raw of membershipUpdateMessage.decode(body).events) t.equal(log.take(raw, now), 'new')
  t.same([...log.state.members], [id(alice), id(bob)])
  t.equal(log.take(created.raw, now), 'known')
})

t.test('people are added, join, are named admins, leave, and are removed', async (t) => {
  const steps: [KeyPair, ReturnType<typeof drafts.memberJoined>][] = [
    [alice, drafts.membersAdded([id(bob), id(carol)], clock(1))],
    [bob, drafts.memberJoined(clock(2))],
    [bob, drafts.membersAdded([id(dave)], clock(3))],
    [alice, drafts.adminsAdded([id(bob)], clock(4))],
    [bob, drafts.memberRemoved(id(dave), clock(5))],
    [carol, drafts.memberRemoved(id(carol), clock(6))],
    [carol, drafts.nameChanged('mine', clock(7))],
    [bob, drafts.nameChanged('band', clock(8))],
    [bob, drafts.adminRemoved(id(bob), clock(9))],
  ]
  const after = (count: number) => shown(logOf(...steps.slice(0, count)))
  t.same(after(0), { name: 'crew', members: [1], admins: [1] })
  t.same(after(3), { name: 'crew', members: [1, 2, 3, 4], admins: [1] })
  t.same(after(4).admins, [1, 2])
  t.same(after(5).members, [1, 2, 3])
  t.same(after(7), { name: 'crew', members: [1, 2], admins: [1, 2] }, 'who left says nothing more')
  t.same(after(9), { name: 'band', members: [1, 2], admins: [1] })
  const state = replay(chatId, logOf(...steps))
  t.same(
    [bob, carol, dave, people[4]!].map((person) => wasEverMember(state, id(person))),
    [true, true, true, false],
  )
})

t.test('whom an admin removed only an admin lets in again, whatever clock an event bears', async (t) => {
  const start = logOf(
    [alice, drafts.membersAdded([id(bob), id(carol)], clock(1))],
    [alice, drafts.memberRemoved(id(carol), clock(10))],
  )
  const late: Readonly<Record<string, SignedEvent>> = {
    'a member before the removal': signEvent(chatId, drafts.membersAdded([id(carol)], clock(5)), bob),
    'a member after it': signEvent(chatId, drafts.membersAdded([id(carol)], clock(15)), bob),
    'herself, before it': signEvent(chatId, drafts.memberJoined(clock(9)), carol),
    'herself, after it': signEvent(chatId, drafts.memberJoined(clock(11)), carol),
  }
  for (const [who, event] of Object.entries(late)) {
    t.same(shown([...start, event]).members, [1, 2], `not ${who}`)
    const removed = signEvent(chatId, drafts.memberRemoved(id(bob), clock(20)), alice)
    t.same(shown([event, removed, ...start]).members, [1], `nor when the accomplice is out: ${who}`)
  }
  const both = signEvent(chatId, drafts.membersAdded([id(carol), id(dave)], clock(15)), bob)
  t.same(shown([...start, both]).members, [1, 2, 4], 'others of the same event come in')
  const byAlice = signEvent(chatId, drafts.membersAdded([id(carol)], clock(15)), alice)
  t.same(shown([...start, byAlice]).members, [1, 2, 3], 'an admin lets her in')
  const left = logOf(
    [alice, drafts.membersAdded([id(bob), id(carol)], clock(1))],
    [carol, drafts.memberRemoved(id(carol), clock(10))],
    [bob, drafts.membersAdded([id(carol)], clock(15))],
  )
  t.same(shown(left).members, [1, 2, 3], 'who left by himself is let in by any member')
})

t.test('a log in short still says whom an admin removed', async (t) => {
  const state = replay(
    chatId,
    logOf(
      [alice, drafts.membersAdded([id(bob)], clock(1))],
      [alice, drafts.membersAdded([id(carol)], clock(2))],
      [alice, drafts.memberRemoved(id(carol), clock(3))],
    ),
  )
  const again = signEvent(chatId, drafts.membersAdded([id(carol)], clock(4)), bob)
  t.same(shown([...abridged(state), again]).members, [1, 2])
})

t.test('whom somebody let in goes with him, unless the admin who removes him lets them stay', async (t) => {
  const erin = people[4]!
  const start = logOf(
    [alice, drafts.membersAdded([id(bob)], clock(1))],
    [bob, drafts.membersAdded([id(carol), id(erin)], clock(2))],
    [alice, drafts.adminsAdded([id(erin)], clock(3))],
  )
  const removal = (stay?: KeyPair[]) =>
    signEvent(chatId, drafts.memberRemoved(id(bob), clock(10), stay?.map(id)), alice)
  const backdated = [
    signEvent(chatId, drafts.membersAdded([id(dave)], clock(6)), carol),
    signEvent(chatId, drafts.membersAdded([id(carol), id(dave)], clock(5)), bob),
  ]
  const after = (...events: SignedEvent[]) => shown([...start, ...events])
  t.same(after(removal([alice, carol])).members, [1, 3, 5], 'an admin stays')
  t.same(after(removal([alice])).members, [1, 5])
  t.same(after(...backdated, removal([alice, carol])).members, [1, 3, 5], 'whom he says that he let in is out')
  t.same(after(backdated[0]!, removal([alice])).members, [1, 5], 'and whom those let in')
  t.same(after(backdated[0]!, removal([alice, carol])).members, [1, 3, 4, 5], 'not whom somebody let in who stays')
  t.same(
    after(...backdated, removal()).members,
    [1, 3, 4, 5],
    'a removal that says nothing, as of status-go, takes one',
  )
  const again = signEvent(chatId, drafts.membersAdded([id(dave)], clock(11)), carol)
  t.same(after(...backdated, removal([alice, carol]), again).members, [1, 3, 5], 'only an admin lets in who went so')
  const vouched = signEvent(chatId, drafts.membersAdded([id(carol)], clock(9)), alice)
  t.same(after(vouched, removal([alice])).members, [1, 3, 5], 'nor whom an admin let in too')
  t.same(replay(chatId, [...start, removal([alice])]).expelled, new Set([id(bob), id(carol)]))
})

t.test('what an admin said counts for the time in which he was one', async (t) => {
  const start = logOf(
    [alice, drafts.membersAdded([id(bob), id(carol), id(dave)], clock(1))],
    [alice, drafts.adminsAdded([id(bob)], clock(2))],
    [bob, drafts.memberRemoved(id(bob), clock(10))],
  )
  const removal = (step: number) => signEvent(chatId, drafts.memberRemoved(id(carol), clock(step)), bob)
  t.same(shown([removal(9), ...start]).members, [1, 4])
  t.same(shown([removal(11), ...start]).members, [1, 3, 4])
})

t.test('who is there says so once', async (t) => {
  const joined = [bob, bob].map((who, index) => signEvent(chatId, drafts.memberJoined(clock(5 + index)), who))
  t.same(replay(chatId, [...base, ...joined]).events, [...base, joined[0]])
  t.equal(eventFault(replay(chatId, [...base, joined[0]!]), joined[1]!), 'already joined')
})

const base = logOf([alice, drafts.membersAdded([id(bob), id(carol)], clock(1))])
const baseState = replay(chatId, base)

const refused: readonly {
  what: string
  author: KeyPair
  draft: ReturnType<typeof drafts.memberJoined>
  why: string
}[] = [
  { what: 'a second creation', author: alice, draft: drafts.created('x', 'y', clock(9)), why: 'already created' },
  { what: 'a name by a stranger', author: dave, draft: drafts.nameChanged('x', clock(9)), why: 'not a member' },
  { what: 'no name', author: bob, draft: drafts.nameChanged('', clock(9)), why: 'empty' },
  { what: 'no color', author: bob, draft: drafts.colorChanged('', clock(9)), why: 'empty' },
  { what: 'no image', author: bob, draft: drafts.imageChanged(new Uint8Array(0), clock(9)), why: 'empty' },
  {
    what: 'an addition by a stranger',
    author: dave,
    draft: drafts.membersAdded([id(dave)], clock(9)),
    why: 'not a member',
  },
  { what: 'joining by a stranger', author: dave, draft: drafts.memberJoined(clock(9)), why: 'not a member' },
  { what: 'a removal by a member', author: bob, draft: drafts.memberRemoved(id(carol), clock(9)), why: 'not an admin' },
  {
    what: 'the removal of an admin',
    author: bob,
    draft: drafts.memberRemoved(id(alice), clock(9)),
    why: 'not an admin',
  },
  { what: 'a removal of nobody', author: alice, draft: { ...drafts.memberJoined(clock(9)), type: 5 }, why: 'empty' },
  { what: 'leaving by a stranger', author: dave, draft: drafts.memberRemoved(id(dave), clock(9)), why: 'not a member' },
  { what: 'an admin by a member', author: bob, draft: drafts.adminsAdded([id(bob)], clock(9)), why: 'not an admin' },
  { what: 'a stranger as admin', author: alice, draft: drafts.adminsAdded([id(dave)], clock(9)), why: 'not a member' },
  { what: "another's adminship ended", author: bob, draft: drafts.adminRemoved(id(alice), clock(9)), why: 'empty' },
  { what: 'an event without a type', author: alice, draft: { clock: clock(9) }, why: 'unknown event' },
]

for (const { what, author, draft, why } of refused)
  t.test(`${what} does not count`, async (t) => {
    const signed = signEvent(chatId, draft, author)
    t.equal(eventFault(baseState, signed), why)
    t.ok(isSameGroup(replay(chatId, [...base, signed]), baseState))
  })

t.test('an admin does not remove another', async (t) => {
  const events = [...base, signEvent(chatId, drafts.adminsAdded([id(bob)], clock(2)), alice)]
  const removal = signEvent(chatId, drafts.memberRemoved(id(alice), clock(3)), bob)
  t.equal(eventFault(replay(chatId, events), removal), 'an admin')
  const other = signEvent(chatId, drafts.memberRemoved(id(carol), clock(3)), bob)
  t.equal(eventFault(replay(chatId, events), other), undefined, 'the control')
})

t.test('what is no key is not let in, and a group has room for so many', async (t) => {
  const odd = ['', '0x04', 'bob', id(bob).toUpperCase(), id(bob).slice(2), `0x04${'0'.repeat(128)}`]
  const event = signEvent(chatId, drafts.membersAdded([...odd, id(bob)], clock(1)), alice)
  t.same(shown([created, event]).members, [1, 2])
  t.equal(eventFault(replay(chatId, [created]), signEvent(chatId, drafts.membersAdded(odd, clock(1)), alice)), 'empty')
  const crowd = (count: number) => ({ ...event, added: Array.from({ length: count }, (_, index) => `p${index}`) })
  t.equal(eventFault(replay(chatId, [created]), crowd(maxMembers - 1)), undefined)
  t.equal(eventFault(replay(chatId, [created]), crowd(maxMembers)), 'group full')
})

t.test('nobody else begins a group, and nothing comes before it', async (t) => {
  const forged = signEvent(chatId, drafts.created('evil', 'red', clock(-9)), bob)
  const early = signEvent(chatId, drafts.membersAdded([id(dave)], clock(-8)), alice)
  t.equal(eventFault(replay(chatId, []), forged), 'not the creator')
  t.equal(eventFault(replay(chatId, []), early), 'not created')
  t.same(shown([forged, early, ...base]), shown(base))
  t.equal(replay(chatId, [forged, early]).members.size, 0)
})

const crowd = logOf(
  [alice, drafts.membersAdded([id(bob), id(carol), id(dave)], clock(1))],
  [alice, drafts.adminsAdded([id(bob)], clock(2))],
)

/** What anybody may try, allowed or not; clocks repeat. */
const attempts = fc.array(
  fc.record({
    author: fc.nat({ max: 4 }),
    type: fc.oneof(fc.constantFrom<number>(...Object.values(EventType), 0, 77), fc.constantFrom<number>(2, 3, 5, 6)),
    members: fc.array(fc.nat({ max: 4 }), { maxLength: 2 }),
    name: fc.constantFrom('', 'a', 'b'),
    step: fc.integer({ min: 2, max: 5 }),
  }),
  { maxLength: 25 },
)

/** An event as it is once its signature was looked at: properties of replays need no signatures. */
function told(author: string, draft: ReturnType<typeof drafts.memberJoined>): SignedEvent {
  const raw = membershipUpdateEvent.encode(draft)
  const event = membershipUpdateEvent.decode(raw)
  const added = event.type === EventType.membersAdded ? event.members : []
  return { event, from: author, added, raw, key: `${author} ${hexOf(raw)}` }
}

const scenes = attempts
  .map((tries) => {
    const events = tries.map(({ author, type, members, name, step }) => {
      const named = members.map((member) => ids[member]!)
      // Of a removal: nothing, that nobody stays of whom he let in, or that one does.
      const stay = name === 'a' ? [] : name === 'b' ? [ids[3]!] : undefined
      const image = type === EventType.memberRemoved && stay ? encodeStayers(stay) : Buffer.from(name)
      return told(ids[author]!, { type, members: named, name, color: name, image, clock: clock(step) })
    })
    return [...crowd, ...events]
  })
  .chain((events) =>
    fc.record({
      events: fc.constant(events),
      order: fc.shuffledSubarray([...events.keys()], { minLength: events.length }),
    }),
  )

t.test('events give the same group in whatever order they come', async (t) => {
  holds(
    t,
    fc.property(scenes, ({ events, order }) => {
      const log = new GroupLog(chatId)
      for (const index of order) log.add(events[index]!)
      t.same(shown([...log.events]), shown(events))
      t.ok(isSameGroup(log.state, replay(chatId, events)))
    }),
    { numRuns: 200 },
  )
})

t.test('an abridged log gives the same group, and each of its events counts', async (t) => {
  let shorter = 0
  holds(
    t,
    fc.property(scenes, ({ events }) => {
      const state = replay(chatId, events)
      const short = abridged(state)
      const again = replay(chatId, short)
      t.ok(isSameGroup(again, state))
      t.equal(again.events.length, short.length)
      if (short.length < state.events.length) shorter += 1
    }),
    { numRuns: 200 },
  )
  t.ok(shorter > 0, 'some are shorter')
})

t.test('who has the log in short sees the same group after what comes later', async (t) => {
  holds(
    t,
    fc.property(scenes, ({ events }) => {
      const [early, late] = [true, false].map((isEarly) =>
        events.filter(({ event }) => event.clock <= clock(3) === isEarly),
      )
      const short = abridged(replay(chatId, early!))
      return isSameGroup(replay(chatId, [...short, ...late!]), replay(chatId, events))
    }),
    { numRuns: 200 },
  )
})

t.test('admins are always members, and the creator begins as both', async (t) => {
  holds(
    t,
    fc.property(scenes, ({ events }) => {
      const { members, admins } = replay(chatId, events)
      return [...admins].every((admin) => members.has(admin))
    }),
    { numRuns: 200 },
  )
})

t.test('a log that loses who let somebody in is sent whole', async (t) => {
  const events = logOf(
    [alice, drafts.membersAdded([id(bob)], clock(1))],
    [bob, drafts.membersAdded([id(carol)], clock(2))],
    [bob, drafts.memberRemoved(id(bob), clock(3))],
  )
  const state = replay(chatId, events)
  t.same(abridged(state), state.events)
  const renamed = logOf(
    [alice, drafts.nameChanged('a', clock(1))],
    [alice, drafts.nameChanged('b', clock(2))],
    [alice, drafts.membersAdded([id(bob)], clock(3))],
  )
  t.equal(abridged(replay(chatId, renamed)).length, 3, 'one that loses nothing is not')
})

t.test('clocks of events have the limits of any clock', async (t) => {
  const log = new GroupLog(chatId)
  const at = (clock: bigint) => signEvent(chatId, drafts.created('x', 'y', clock), alice).raw
  t.equal(log.take(at(0n), now), 'no clock')
  t.equal(log.take(at(clock(120_001)), now), 'clock ahead')
  t.equal(log.take(at(clock(120_000)), now), 'new')
  t.equal(log.nextClock(now), clock(120_001))
})

t.test('events that do not count cannot fill the log', async (t) => {
  const log = new GroupLog(chatId, base)
  const spam = signEvent(chatId, drafts.nameChanged('spam', clock(5)), dave)
  for (let index = 0; index < maxEvents; index += 1)
    log.add({ ...spam, key: `${index}`, raw: Buffer.of(index >> 8, index & 255) })
  t.ok([...log.events].length > maxEvents)
  t.equal(log.take(signEvent(chatId, drafts.nameChanged('real', clock(6)), bob).raw, now), 'new')
  t.equal(log.state.name, 'real')
  t.equal([...log.events].length, base.length + 1)
})

t.test('a member who joins again and again does not fill the log', async (t) => {
  const log = new GroupLog(chatId, base)
  for (let index = 0; index < maxEvents; index += 1) log.add(told(id(bob), drafts.memberJoined(clock(5 + index))))
  for (let index = 0; index <= maxAuthorEvents; index += 1)
    t.equal(log.take(signEvent(chatId, drafts.memberJoined(clock(3000 + index)), bob).raw, now), 'new')
  t.ok([...log.events].length <= base.length + maxAuthorEvents)
  t.equal(log.take(signEvent(chatId, drafts.nameChanged('real', clock(6)), carol).raw, now), 'new')
  t.equal(log.take(signEvent(chatId, drafts.nameChanged('mine', clock(7)), bob).raw, now), 'new', 'he may say more')
  t.equal(log.state.name, 'mine')
})

const strangers = Array.from({ length: maxAuthorEvents + 2 }, (_, index) =>
  KeyPair.fromSecret(Buffer.alloc(32, 100 + index)),
)

/** An addition of one stranger: each counts, so that none makes room. */
const addition = (author: KeyPair, index: number) =>
  signEvent(chatId, drafts.membersAdded([id(strangers[index]!)], clock(10 + index)), author).raw

t.test('of what counts so much is taken of one member, and more of an admin', async (t) => {
  const log = new GroupLog(chatId, base)
  for (let index = 0; index < maxAuthorEvents; index += 1) t.equal(log.take(addition(bob, index), now), 'new')
  t.equal(log.take(addition(bob, maxAuthorEvents), now), 'author full')
  const state = log.state
  for (let index = 0; index <= maxAuthorEvents + 1; index += 1) t.equal(log.take(addition(alice, index), now), 'new')
  t.equal(log.state.members.size, state.members.size + 2)
})

t.test('when members have filled the log there is room for admins', async (t) => {
  const log = new GroupLog(chatId, base)
  const room = maxEvents - adminEvents - base.length
  for (let index = 0; index < room; index += 1) {
    const who = `p${index >> 1}`
    const draft = index % 2 === 0 ? drafts.membersAdded([who], clock(10)) : drafts.memberJoined(clock(11))
    log.add(told(index % 2 === 0 ? id(alice) : who, draft))
  }
  t.equal(log.take(signEvent(chatId, drafts.nameChanged('x', clock(20)), bob).raw, now), 'log full')
  t.equal(log.take(signEvent(chatId, drafts.memberRemoved(id(bob), clock(21)), alice).raw, now), 'new')
  t.notOk(log.state.members.has(id(bob)))
})

t.test('an event that was refused is not looked at again', async (t) => {
  let time = 0
  const log = new GroupLog(chatId, base, () => time)
  const forged = Buffer.concat([Buffer.alloc(65, 9), created.raw.subarray(65)])
  t.same([log.take(forged, now), log.take(forged, now)], ['not an event', 'refused before'])
  for (let index = 0; index < maxAuthorEvents; index += 1) log.take(addition(bob, index), now)
  const more = addition(bob, maxAuthorEvents)
  t.same([log.take(more, now), log.take(more, now)], ['author full', 'refused before'])
  time += 10 * 60 * 1000
  t.same([log.take(more, now), log.take(forged, now)], ['author full', 'refused before'], 'room may come')
  log.take(signEvent(chatId, drafts.adminsAdded([id(bob)], clock(90)), alice).raw, now)
  t.equal(log.take(more, now), 'new', 'and an admin has more')
  const ahead = Buffer.concat([Buffer.alloc(65, 1), membershipUpdateEvent.encode(drafts.memberJoined(clock(120_001)))])
  t.equal(log.take(ahead, now), 'clock ahead', 'a clock is looked at before a signature')
})

t.test('an event under another signature is the same', async (t) => {
  const log = new GroupLog(chatId, base)
  const again = Buffer.from(created.raw)
  again[64] = again[64]! + 27
  t.same([log.take(again, now), log.take(again, now)], ['known', 'refused before'])
})

t.test('a picture of a group has a bound', async (t) => {
  const log = new GroupLog(chatId, base)
  const image = (bytes: number) => drafts.imageChanged(Buffer.alloc(bytes, 1), clock(5))
  const { raw } = signEvent(chatId, image(maxGroupImageBytes), bob)
  t.equal(log.take(raw, now), 'new')
  // The same with a byte more in the picture, whose length stands before it.
  const body = membershipUpdateEvent.encode(image(maxGroupImageBytes + 1))
  t.equal(log.take(Buffer.concat([raw.subarray(0, 65), body]), now), 'not an event')
  t.throws(() => signEvent(chatId, image(maxGroupImageBytes + 1), bob), { code: 'wire/malformed' })
})
