/** Rounds of discovery by DNS, against a real name server. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { type DnsDiscoveryOptions, startDnsDiscovery } from '../../../../src/net/discovery/dns/index.ts'
import { discoveryLimits } from '../../../../src/net/discovery/dns/limits.ts'
import { txtResolver } from '../../../../src/net/discovery/dns/resolver.ts'
import { hashOf } from '../../../../src/net/discovery/dns/tree.ts'
import { type Enr, enrToText } from '../../../../src/net/discovery/enr.ts'
import { silentLog } from '../../../../src/telemetry/log.ts'
import { createMetrics, type Metrics } from '../../../../src/telemetry/metrics.ts'
import { counted } from '../../../kit/counted.ts'
import { keyOf, recordOf, records, type TestTree, treeOf } from '../../../kit/dns-tree.ts'
import { type NameServer, nameServer } from '../../../kit/name-server.ts'
import { ManualSchedule } from '../../../kit/schedule.ts'
import { needs } from '../../../kit/tools.ts'

/** Discovery whose rounds the test lets begin. */
interface Rounds extends AsyncDisposable {
  readonly metrics: Metrics
  /** The numbers of the nodes of which it told, once a round has ended; the next one waits for `next`. */
  ended(): Promise<number[]>
  /** Lets the next round begin. */
  next(): void
  /** How long it means to wait for it. */
  wait(): number
}

const numberOf = new Map(records(100).map((record, index) => [enrToText(record), index + 1]))

function start(server: NameServer, options: Partial<DnsDiscoveryOptions> & { urls: readonly string[] }): Rounds {
  const manual = new ManualSchedule()
  const metrics = createMetrics()
  let told: number[] = []
  const discovery = startDnsDiscovery({
    resolver: txtResolver([server.address]),
    found: (record: Enr) => told.push(numberOf.get(enrToText(record)) ?? 0),
    metrics,
    log: silentLog(),
    schedule: manual.schedule,
    random: () => 0.5,
    ...options,
  })
  return {
    metrics,
    async ended() {
      await manual.next()
      const found = told.sort((a, b) => a - b)
      told = []
      return found
    },
    next: () => manual.due[0]?.run(),
    wait: () => manual.due[0]?.delay ?? 0,
    [Symbol.asyncDispose]: () => discovery[Symbol.asyncDispose](),
  }
}

async function serve(t: Test, ...trees: readonly TestTree[]): Promise<NameServer | undefined> {
  const dnsmasq = needs(t, 'dnsmasq')
  return dnsmasq === undefined ? undefined : await nameServer(t, dnsmasq, zonesOf(...trees))
}

function zonesOf(...trees: readonly TestTree[]): Map<string, string> {
  return new Map(trees.flatMap(({ zone }) => [...zone]))
}

function only(...numbers: readonly number[]): { records: Enr[] } {
  return { records: numbers.map((number) => recordOf(number)) }
}

t.test('a tree is read again after a time, and what changed of it is found', async (t) => {
  const tree = treeOf(only(1, 2, 3))
  const server = await serve(t, tree)
  if (server === undefined) return
  await using rounds = start(server, { urls: [tree.url] })
  t.same(await rounds.ended(), [1, 2, 3])
  // The records of this server have a TTL of 0, which makes nobody ask more often.
  t.equal(rounds.wait(), discoveryLimits.refresh)
  t.equal((await rounds.metrics.waku_dnsdisc_discovered.get()).values[0]?.value, 3)
  await server.change(treeOf({ ...only(2, 3, 4), sequence: 2n }).zone)
  server.asked.length = 0
  rounds.next()
  t.same(await rounds.ended(), [2, 3, 4])
  t.equal(server.asked.length, 3, 'the root, its branch and the one new record')
  t.same(await counted(rounds.metrics.waku_dnsdisc_errors_total, 'type'), [])
})

t.test('the last good list is told again while the tree cannot be read', async (t) => {
  const tree = treeOf({ ...only(1, 2), sequence: 5n })
  const server = await serve(t, tree)
  if (server === undefined) return
  await using rounds = start(server, { urls: [tree.url] })
  t.same(await rounds.ended(), [1, 2])
  const missing = treeOf({ ...only(1, 2, 3), sequence: 6n })
  missing.zone.delete(`${hashOf(enrToText(recordOf(2)))}.nodes.test`)
  missing.zone.delete(`${hashOf(enrToText(recordOf(3)))}.nodes.test`)
  const bad = [
    { id: 'no name server', zone: undefined, known: [1, 2] },
    { id: 'no records', zone: new Map(), known: [1, 2] },
    { id: 'forged', zone: treeOf({ ...only(9), sequence: 9n, key: keyOf(9) }).zone, known: [1, 2] },
    { id: 'rolled back', zone: treeOf({ ...only(9), sequence: 4n }).zone, known: [1, 2] },
    { id: 'not whole', zone: missing.zone, known: [1, 2] },
  ]
  for (const [index, { id, zone, known }] of bad.entries()) {
    if (zone === undefined) await server.stop()
    else await server.change(zone)
    rounds.next()
    t.same(await rounds.ended(), known, id)
    t.equal(rounds.wait(), discoveryLimits.retry * 2 ** index, 'it comes back sooner, and waits longer each time')
  }
  t.same(await counted(rounds.metrics.waku_dnsdisc_errors_total, 'type'), [['tree_sync_failure', bad.length]])
  await server.change(treeOf({ ...only(7), sequence: 7n }).zone)
  rounds.next()
  t.same(await rounds.ended(), [7], 'a tree that is well again is believed alone')
  t.equal(rounds.wait(), discoveryLimits.refresh)
})

t.test('the last good list outlives a restart, and a tree does not go back behind it', async (t) => {
  const lastGood = path.join(t.testdir(), 'dns-trees.json')
  const tree = treeOf({ ...only(1, 2), sequence: 5n })
  const server = await serve(t, tree)
  if (server === undefined) return
  const urls = [tree.url]
  {
    await using rounds = start(server, { urls, lastGood })
    t.same(await rounds.ended(), [1, 2])
  }
  await server.stop()
  {
    await using rounds = start(server, { urls, lastGood })
    t.same(await rounds.ended(), [1, 2])
  }
  await server.start(treeOf({ ...only(9), sequence: 4n }).zone)
  {
    await using rounds = start(server, { urls, lastGood })
    t.same(await rounds.ended(), [1, 2], 'an older tree after a restart is refused')
  }
  await server.change(treeOf({ ...only(9), sequence: 6n }).zone)
  await using rounds = start(server, { urls, lastGood })
  t.same(await rounds.ended(), [9], 'a newer one is taken')
})

t.test('a file of last good lists that is none, or was meddled with, is passed over', async (t) => {
  const lastGood = path.join(t.testdir(), 'dns-trees.json')
  const tree = treeOf(only(1, 2))
  const server = await serve(t, tree)
  if (server === undefined) return
  {
    await using rounds = start(server, { urls: [tree.url], lastGood })
    await rounds.ended()
  }
  const good = readFileSync(lastGood, 'utf8')
  await server.stop()
  const record = enrToText(recordOf(1))
  for (const [id, content, known] of [
    ['as it was written', good, [1, 2]],
    ['half', good.slice(0, 40), []],
    ['another release', good.replace('"version":1', '"version":2'), []],
    ['a record that was changed', good.replace(record, `${record.slice(0, 20)}xy${record.slice(22)}`), [2]],
    ['no sequence number', good.replace('"1"', '"-1"'), []],
    ['not JSON', 'enr:', []],
    ['empty', '', []],
  ] as const) {
    writeFileSync(lastGood, content)
    await using rounds = start(server, { urls: [tree.url], lastGood })
    t.same(await rounds.ended(), known, id)
  }
})

t.test('links to other trees are followed, round in a circle too, up to the bounds', async (t) => {
  const at = (index: number, links: readonly TestTree[] = []): TestTree =>
    treeOf({ ...only(index), domain: `n${index}.test`, key: keyOf(index), links: links.map(({ to }) => to) })
  // 1 names 2, 2 names 1 and 3, and 3 names 4 to 30.
  const many = Array.from({ length: 27 }, (_, index) => at(index + 4))
  const three = at(3, many)
  const two = at(2, [at(1), three])
  const one = at(1, [two])
  const server = await serve(t, one, two, three, ...many)
  if (server === undefined) return
  {
    await using rounds = start(server, { urls: [one.url] })
    const found = await rounds.ended()
    t.same(found.slice(0, 3), [1, 2, 3])
    t.equal(found.length, discoveryLimits.trees, 'no more trees than the bound')
  }
  await using near = start(server, { urls: [one.url], limits: { linkDepth: 1 } })
  t.same(await near.ended(), [1, 2], 'no link further away than the bound')
})

t.test('when a tree fails, those to which it links stay as they were', async (t) => {
  const linked = treeOf({ ...only(2), domain: 'more.test', key: keyOf(2) })
  const tree = treeOf({ ...only(1), links: [linked.to] })
  const server = await serve(t, tree, linked)
  if (server === undefined) return
  await using rounds = start(server, { urls: [tree.url] })
  t.same(await rounds.ended(), [1, 2])
  await server.change(linked.zone)
  rounds.next()
  t.same(await rounds.ended(), [1, 2])
})

t.test('the waits differ from node to node', async (t) => {
  const tree = treeOf(only(1))
  const server = await serve(t, tree)
  if (server === undefined) return
  const waits: number[] = []
  for (const random of [0, 0.999]) {
    await using rounds = start(server, { urls: [tree.url], random: () => random })
    await rounds.ended()
    waits.push(rounds.wait() / discoveryLimits.refresh)
  }
  t.match(
    waits.map((wait) => wait.toFixed(1)),
    ['0.8', '1.2'],
  )
})

t.test('what is under way ends when discovery is disposed of', async (t) => {
  const rounds = startDnsDiscovery({
    urls: [treeOf(only(1)).url],
    resolver: (_, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    found: () => t.fail('nothing can be found'),
    metrics: createMetrics(),
    log: silentLog(),
  })
  await rounds[Symbol.asyncDispose]()
  t.pass('it has ended')
})

t.test('a URL that is none is refused at the start', async (t) => {
  const options = { resolver: async () => [], found: () => {}, metrics: createMetrics(), log: silentLog() }
  t.throws(() => startDnsDiscovery({ ...options, urls: ['enrtree://nonsense@nodes.test'] }), {
    code: 'dns-tree/malformed',
  })
})
