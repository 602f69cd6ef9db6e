import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { groups } from '../../src/rest/routes/groups.ts'
import { createMetrics, metricTable } from '../../src/telemetry/metrics.ts'

const root = path.resolve(import.meta.dirname, '../../..')

/** What a metric counts or measures in, as the last words of its name say it. */
const units = [
  'seconds',
  'bytes',
  'bytes_per_shard',
  'messages',
  'messages_per_shard',
  'peers',
  'peers_per_shard',
  'peers_per_agent',
  'streams',
  'nodes',
  'sessions',
  'records',
  'packets',
  'attempts',
  'topics',
  'connections',
  'connections_refused',
  'dials',
  'errors',
  'requests',
  'queries',
  'verdicts',
  'decisions',
  'outcome',
  'criteria',
  'subscriptions',
  'pushes',
  'dropped',
  'mappings',
]

/** Names that nwaku has given, or that are yes or no: the help says in what. */
const unitInHelp: Readonly<Record<string, RegExp>> = {
  waku_version: /Set to 1/,
  waku_histogram_message_size: /kilobytes/,
  waku_peer_store_size: /Peers/,
  waku_dnsdisc_discovered: /[Rr]ecords|[Pp]eers/,
  waku_discv5_discovered_per_shard: /Nodes/,
  waku_px_peers_sent_total: /[Rr]ecords/,
  waku_px_peers_received_total: /[Rr]ecords/,
  libp2p_rendezvous_register_total: /Registrations/,
  libp2p_rendezvous_discover_total: /Look-ups/,
  libp2p_rendezvous_registered: /Registrations/,
  rendezvousPeerFoundTotal_total: /Peers/,
  libp2p_pubsub_unsubscriptions_total: /Times/,
  libp2p_pubsub_validation_success_total: /Messages/,
  libp2p_pubsub_validation_ignore_total: /Messages/,
  libp2p_pubsub_validation_failure_total: /Messages/,
  waypost_reachability: /Set to 1/,
  waypost_acme_failures: /Times/,
  waypost_archive_degraded: /Set to 1/,
  waypost_archive_database_up: /Set to 1/,
  waypost_archive_spool_used_ratio: /Part/,
  reconciliation_roundtrips: /Turns/,
  reconciliation_differences: /Messages/,
  total_bytes_exchanged_total: /Bytes/,
  total_transfer_messages_exchanged_total: /Messages/,
  total_messages_cached: /Messages/,
}

/** Names of store sync, discv5 and rendezvous in nwaku, which say of nobody whose they are. */
const withoutOwner = new Set([
  'routing_table_nodes',
  'rendezvousPeerFoundTotal_total',
  'reconciliation_roundtrips',
  'reconciliation_differences',
  'total_bytes_exchanged_total',
  'total_transfer_messages_exchanged_total',
  'total_messages_cached',
])

t.test('each metric has a help that says when it moves, and a unit', async (t) => {
  for (const [name, { kind, help }] of Object.entries(metricTable)) {
    if (!withoutOwner.has(name)) t.match(name, /^(waku|libp2p|waypost)_[a-z0-9_]+$/, `${name}: whose it is`)
    t.match(help, /^[A-Z].{15,}\.$/s, `${name}: a sentence`)
    if (kind === 'counter') t.match(name, /_total$/, `${name}: a counter`)
    const unitless = name.replace(/_total$/, '')
    const inHelp = unitInHelp[name]
    if (inHelp === undefined)
      t.ok(
        units.some((unit) => unitless.endsWith(`_${unit}`)),
        `${name}: a unit`,
      )
    else t.match(help, inHelp, `${name}: a unit`)
  }
})

t.test('each metric is moved by something', async (t) => {
  const sources = globSync('src/**/*.ts', { cwd: root })
    .filter((file) => file !== 'src/telemetry/metrics.ts')
    .map((file) => readFileSync(path.join(root, file), 'utf8'))
    .join('\n')
  const still = Object.keys(metricTable).filter((name) => !new RegExp(`\\b${name}\\b`).test(sources))
  t.same(still, [])
})

t.test('a counter stands at zero before the first event of each kind', async (t) => {
  const text = await createMetrics().registry.metrics()
  t.match(text, '\nwaypost_filter_dropped_total 0\n')
  t.match(text, '\nwaypost_archive_dropped_messages_total{reason="queue_full"} 0\n')
  t.match(text, '\nwaku_service_requests_total{service="/vac/waku/store-query/3.0.0",state="rejected"} 0\n')
  t.notMatch(text, /\nwaku_relay_network_bytes_total\{/, 'shards are not known before they are followed')
})

t.test('each group of REST routes is a value of the label of REST requests', async (t) => {
  const { group } = metricTable.waypost_rest_requests_total?.labels ?? {}
  t.same(Array.from(group ?? []).toSorted(), [...groups.map(({ name }) => name), 'none'].toSorted())
})

t.test('the prefix of newer dashboards stands for waku, and only for that', async (t) => {
  const text = await createMetrics({ prefix: 'logos_delivery' }).registry.metrics()
  t.match(text, '\nlogos_delivery_store_queries_total 0\n')
  t.match(text, '\nwaypost_filter_dropped_total 0\n')
  t.notMatch(text, /^waku_/m)
})

t.test('what is tallied is in the next reading, with what was counted otherwise', async (t) => {
  const { waypost_relay_verdicts_total: verdicts } = createMetrics()
  const tally = verdicts.tally({ result: 'accept' })
  const other = verdicts.tally({ result: 'accept' })
  const values = async () => (await verdicts.get()).values.map(({ labels, value }) => [labels.result, value])
  tally.add()
  tally.add(3)
  other.add(10)
  verdicts.inc({ result: 'reject' })
  const expected = [
    ['accept', 14],
    ['ignore', 0],
    ['reject', 1],
  ]
  t.same(await values(), expected)
  t.same(await values(), expected, 'and is added once')
})
