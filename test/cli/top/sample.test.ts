import t from 'tap'
import { MetricsText } from '../../../src/cli/metrics-text.ts'
import type { Snapshot } from '../../../src/cli/snapshot.ts'
import { figuresOf, type Sample } from '../../../src/cli/top/sample.ts'
import { renderTop } from '../../../src/cli/top/view.ts'

const snapshot = {
  url: 'http://127.0.0.1:8645',
  version: '1.2.3',
  state: 'READY',
  protocols: [
    { name: 'Relay', state: 'NOT_READY', why: 'No connected peers' },
    { name: 'Filter Client', state: 'NOT_READY', why: 'not asked for' },
    { name: 'Store', state: 'READY' },
  ],
  addresses: [],
  enr: '',
  // Of the figures of a snapshot only this one is shown.
  figures: { uptimeSeconds: 7300 },
} as unknown as Snapshot

function sample(at: number, lines: readonly string[]): Sample {
  return { at, snapshot, metrics: new MetricsText(lines.join('\n')) }
}

const before = sample(1000, [
  'waku_node_messages_total{type="relay"} 100',
  'waku_node_messages_total{type="rest"} 5',
  'process_cpu_seconds_total 10',
  'waku_archive_query_duration_seconds_count 4',
  'waku_archive_query_duration_seconds_sum 1',
  'waypost_filter_pushes_total 1000',
])
const now = sample(3000, [
  'waku_node_messages_total{type="relay"} 140',
  'waku_node_messages_total{type="rest"} 5',
  'process_cpu_seconds_total 11',
  'waku_archive_query_duration_seconds_count 8',
  'waku_archive_query_duration_seconds_sum 1.02',
  'waypost_filter_pushes_total 30',
  'nodejs_eventloop_lag_p99_seconds 0.0123',
  'waku_relay_mesh_peers{shard="10"} 4',
  'waku_relay_mesh_peers{shard="2"} 6',
  'waku_connected_peers_per_shard{shard="2"} 9',
])

t.test('two looks make figures per second', async (t) => {
  const figures = figuresOf(before, now)
  t.same(figures.messages, [
    { kind: 'relay', perSecond: 20, total: 140 },
    { kind: 'rest', perSecond: 0, total: 5 },
  ])
  t.equal(figures.cpuPercent, 50)
  t.equal(Math.round(figures.storeQueryMilliseconds ?? 0), 5)
  t.equal(figures.pushesPerSecond, 15, 'a counter that began anew has changed by what it has')
  t.equal(figures.lightPushPerSecond, null, 'what is not told is not known')
  t.same(figures.shards, [
    { shard: '2', mesh: 6, peers: 9 },
    { shard: '10', mesh: 4, peers: null },
  ])
  t.same(figures.troubles, ['Relay: No connected peers'])
  t.equal(figuresOf(now, now).cpuPercent, null, 'one look tells no rate')
})

t.test('the screen keeps to its size, whatever there is to show', async (t) => {
  const figures = figuresOf(before, now)
  const many = {
    ...figures,
    shards: Array.from({ length: 64 }, (_, index) => ({ shard: String(index), mesh: index, peers: 1 })),
    troubles: ['Relay: \u001b[31mred', 'Store: degraded'],
  }
  for (const size of [
    { columns: 80, rows: 23 },
    { columns: 200, rows: 60 },
    { columns: 20, rows: 5 },
    { columns: 1, rows: 1 },
  ]) {
    const lines = renderTop(many, size)
    t.ok(lines.length <= size.rows, `${lines.length} lines in ${size.rows}`)
    t.ok(lines.every((line) => line.length <= size.columns))
    t.notMatch(lines.join(''), '\u001b', 'no name commands the terminal')
  }
  const screen = renderTop(many, { columns: 80, rows: 23 }).join('\n')
  t.match(screen, /^waypost 1\.2\.3 {2}READY {2}up 2 h 1 min {2}http:\/\/127\.0\.0\.1:8645$/m)
  t.match(screen, /^ {2}relay +20\.0 +140$/m)
  t.match(screen, /^ {2}and \d+ more$/m)
  t.match(screen, /^not ready +Store: degraded$/m)
})
