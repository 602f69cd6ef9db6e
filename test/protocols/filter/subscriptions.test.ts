import fc from 'fast-check'
import t from 'tap'
import { Subscriptions } from '../../../src/protocols/filter/subscriptions.ts'

const shard = '/waku/2/rs/0/0'
const limits = { peers: 10, criteriaPerPeer: 10, charactersPerPeer: 1000, timeout: 100 }

/** A table and the hand of its clock. */
function table(options: Partial<typeof limits> = {}): { table: Subscriptions; at: (time: number) => void } {
  let now = 0
  return {
    table: new Subscriptions({ ...limits, ...options }, () => now),
    at: (time) => {
      now = time
    },
  }
}

const topics = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `/t${from + index}`)

t.test('a message finds those who subscribed to both of its topics', async (t) => {
  const { table: subscriptions } = table()
  subscriptions.subscribe('a', shard, ['/1', '/2'])
  subscriptions.subscribe('b', shard, ['/2'])
  subscriptions.subscribe('c', '/waku/2/rs/0/1', ['/2'])
  t.same(subscriptions.peersFor(shard, '/1'), ['a'])
  t.same(subscriptions.peersFor(shard, '/2'), ['a', 'b'])
  t.same(subscriptions.peersFor('/waku/2/rs/0/1', '/2'), ['c'])
  t.same(subscriptions.peersFor(shard, '/3'), [])
  t.same([subscriptions.peers, subscriptions.criteria], [3, 4])
  t.same([...subscriptions][0], {
    peer: 'a',
    criteria: [
      { pubsubTopic: shard, contentTopic: '/1' },
      { pubsubTopic: shard, contentTopic: '/2' },
    ],
  })
})

t.test('what is subscribed twice counts and is delivered once', async (t) => {
  const { table: subscriptions } = table({ criteriaPerPeer: 3 })
  t.equal(subscriptions.subscribe('a', shard, ['/1', '/1', '/2']), 'subscribed')
  t.equal(subscriptions.subscribe('a', shard, ['/1', '/2', '/3']), 'subscribed', 'only the new one counts')
  t.equal(subscriptions.criteria, 3)
  t.same(subscriptions.peersFor(shard, '/1'), ['a'])
})

t.test('the criteria of a peer are limited: at the limit, one above, and none of them then', async (t) => {
  const { table: subscriptions } = table({ criteriaPerPeer: 10 })
  t.equal(subscriptions.subscribe('a', shard, topics(9)), 'subscribed')
  t.equal(subscriptions.subscribe('a', shard, topics(2, 9)), 'too-many-criteria')
  t.equal(subscriptions.criteria, 9)
  t.equal(subscriptions.subscribe('a', shard, topics(10)), 'subscribed')
  t.equal(subscriptions.subscribe('a', '/waku/2/rs/0/1', ['/t0']), 'too-many-criteria', 'over all pubsub topics')
  t.equal(subscriptions.subscribe('b', shard, topics(10)), 'subscribed', 'each peer has its own')
  t.equal(subscriptions.subscribe('c', shard, topics(11)), 'too-many-criteria')
  t.equal(subscriptions.peers, 2, 'and a peer that was refused is not there')
})

t.test('the characters of a peer are limited', async (t) => {
  const { table: subscriptions } = table({ charactersPerPeer: 100 })
  const exact = 'x'.repeat(100 - shard.length)
  t.equal(subscriptions.subscribe('a', shard, [`${exact}x`]), 'too-many-criteria')
  t.equal(subscriptions.subscribe('a', shard, [exact]), 'subscribed')
  t.equal(subscriptions.subscribe('a', shard, ['/']), 'too-many-criteria')
  subscriptions.unsubscribe('a', shard, [exact])
  t.equal(subscriptions.subscribe('a', shard, [exact]), 'subscribed', 'what is removed counts no more')
})

t.test('peers are limited: at the limit, one above, and again when one has gone', async (t) => {
  const { table: subscriptions } = table({ peers: 2 })
  t.equal(subscriptions.subscribe('a', shard, ['/1']), 'subscribed')
  t.equal(subscriptions.full, false)
  t.equal(subscriptions.subscribe('b', shard, ['/1']), 'subscribed')
  t.equal(subscriptions.full, true)
  t.equal(subscriptions.subscribe('c', shard, ['/1']), 'too-many-peers')
  t.equal(subscriptions.subscribe('b', shard, ['/2']), 'subscribed', 'who is in may add')
  subscriptions.unsubscribeAll('a')
  t.equal(subscriptions.subscribe('c', shard, ['/1']), 'subscribed')
})

t.test('a peer unsubscribes from what it has', async (t) => {
  const { table: subscriptions } = table()
  subscriptions.subscribe('a', shard, ['/1', '/2', '/3'])
  subscriptions.subscribe('b', shard, ['/4'])
  t.equal(subscriptions.unsubscribe('a', shard, ['/1']), true)
  t.same(subscriptions.peersFor(shard, '/1'), [])
  t.equal(subscriptions.unsubscribe('a', shard, ['/2', '/4']), false, 'one of them is not its own')
  t.same(subscriptions.peersFor(shard, '/2'), [], 'the other is removed')
  t.same(subscriptions.peersFor(shard, '/4'), ['b'])
  t.equal(subscriptions.unsubscribe('a', shard, ['/3', '/3']), true)
  t.equal(subscriptions.has('a'), false, 'without criteria there is no subscription')
  t.equal(subscriptions.unsubscribe('a', shard, ['/3']), false)
})

t.test('a silent peer ends: at the limit it is there, after it it is not', async (t) => {
  const { table: subscriptions, at } = table({ timeout: 100, peers: 4 })
  subscriptions.subscribe('pings', shard, ['/1'])
  subscriptions.subscribe('adds', shard, ['/1'])
  subscriptions.subscribe('removes', shard, ['/1', '/2'])
  subscriptions.subscribe('silent', shard, ['/1'])
  at(100)
  t.equal(subscriptions.peersFor(shard, '/1').length, 4)
  t.equal(subscriptions.refresh('pings'), true)
  subscriptions.subscribe('adds', shard, ['/1'])
  subscriptions.unsubscribe('removes', shard, ['/2'])
  at(101)
  t.same(subscriptions.peersFor(shard, '/1'), ['pings', 'adds', 'removes'])
  t.equal(subscriptions.refresh('silent'), false)
  t.equal(subscriptions.unsubscribe('silent', shard, ['/1']), false)
  t.equal(subscriptions.has('silent'), false)
  t.equal(subscriptions.peers, 4, 'its place is held until the table is swept')
  t.same(subscriptions.expire(), ['silent'])
  t.same([subscriptions.peers, subscriptions.criteria], [3, 3])
})

t.test('a peer that comes back after its time starts anew, in its own place', async (t) => {
  const { table: subscriptions, at } = table({ timeout: 100, peers: 1 })
  subscriptions.subscribe('a', shard, ['/1', '/2'])
  at(101)
  t.equal(subscriptions.subscribe('a', shard, ['/3']), 'subscribed')
  t.same([subscriptions.peers, subscriptions.criteria], [1, 1])
  t.same(subscriptions.peersFor(shard, '/1'), [])
  t.same(subscriptions.peersFor(shard, '/3'), ['a'])
})

t.test('after any churn the table says what a plain list says', async (t) => {
  const pubsubTopics = ['/p', '/q']
  const contentTopics = ['/1', '/2', '/3', '/4']
  const step = fc.record({
    act: fc.constantFrom('add', 'remove', 'all'),
    peer: fc.constantFrom('a', 'b', 'c'),
    pubsub: fc.constantFrom(...pubsubTopics),
    some: fc.array(fc.constantFrom(...contentTopics), { minLength: 1, maxLength: 4 }),
  })
  const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const { table: subscriptions } = table({ peers: 2, criteriaPerPeer: 4 })
    const plain = new PlainList({ peers: 2, criteriaPerPeer: 4 })
    for (const { act, peer, pubsub, some } of steps) {
      if (act === 'all') {
        subscriptions.unsubscribeAll(peer)
        plain.clear(peer)
      } else if (act === 'remove') {
        subscriptions.unsubscribe(peer, pubsub, some)
        plain.remove(peer, pubsub, some)
      } else if ((subscriptions.subscribe(peer, pubsub, some) === 'subscribed') !== plain.add(peer, pubsub, some)) {
        return false
      }
    }
    const found = pubsubTopics.flatMap((pubsub) =>
      contentTopics.flatMap((topic) =>
        subscriptions.peersFor(pubsub, topic).map((peer) => `${peer} ${pubsub} ${topic}`),
      ),
    )
    return subscriptions.criteria === plain.rows.size && found.sort().join() === [...plain.rows].sort().join()
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }))
})

/** The same table, written to be obvious. */
class PlainList {
  readonly #most: { peers: number; criteriaPerPeer: number }
  readonly rows = new Set<string>()

  constructor(most: { peers: number; criteriaPerPeer: number }) {
    this.#most = most
  }

  add(peer: string, pubsub: string, topics: readonly string[]): boolean {
    const named = topics.map((topic) => `${peer} ${pubsub} ${topic}`)
    const peers = new Set([...this.rows].map((row) => row.split(' ')[0])).add(peer)
    const criteria = new Set([...this.#of(peer), ...named])
    if (peers.size > this.#most.peers || criteria.size > this.#most.criteriaPerPeer) return false
    for (const row of named) this.rows.add(row)
    return true
  }

  remove(peer: string, pubsub: string, topics: readonly string[]): void {
    for (const topic of topics) this.rows.delete(`${peer} ${pubsub} ${topic}`)
  }

  clear(peer: string): void {
    for (const row of this.#of(peer)) this.rows.delete(row)
  }

  #of(peer: string): string[] {
    return [...this.rows].filter((row) => row.startsWith(`${peer} `))
  }
}
