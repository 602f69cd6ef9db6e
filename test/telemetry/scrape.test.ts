/** A running node as Prometheus sees it: what nwaku's dashboards need, closed label sets, values that follow what happens. */
import { execFileSync } from 'node:child_process'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import type { MetricsText, Sample } from '../../src/cli/metrics-text.ts'
import { metricTable, processMetricNames } from '../../src/telemetry/metrics.ts'
import { busyTopic, busyTwins, clientTraffic, traffic } from '../kit/busy.ts'
import { host } from '../kit/host.ts'
import { scrape, scrapeText, scrapeUntil } from '../kit/scrape.ts'
import { needs } from '../kit/tools.ts'
import { have, lack } from './nwaku-dashboards.ts'

const [node, other] = await busyTwins(t)
const before = await scrape(node)
await clientTraffic(t, node, other)
/** Messages that the node was given by clients, and those that came by gossip. */
const pushed = traffic.lightpush + traffic.legacy
const after = await scrapeUntil(node, (metrics) => grown(metrics, 'waku_archive_messages') >= pushed + traffic.relayed)

type Labels = Readonly<Record<string, string>>

/** By how much the sum of a metric has grown since the traffic began. */
function grown(metrics: MetricsText, name: string, labels: Labels = {}): number {
  return (metrics.sum(name, labels) ?? 0) - (before.sum(name, labels) ?? 0)
}

t.test('what the dashboards of nwaku ask for is there, with the labels that they select by', async (t) => {
  for (const [name, selections] of Object.entries(have))
    for (const labels of selections) t.not(after.sum(name, labels), undefined, `${name} ${JSON.stringify(labels)}`)
})

t.test('what we say that we lack is not there', async (t) => {
  const shown = Object.keys(lack).filter((name) => after.sum(name) !== undefined)
  t.same(shown, [])
})

/** Name, labels, and by how much the traffic must have moved it. */
const moves: readonly (readonly [string, Labels, number])[] = [
  ['waku_node_messages_total', { type: 'relay' }, traffic.relayed],
  ['waku_node_messages_total', { type: 'lightpush' }, pushed],
  ['waku_histogram_message_size_count', {}, pushed + traffic.relayed],
  ['libp2p_pubsub_validation_success_total', {}, traffic.relayed],
  ['libp2p_pubsub_validation_failure_total', {}, 0],
  ['waku_archive_messages', { type: 'stored' }, pushed + traffic.relayed],
  ['waku_archive_messages_per_shard', { shard: '1' }, pushed + traffic.relayed],
  ['waku_relay_total_msg_bytes_per_shard', { shard: '1' }, 32 * (pushed + traffic.relayed)],
  ['waku_lightpush_v3_messages_total', {}, traffic.lightpush],
  ['waku_lightpush_messages_total', {}, traffic.legacy],
  ['waku_service_requests_total', { service: '/vac/waku/lightpush/3.0.0', state: 'served' }, traffic.lightpush],
  ['waku_service_requests_total', { service: '/vac/waku/lightpush/2.0.0-beta1' }, traffic.legacy],
  // One more of ours, which is refused.
  ['waku_store_queries_total', {}, traffic.queries + 1],
  ['waku_store_errors_total', { type: 'bad_request' }, 1],
  ['waku_archive_query_duration_seconds_count', {}, traffic.queries + 1],
  ['waku_filter_requests_total', { type: 'SUBSCRIBE' }, 1],
  ['waku_filter_request_duration_seconds_count', { type: 'SUBSCRIBE' }, 1],
  ['waku_filter_subscriptions', {}, 1],
  ['waypost_filter_criteria', {}, 1],
  ['waypost_filter_pushes_total', {}, pushed + traffic.relayed],
  ['waypost_filter_dropped_total', {}, 0],
  ['waypost_rest_requests_total', { group: 'health', status: '2xx' }, 1],
  ['waypost_rest_requests_total', { group: 'admin', status: '2xx' }, 1],
  ['waypost_rest_requests_total', { group: 'store', status: '2xx' }, 1],
  ['waypost_rest_requests_total', { group: 'none', status: '4xx' }, 1],
  ['waypost_rest_request_duration_seconds_count', { group: 'store' }, 1],
]

t.test('the values follow what happened', async (t) => {
  for (const [name, labels, by] of moves) t.equal(grown(after, name, labels), by, `${name} ${JSON.stringify(labels)}`)
})

t.test('bytes are those of the messages and more, and go out again to the other peer', async (t) => {
  const net = (direction: string) =>
    grown(after, 'waku_relay_network_bytes_total', { topic: busyTopic, type: 'net', direction })
  const least = 32 + busyTopic.length
  t.ok(net('in') >= traffic.relayed * least)
  t.ok(net('out') >= pushed * least, 'what was pushed went to the other peer')
  for (const direction of ['in', 'out']) {
    t.ok(
      grown(after, 'libp2p_network_bytes_total', { direction }) > net(direction),
      `the wire carries more, ${direction}`,
    )
    for (const service of ['/vac/waku/store-query/3.0.0', '/vac/waku/filter-subscribe/2.0.0-beta1'])
      t.ok(grown(after, 'waku_service_network_bytes_total', { service, direction }) > 0, `${service} ${direction}`)
  }
  t.ok(grown(after, 'waku_service_network_bytes_total', { service: '/vac/waku/filter-push/2.0.0-beta1' }) > 0)
})

t.test('peers are counted by what they are, and no more when they have gone', async (t) => {
  t.equal(after.sum('libp2p_pubsub_peers'), 1)
  t.equal(after.sum('waku_connected_peers_per_shard', { shard: '1' }), 1)
  t.equal(after.sum('waku_relay_mesh_peers', { shard: '1' }), 1)
  t.equal(after.sum('waku_store_peers'), 1, 'the other node, and not a client that asked for history')
  t.equal(after.sum('waku_filter_peers'), 1)
  t.ok((after.sum('waku_streams_peers', { protocol: '/vac/waku/relay/2.0.0' }) ?? 0) >= 2, 'one each way')
  const peers = after.sum('libp2p_peers') ?? 0
  const visitor = await host(t)
  await visitor.libp2p.dial(multiaddr(node.tcp))
  await scrapeUntil(node, (metrics) => metrics.sum('libp2p_peers') === peers + 1)
  await scrapeUntil(
    node,
    (metrics) => metrics.sum('waku_connected_peers_per_agent', { agent: 'waypost' }) === peers + 1,
  )
  await visitor[Symbol.asyncDispose]()
  await scrapeUntil(node, (metrics) => metrics.sum('libp2p_peers') === peers)
  t.ok((after.sum('waku_peer_store_size') ?? 0) >= peers, 'those that have gone are remembered')
})

t.test('every metric of the table is in the scrape, and nothing else', async (t) => {
  const text = await scrapeText(node)
  const told = Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name = '']) => name)
  t.same(told.toSorted(), [...Object.keys(metricTable), ...processMetricNames].toSorted())
  const helped = Array.from(text.matchAll(/^# HELP (\S+) \S/gm), ([, name = '']) => name)
  t.same(helped.toSorted(), told.toSorted(), 'each with a help')
})

t.test('a label takes only the values of its list', async (t) => {
  const open = after.samples.filter((sample) => !labelsAreClosed(sample))
  t.same(open, [])
  t.notOk(labelsAreClosed({ name: 'waku_node_messages_total', labels: { type: 'of a peer' }, value: 1 }))
})

/** Labels that Prometheus or the process add, and what they may be. */
const otherLabels: Readonly<Record<string, RegExp>> = {
  le: /^[\d.e+-]+$|^\+Inf$/,
  kind: /^(major|minor|incremental|weakcb)$/,
  version: /^\d+\.\d+\.\d+/,
}

function labelsAreClosed({ name, labels }: Sample): boolean {
  const row = metricTable[name] ?? metricTable[name.replace(/_(bucket|sum|count)$/, '')]
  return Object.entries(labels).every(([label, value]) => {
    const values = row?.labels[label] ?? []
    if (values === 'shard') return /^[0-7]$/.test(value)
    if (values === 'topic') return /^\/waku\/2\/rs\/66\/[0-7]$/.test(value)
    return values.includes(value) || otherLabels[label]?.test(value) === true
  })
}

t.test('Prometheus has nothing to say against the scrape except to names that nwaku gave', async (t) => {
  const promtool = needs(t, 'promtool')
  if (promtool === undefined) return
  const text = await scrapeText(node)
  t.same(complaintsOf(promtool, text), [
    "rendezvousPeerFoundTotal_total metric names should be written in 'snake_case' not 'camelCase'",
    "waku_histogram_message_size metric name should not include type 'histogram'",
  ])
  t.match(complaintsOf(promtool, '# TYPE x counter\nx 1\n'), [/x counter metrics should/, /x no help/], 'it looks')
})

function complaintsOf(promtool: string, text: string): readonly string[] {
  try {
    return execFileSync(promtool, ['check', 'metrics'], { input: text, encoding: 'utf8', stdio: 'pipe' })
      .split('\n')
      .filter(Boolean)
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return `${stdout}${stderr}`.split('\n').filter(Boolean)
  }
}

t.test('scrapes within a second are one rendering', async (t) => {
  const cpu = async () => (await scrape(node)).sum('process_cpu_seconds_total')
  const [first, ...rest] = await Promise.all(Array.from({ length: 50 }, cpu))
  t.ok(new Set([first, ...rest]).size <= 2, 'the second turned at most once')
})
