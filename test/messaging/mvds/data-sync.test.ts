import fc from 'fast-check'
import t from 'tap'
import { DataSync, type DataSyncOptions } from '../../../src/messaging/mvds/data-sync.ts'
import { parseSyncPayload, type SyncPayload, syncMessageId, syncPayload } from '../../../src/messaging/mvds/payload.ts'
import { decodeRecord, encodeRecord } from '../../../src/messaging/mvds/record-codec.ts'
import type { SyncRecord, SyncStore } from '../../../src/messaging/mvds/records.ts'
import { maxSends, resendWait } from '../../../src/messaging/mvds/schedule.ts'
import { holds } from '../../kit/property.ts'
import { bytesOf } from '../../kit/vectors.ts'

const group = Buffer.alloc(32, 7)
const nothing = { acks: [], offers: [], requests: [], messages: [], groupOffers: [] }

/** The rows of a store, as they would be read after a restart. */
class Rows implements SyncStore {
  readonly #stored = new Map<string, Uint8Array>()

  get rows(): SyncRecord[] {
    return [...this.#stored.values()].map((stored) => decodeRecord(stored)!)
  }

  put(record: SyncRecord): void {
    this.#stored.set(`${record.kind} ${record.peer} ${record.id}`, encodeRecord(record))
  }

  remove(kind: string, peer: string, id: string): void {
    this.#stored.delete(`${kind} ${peer} ${id}`)
  }
}

/** One side of a conversation: its machine, its rows, and what its application got. */
class Party {
  readonly store = new Rows()
  readonly inbox: string[] = []
  readonly abandoned: string[] = []
  readonly #options: DataSyncOptions
  sync: DataSync

  constructor(options: DataSyncOptions) {
    this.#options = { ...options, store: this.store }
    this.sync = new DataSync(this.#options)
  }

  restart(): void {
    const rows = this.store.rows
    this.sync = new DataSync(this.#options)
    for (const row of rows) this.sync.restore(row)
  }

  /** What goes out now, encoded. */
  tick(): Uint8Array[] {
    const { outgoing, abandoned } = this.sync.tick()
    this.abandoned.push(...abandoned.map(({ id }) => id))
    return outgoing.map(({ payload }) => syncPayload.encode(payload))
  }

  receive(peer: string, body: Uint8Array): void {
    const payload = parseSyncPayload(body)
    if (payload === undefined) throw new Error('a payload that says nothing was sent')
    for (const { message } of this.sync.receive(peer, payload).delivered)
      this.inbox.push(Buffer.from(message.body).toString())
  }
}

function clockAt(start = 1_700_000_000_000): { now: number; clock: () => number } {
  const time = { now: start, clock: () => time.now }
  return time
}

/** What may happen, in the network's worst moments. */
const actions = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('alice sends', 'bob sends') },
    { weight: 1, arbitrary: fc.constantFrom('alice restarts', 'bob restarts', 'alice is online', 'bob is online') },
    {
      weight: 4,
      arbitrary: fc.record({
        wait: fc.constantFrom(300, 300, 40_000, 4_000_000),
        /** For each envelope: lost, once, twice. */
        copies: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 6 }),
        backwards: fc.boolean(),
      }),
    },
  ),
  { maxLength: 40 },
)

interface Envelope {
  readonly to: 'alice' | 'bob'
  readonly body: Uint8Array
}

function conversation(random: () => number) {
  const time = clockAt()
  const options = { clock: time.clock, random, limits: { payloadBytes: 40 } }
  const parties = { alice: new Party(options), bob: new Party(options) }
  const sent = { alice: [] as string[], bob: [] as string[] }
  const envelopes = (): Envelope[] => [
    ...parties.alice.tick().map((body) => ({ to: 'bob', body }) as const),
    ...parties.bob.tick().map((body) => ({ to: 'alice', body }) as const),
  ]
  const deliver = ({ to, body }: Envelope) => parties[to].receive(to === 'alice' ? 'bob' : 'alice', body)
  const say = (who: 'alice' | 'bob') => {
    const body = `${who} ${sent[who].length}`
    sent[who].push(body)
    parties[who].sync.send(who === 'alice' ? 'bob' : 'alice', group, Buffer.from(body))
  }
  return { time, parties, sent, envelopes, deliver, say }
}

t.test('every message arrives once, whatever is lost, doubled, late, or started anew', async (t) => {
  holds(
    t,
    fc.property(actions, fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1 }), (acts, dice) => {
      let throws = 0
      const { time, parties, sent, envelopes, deliver, say } = conversation(() => dice[throws++ % dice.length]!)
      let ticks = 0
      for (const act of acts) {
        if (typeof act === 'string') {
          const [who, does] = act.split(' ') as ['alice' | 'bob', string]
          if (does === 'sends') say(who)
          else if (does === 'restarts') parties[who].restart()
          else parties[who === 'alice' ? 'bob' : 'alice'].sync.peerOnline(who, time.now)
          continue
        }
        // More of them, and a message may have used up its sends.
        if (ticks++ >= maxSends - 3) continue
        time.now += act.wait
        const copied = envelopes().flatMap((envelope, index) =>
          new Array<Envelope>(act.copies[index % act.copies.length]!).fill(envelope),
        )
        for (const envelope of act.backwards ? copied.reverse() : copied) deliver(envelope)
      }
      while (parties.alice.sync.dueAt !== undefined || parties.bob.sync.dueAt !== undefined) {
        const dueAt = Math.min(
          ...[parties.alice, parties.bob].map(({ sync }) => sync.dueAt ?? Number.POSITIVE_INFINITY),
        )
        time.now = Math.max(time.now, dueAt)
        for (const envelope of envelopes()) deliver(envelope)
      }
      t.same(parties.alice.inbox.sort(), sent.bob.sort())
      t.same(parties.bob.inbox.sort(), sent.alice.sort())
      t.same([...parties.alice.abandoned, ...parties.bob.abandoned], [])
      const left = [...parties.alice.store.rows, ...parties.bob.store.rows]
      t.ok(
        left.every(({ kind }) => kind === 'seen'),
        'nothing waits in the stores',
      )
    }),
    { numRuns: 200 },
  )
})

t.test('a message goes out at once, then ever later, fifteen times in about ten days', async (t) => {
  const time = clockAt()
  const party = new Party({ clock: time.clock, random: () => 0 })
  const id = party.sync.send('bob', group, Buffer.from('hello'))
  const start = time.now
  const sends: number[] = []
  while (party.sync.dueAt !== undefined) {
    time.now = Math.max(time.now, party.sync.dueAt)
    if (party.tick().length > 0) sends.push((time.now - start) / 1000)
  }
  t.same(sends.slice(0, 5), [0, 27, 81, 189, 405])
  t.equal(sends.length, maxSends)
  t.ok(sends.at(-1)! / 86_400 > 5 && (time.now - start) / 86_400_000 < 11)
  t.same(party.abandoned, [id])
  t.equal(party.store.rows.length, 0)
})

t.test('a wait is spread over nine seconds', async (t) => {
  t.equal(
    resendWait(1, () => 0),
    27_000,
  )
  t.equal(
    resendWait(1, () => 0.9999),
    27_000 + 29 * 300,
  )
  t.equal(
    resendWait(15, () => 0),
    27_000 * 2 ** 14,
  )
})

t.test('a peer that comes online gets what waits for it within 18 seconds', async (t) => {
  const time = clockAt()
  const party = new Party({ clock: time.clock, random: () => 0.9999 })
  party.sync.send('bob', group, Buffer.from('hello'))
  for (let sends = 0; sends < 6; sends += 1) {
    time.now = Math.max(time.now, party.sync.dueAt ?? 0)
    party.tick()
  }
  const planned = party.sync.dueAt!
  party.sync.peerOnline('bob', time.now - 10_000)
  t.equal(party.sync.dueAt, planned, 'old news change nothing')
  party.sync.peerOnline('carol', time.now)
  t.equal(party.sync.dueAt, planned, 'nor those of somebody else')
  party.sync.peerOnline('bob', time.now - 9_999)
  t.ok(party.sync.dueAt! <= time.now + 18_000)
  time.now += 18_000
  t.equal(party.tick().length, 1)
})

function payloadsOf(party: Party): SyncPayload[] {
  return party.tick().map((body) => syncPayload.decode(body))
}

t.test('a peer that comes online gets nothing later than planned', async (t) => {
  const time = clockAt()
  const party = new Party({ clock: time.clock, random: () => 0.9999 })
  party.sync.send('bob', group, Buffer.from('hello'))
  party.sync.peerOnline('bob', time.now)
  t.equal(party.tick().length, 1)
})

t.test('a message that was sent for the last time waits for its confirmation, whatever the peer asks', async (t) => {
  const time = clockAt()
  const party = new Party({ clock: time.clock, random: () => 0 })
  const id = party.sync.send('bob', group, Buffer.from('hello'))!
  for (let sends = 0; sends < maxSends; sends += 1) {
    time.now = Math.max(time.now, party.sync.dueAt ?? 0)
    party.tick()
  }
  party.sync.receive('bob', { ...nothing, requests: [bytesOf(id)] })
  t.same([party.tick(), party.abandoned], [[], []])
  t.same(party.sync.receive('bob', { ...nothing, acks: [bytesOf(id)] }).confirmed, [id])
})

t.test('a message is remembered longer than a sender tries, and not for ever', async (t) => {
  const time = clockAt()
  const party = new Party({ clock: time.clock })
  const take = (timestamp: bigint) => {
    const messages = [{ groupId: group, timestamp, body: Buffer.from('hello') }]
    return party.sync.receive('bob', { ...nothing, messages }).delivered.length
  }
  t.same([take(1n), take(1n)], [1, 0])
  time.now += 31 * 86_400_000 - 1
  t.same([take(2n), take(1n)], [1, 0])
  time.now += 1
  t.same([take(3n), take(1n)], [1, 1])
})

t.test('a message is confirmed each time it comes, and delivered the first time', async (t) => {
  const party = new Party({ clock: clockAt().clock })
  const message = { groupId: group, timestamp: 1n, body: Buffer.from('hello') }
  for (const delivered of [1, 0, 0]) {
    t.equal(party.sync.receive('bob', { ...nothing, messages: [message, message] }).delivered.length, delivered)
    t.same(payloadsOf(party), [{ ...nothing, acks: [syncMessageId(message)] }])
  }
  party.restart()
  t.equal(party.sync.receive('bob', { ...nothing, messages: [message] }).delivered.length, 0, 'also after a restart')
})

t.test('only the peer itself confirms, and only what was sent to it', async (t) => {
  const party = new Party({ clock: clockAt().clock })
  const id = party.sync.send('bob', group, Buffer.from('hello'))!
  const acks = [bytesOf(id), Buffer.alloc(32), Buffer.alloc(31), new Uint8Array(0)]
  t.same(party.sync.receive('mallory', { ...nothing, acks }).confirmed, [])
  t.equal(party.sync.pendingFor('bob'), 1)
  t.same(party.sync.receive('bob', { ...nothing, acks }).confirmed, [id])
  t.equal(party.sync.pendingFor('bob'), 0)
})

t.test('an offer is asked for until it comes, and a request is answered', async (t) => {
  const time = clockAt()
  const alice = new Party({ clock: time.clock, random: () => 0 })
  const message = { groupId: group, timestamp: 1n, body: Buffer.from('hello') }
  const id = syncMessageId(message)
  alice.sync.receive('bob', { ...nothing, offers: [id] })
  t.same(payloadsOf(alice), [{ ...nothing, requests: [id] }])
  t.same(payloadsOf(alice), [])
  time.now += 27_000
  t.same(payloadsOf(alice), [{ ...nothing, requests: [id] }])
  alice.sync.receive('bob', { ...nothing, messages: [message] })
  alice.sync.receive('bob', { ...nothing, offers: [id] })
  t.same(payloadsOf(alice), [{ ...nothing, acks: [id] }], 'one that came is confirmed')
  const own = alice.sync.send('bob', group, Buffer.from('hi'))!
  alice.tick()
  alice.sync.receive('mallory', { ...nothing, requests: [bytesOf(own)] })
  t.same(payloadsOf(alice), [], 'to the peer that it is for')
  alice.sync.receive('bob', { ...nothing, requests: [bytesOf(own)] })
  t.equal(payloadsOf(alice)[0]?.messages.length, 1)
})

t.test('large messages go apart, small ones together', async (t) => {
  const party = new Party({ clock: clockAt().clock, limits: { payloadBytes: 100 } })
  for (const length of [40, 50, 300, 20]) party.sync.send('bob', group, Buffer.alloc(length, length))
  t.same(
    payloadsOf(party).map(({ messages }) => messages.map(({ body }) => body.length)),
    [[40, 50], [300], [20]],
  )
})

t.test('what one peer can make us hold is bounded', async (t) => {
  const limits = { pending: 3, pendingBytes: 100, wanted: 4, seen: 5, acks: 6 }
  const party = new Party({ clock: clockAt().clock, limits })
  const say = (body: Buffer) => party.sync.send('bob', group, body)
  t.ok(say(Buffer.alloc(60)))
  t.equal(say(Buffer.alloc(41)), undefined, 'bytes')
  t.equal(say(Buffer.alloc(60)), say(Buffer.alloc(60)), 'the same message is on its way once')
  party.sync.receive('bob', { ...nothing, acks: [bytesOf(say(Buffer.alloc(60))!)] })
  t.ok(say(Buffer.alloc(41)), 'what is confirmed makes room')
  t.ok(say(Buffer.alloc(1)) && say(Buffer.alloc(2)))
  t.equal(say(Buffer.alloc(3)), undefined, 'messages')
  const ids = Array.from({ length: 100 }, (_, index) => Buffer.alloc(32, index + 1))
  const messages = ids.map((id) => ({ groupId: group, timestamp: 1n, body: id }))
  party.sync.receive('mallory', { ...nothing, offers: ids, messages })
  const kinds = party.store.rows.filter(({ peer }) => peer === 'mallory').map(({ kind }) => kind)
  t.equal(kinds.filter((kind) => kind === 'wanted').length, 4)
  t.equal(kinds.filter((kind) => kind === 'seen').length, 5)
  t.equal(party.sync.tick().outgoing.find(({ peer }) => peer === 'mallory')?.payload.acks.length, 6)
})

t.test('strangers are forgotten before peers for whom something waits', async (t) => {
  const party = new Party({ clock: clockAt().clock, limits: { peers: 3 } })
  party.sync.send('bob', group, Buffer.from('hello'))
  const messages = [{ groupId: group, timestamp: 1n, body: Buffer.from('x') }]
  for (const stranger of ['a', 'b', 'c', 'd']) party.sync.receive(stranger, { ...nothing, messages })
  t.same(party.store.rows.map(({ peer }) => peer).sort(), ['bob', 'c', 'd'])
})

t.test('a group id of another length is passed over', async (t) => {
  const party = new Party({ clock: clockAt().clock })
  const message = (length: number) => ({ groupId: Buffer.alloc(length), timestamp: 1n, body: Buffer.from('x') })
  t.equal(party.sync.receive('bob', { ...nothing, messages: [message(31), message(33)] }).delivered.length, 0)
  t.same(payloadsOf(party), [])
  t.equal(party.sync.receive('bob', { ...nothing, messages: [message(32)] }).delivered.length, 1, 'the control')
})

t.test('what all peers together can make us hold is bounded', async (t) => {
  const limits = { totalPending: 3, totalPendingBytes: 100, totalWanted: 4, totalSeen: 6 }
  const time = clockAt()
  const party = new Party({ clock: time.clock, limits })
  const say = (peer: string, length: number) => party.sync.send(peer, group, Buffer.alloc(length, 1))
  const first = say('bob', 60)!
  t.equal(say('carol', 41), undefined, 'bytes')
  party.restart()
  t.equal(say('carol', 41), undefined, 'also after a restart')
  t.ok(say('carol', 1) && say('dave', 2))
  t.equal(say('erin', 3), undefined, 'messages')
  party.sync.receive('bob', { ...nothing, acks: [bytesOf(first)] })
  t.ok(say('erin', 41), 'what is confirmed makes room')
  party.sync.forget('erin')
  t.ok(say('bob', 42), 'and what is forgotten')

  const ids = Array.from({ length: 5 }, (_, index) => Buffer.alloc(32, index + 1))
  const messages = ids.map((body) => ({ groupId: group, timestamp: 1n, body }))
  party.sync.receive('carol', { ...nothing, messages: messages.slice(0, 2) })
  party.sync.receive('dave', { ...nothing, offers: ids.slice(0, 3), messages })
  party.sync.receive('mallory', { ...nothing, offers: ids })
  const count = (kind: string, peer: string) =>
    party.store.rows.filter((row) => row.kind === kind && row.peer === peer).length
  t.equal(count('wanted', 'dave') + count('wanted', 'mallory'), 4)
  t.same([count('seen', 'carol'), count('seen', 'dave')], [2, 4], 'who has most loses the oldest')
  t.equal(party.sync.receive('dave', { ...nothing, messages: messages.slice(1) }).delivered.length, 0)
  t.equal(party.sync.receive('dave', { ...nothing, messages: messages.slice(0, 1) }).delivered.length, 1)
})

t.test('after a restart the oldest is forgotten first, whatever the order of the rows', async (t) => {
  const time = clockAt()
  const limits = { seen: 3, peers: 3 }
  const before = new Party({ clock: time.clock, limits })
  const say = (sync: DataSync, peer: string, body: string) => {
    time.now += 1000
    const messages = [{ groupId: group, timestamp: 1n, body: Buffer.from(body) }]
    return sync.receive(peer, { ...nothing, messages }).delivered.length
  }
  for (const body of ['1', '2', '3']) say(before.sync, 'carol', body)
  for (const peer of ['bob', 'dave']) say(before.sync, peer, 'x')
  const rows = before.store.rows
  for (const order of [rows, rows.toReversed(), [...rows.slice(2), ...rows.slice(0, 2)]]) {
    const sync = new DataSync({ clock: time.clock, limits })
    for (const row of order) sync.restore(row)
    t.equal(say(sync, 'carol', '4'), 1)
    t.same([say(sync, 'carol', '2'), say(sync, 'carol', '3')], [0, 0], 'the newer are known')
    say(sync, 'erin', 'x')
    t.equal(say(sync, 'dave', 'x'), 0, 'bob was silent for longest and made room')
    t.equal(say(sync, 'bob', 'x'), 1)
  }
})
