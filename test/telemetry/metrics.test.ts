import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { createMetrics, metricTable } from '../../src/telemetry/metrics.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const rows = Object.entries(metricTable)

/** A name ends in the unit, or in what is counted: https://prometheus.io/docs/practices/naming/. nwaku's own are as they are. */
const ours = rows.filter(([name]) => name.startsWith('waypost_'))
const units = {
  counter: /_total$/,
  histogram: /_(seconds|bytes|messages)$/,
  gauge: /_(seconds|bytes|ratio|connections|messages|criteria|peers|degraded|info)$/,
}

t.test('a name has the form that Prometheus demands, and says whose it is', async (t) => {
  for (const [name] of rows) t.match(name, /^(waku|libp2p|waypost)_[a-z0-9]+(_[a-z0-9]+)*$/, name)
})

t.test('a metric of our own has its unit in its name', async (t) => {
  t.ok(ours.length > 0)
  for (const [name, { kind }] of ours) t.match(name, units[kind as keyof typeof units], `${name}, a ${kind}`)
})

t.test('a counter ends in _total, and nothing else does', async (t) => {
  for (const [name, { kind }] of rows) t.equal(name.endsWith('_total'), kind === 'counter', name)
})

t.test('the help is a sentence', async (t) => {
  for (const [name, { help }] of rows) t.match(help, /^[A-Z].{10,}\.$/, name)
})

t.test('a label never tells one peer or one topic from another', async (t) => {
  for (const [name, { labels }] of rows)
    for (const [label, values] of Object.entries(labels)) {
      t.match(label, /^[a-z]+(_[a-z]+)*$/, `${name}: ${label}`)
      t.notMatch(label, /peer|hash|content|address/, `${name}: ${label}`)
      t.ok(values === 'shard' || values.length <= 20, `${name}: ${label} has few values, all known`)
    }
})

t.test('buckets rise', async (t) => {
  for (const [name, { kind, buckets = [] }] of rows) {
    t.equal(buckets.length > 0, kind === 'histogram', name)
    t.same(
      buckets,
      buckets.toSorted((a, b) => a - b),
      name,
    )
  }
})

t.test('a metric that nothing moves is not in the table', async (t) => {
  const sources = globSync('src/**/*.ts', { cwd: root })
    .filter((file) => !file.endsWith('telemetry/metrics.ts'))
    .map((file) => readFileSync(path.join(root, file), 'utf8'))
    .join('\n')
  t.same(
    rows.map(([name]) => name).filter((name) => !new RegExp(`\\b${name}\\b`).test(sources)),
    [],
  )
})

t.test('all metrics are exposed with help and type, and each node has its own', async (t) => {
  const one = createMetrics()
  const other = createMetrics()
  one.waku_store_queries_total.inc()
  const text = await one.registry.metrics()
  for (const [name, { kind, help }] of rows) {
    t.ok(text.includes(`# HELP ${name} ${help}\n`), name)
    t.ok(text.includes(`# TYPE ${name} ${kind}\n`), name)
  }
  t.match(text, 'waku_store_queries_total 1')
  t.match(await other.registry.metrics(), 'waku_store_queries_total 0')
})

t.test('with another prefix the names are those of newer dashboards, ours stay', async (t) => {
  const text = await createMetrics({ prefix: 'logos_delivery' }).registry.metrics()
  t.match(text, '# TYPE logos_delivery_store_queries_total counter')
  t.notMatch(text, /^waku_/m)
  t.match(text, '# TYPE waypost_connections gauge')
  t.match(text, '# TYPE libp2p_peers gauge')
})

t.test('process metrics are there when asked for', async (t) => {
  t.match(await createMetrics({ processMetrics: true }).registry.metrics(), 'process_resident_memory_bytes')
  t.notMatch(await createMetrics().registry.metrics(), 'process_resident_memory_bytes')
})
