import { randomBytes } from 'node:crypto'
import t from 'tap'
import { isRelayable } from '../../../../src/net/discovery/discv5/answers.ts'
import { sharesShard } from '../../../../src/net/discovery/discv5/filter.ts'
import { byDistance, logDistance } from '../../../../src/net/discovery/discv5/ids.ts'
import { bucketSize, maxLookupAsked } from '../../../../src/net/discovery/discv5/limits.ts'
import { distancesTo, lookup } from '../../../../src/net/discovery/discv5/lookup.ts'
import type { Reachable } from '../../../../src/net/discovery/discv5/records.ts'
import { Table, type TableOptions } from '../../../../src/net/discovery/discv5/table.ts'
import { enoughVotes, Votes } from '../../../../src/net/discovery/discv5/votes.ts'
import type { NodeRecord } from '../../../../src/net/discovery/node-record.ts'

const self = '0'.repeat(64)

/** An id at the largest distance from `self`, with these digits after the first. */
const far = (digits: string): string => `8${digits}`.padEnd(64, '0')

/** As much of a node as a table looks at. */
function node(id: string, address: string, sequence = 1n): Reachable {
  return { id, enr: { sequence }, record: { udp: { address, port: 9000 } } } as Reachable
}

function table(options: Partial<TableOptions> = {}): Table {
  return new Table({
    self,
    tableIpLimit: 10,
    bucketIpLimit: 2,
    bitsPerHop: 1,
    takesPrivate: () => false,
    ...options,
  })
}

/** An id at this distance from `self`, random otherwise. */
function idAt(distance: number): string {
  const rest = BigInt(`0x${randomBytes(32).toString('hex')}`) & ((1n << BigInt(distance - 1)) - 1n)
  return ((1n << BigInt(distance - 1)) | rest).toString(16).padStart(64, '0')
}

t.test('one network has at most two nodes of a bucket and ten of the table, wherever they stand', async (t) => {
  const one = table()
  const places = [1, 2, 3].map((host) => one.answered(node(far(`${host}`), `203.0.113.${host}`), 0))
  t.same(places, ['entered', 'entered', 'refused'])
  t.equal(one.answered(node(far('a'), '198.51.100.1'), 0), 'entered', 'another network has its own')
  const more = Array.from({ length: 20 }, (_, index) =>
    one.answered(node(idAt(250 - (index >> 1)), `203.0.113.${100 + index}`), 0),
  )
  t.equal(more.filter((place) => place === 'entered').length, 8)
  t.equal(one.size, 11)
})

t.test('networks of IPv6 are /48', async (t) => {
  const one = table()
  const places = ['2001:db8:1:1::1', '2001:db8:1:2::1', '2001:db8:1:3::1', '2001:db8:2::1'].map((address, index) =>
    one.answered(node(far(`${index + 1}`), address), 0),
  )
  t.same(places, ['entered', 'entered', 'refused', 'entered'])
})

t.test('private addresses are taken while we are on a private network, and then without limit', async (t) => {
  const addresses = Array.from({ length: 14 }, (_, index) => `127.0.0.${index + 1}`)
  const fill = (takesPrivate: boolean): number => {
    const one = table({ takesPrivate: () => takesPrivate })
    for (const [index, address] of addresses.entries()) one.answered(node(far(index.toString(16)), address), 0)
    return one.size
  }
  t.equal(fill(true), addresses.length)
  t.equal(fill(false), 0)
  t.notOk(isRelayable('203.0.113.1', '10.0.0.1'), 'nor are they told to others, or believed from others')
  t.ok(isRelayable('10.0.0.2', '10.0.0.1'))
  t.ok(isRelayable('10.0.0.2', '203.0.113.1'))
})

t.test('a full bucket keeps spares, and the last of them follows one that died', async (t) => {
  const one = table()
  const entry = (index: number) => node(far(index.toString(16).padStart(2, '0')), `203.0.${index}.1`)
  for (let index = 0; index < bucketSize; index += 1) t.equal(one.answered(entry(index), index), 'entered')
  t.equal(one.answered(entry(20), 20), 'spare')
  t.equal(one.answered(entry(21), 21), 'spare')
  t.equal(one.size, bucketSize)
  t.notOk(one.failed(entry(3).id, 30), 'once may be chance')
  t.notOk(
    one.at(256).some(({ id }) => id === entry(3).id),
    'but it is told of no more',
  )
  t.ok(one.failed(entry(3).id, 31))
  t.equal(one.get(entry(3).id), undefined)
  t.ok(one.get(entry(21).id))
  t.equal(one.size, bucketSize)
  for (let index = 22; index < 60; index += 1) one.answered(entry(index), index)
  t.equal(one.size, bucketSize, 'spares have a bound too, and replace nobody who is there')
})

t.test('a node is known by its newest record, and one that answers again is sound again', async (t) => {
  const one = table()
  const id = far('1')
  one.answered(node(id, '203.0.113.1', 5n), 0)
  one.failed(id, 1)
  t.same(one.at(256), [])
  t.equal(one.answered(node(id, '203.0.113.9', 4n), 2), 'known')
  t.equal(one.get(id)?.enr.sequence, 5n)
  t.equal(one.at(256).length, 1)
  one.answered(node(id, '198.51.100.1', 6n), 3)
  t.equal(one.get(id)?.record.udp.address, '198.51.100.1')
  t.equal(one.answered(node(self, '203.0.113.1'), 0), 'refused', 'we are not in our own table')
})

t.test('who has been quiet longest is asked first, and nobody twice at once', async (t) => {
  const one = table()
  for (const [index, address] of ['203.0.1.1', '203.0.2.1'].entries())
    one.answered(node(far(`${index}`), address), index)
  t.equal(one.quiet(-1, 10), undefined)
  t.equal(one.quiet(5, 10)?.id, far('0'))
  t.equal(one.quiet(5, 10)?.id, far('1'))
  t.equal(one.quiet(5, 10), undefined)
})

t.test('with more bits for each hop, a bucket is divided', async (t) => {
  const one = table({ bitsPerHop: 3 })
  // The two bits after the first say which part.
  const spread = (index: number) => `${'8ace'[index % 4]}${index.toString(16).padStart(2, '0')}`.padEnd(64, '0')
  for (let index = 0; index < 64; index += 1) one.answered(node(spread(index), `203.0.${index}.1`), 0)
  t.equal(one.size, 64, 'four parts of the farthest bucket')
  const whole = table()
  for (let index = 0; index < 64; index += 1)
    whole.answered(node(far(index.toString(16).padStart(2, '0')), `203.0.${index}.1`), 0)
  t.equal(whole.size, bucketSize)
})

t.test('a lookup finds the closest of a network of which it knows one node', async (t) => {
  const network = Array.from({ length: 300 }, (_, index) =>
    node(randomBytes(32).toString('hex'), `203.${index >> 8}.${index & 255}.1`),
  )
  const silent = new Set(network.filter((_, index) => index % 10 === 9).map(({ id }) => id))
  const asked: string[] = []
  const ask = async (to: Reachable, distances: readonly number[]) => {
    asked.push(to.id)
    await new Promise(setImmediate)
    if (silent.has(to.id)) return undefined
    return network.filter(({ id }) => distances.includes(logDistance(to.id, id))).slice(0, 16)
  }
  const [start] = network
  const target = randomBytes(32).toString('hex')
  if (start === undefined) return t.fail('no network')
  const found = await lookup(target, { self, start: [start], ask, signal: new AbortController().signal })
  const [closest] = network.filter(({ id }) => !silent.has(id)).sort(byDistance(target))
  t.equal(found[0]?.id, closest?.id)
  t.ok(found.length <= bucketSize && found.every(({ id }) => !silent.has(id)))
  t.equal(new Set(asked).size, asked.length, 'nobody is asked twice')
  t.ok(asked.length <= maxLookupAsked)
})

t.test('a lookup among liars ends', async (t) => {
  const invent = async () => Array.from({ length: 16 }, () => node(randomBytes(32).toString('hex'), '203.0.113.1'))
  const signal = new AbortController().signal
  let asked = 0
  const ask = async () => {
    asked += 1
    return await invent()
  }
  await lookup(self, { self: far('1'), start: await invent(), ask, signal })
  t.ok(asked <= maxLookupAsked)
  t.same(await lookup(self, { self, start: [], ask, signal }), [], 'and one that knows nobody')
  t.same(distancesTo(self, self), [1], 'what is next to ourselves')
  t.same(distancesTo(self, far('')), [256, 255])
})

t.test('a lookup ends when it is told to', async (t) => {
  const stop = new AbortController()
  const ask = async () => {
    stop.abort()
    return [node(far('2'), '203.0.113.2')]
  }
  await lookup(self, { self, start: [node(far('1'), '203.0.113.1')], ask, signal: stop.signal })
  t.pass('it has ended')
})

t.test('our address is what most of ten networks see, and a network has one voice', async (t) => {
  let now = 0
  const votes = new Votes({ capacity: 200, lifetime: 1000, clock: () => now })
  const ours = { address: '198.51.100.7', port: 9000 }
  const liar = { address: '192.0.2.66', port: 1 }
  for (let host = 1; host < 100; host += 1) votes.add(`203.0.113.${host}`, liar)
  for (let net = 1; net < enoughVotes - 1; net += 1) t.equal(votes.add(`203.0.${net}.1`, ours), undefined)
  t.match(votes.add('203.0.200.1', ours), ours, 'nine against one')
  for (let net = 1; net < 8; net += 1) votes.add(`198.18.${net}.1`, liar)
  t.match(votes.add('203.0.201.1', ours), ours, 'ten against eight')
  for (let net = 10; net < 20; net += 1) votes.add(`198.18.${net}.1`, liar)
  t.not(votes.add('203.0.202.1', ours)?.address, ours.address, 'eleven against eighteen')
  now = 2000
  t.equal(votes.add('203.0.203.1', ours), undefined, 'old votes do not count')
})

t.test('a node is for us when it serves something on one of our shards', async (t) => {
  const record = (capabilities: string[], cluster: number, ...shards: number[]) =>
    ({ capabilities: new Set(capabilities), shards: { cluster, shards } }) as unknown as NodeRecord
  const own = { cluster: 16, shards: [32, 64] }
  t.ok(sharesShard(record(['relay'], 16, 1, 64), own))
  t.notOk(sharesShard(record(['relay'], 16, 1), own), 'other shards')
  t.notOk(sharesShard(record(['relay'], 1, 32), own), 'another cluster')
  t.notOk(sharesShard(record([], 16, 32), own), 'no capability')
  t.notOk(sharesShard({ ...record(['relay'], 16), shards: undefined }, own), 'no shards said')
  t.ok(sharesShard(record([], 1), undefined), 'without shards of our own all are')
})
