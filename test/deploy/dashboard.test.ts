/** The dashboard: every query is asked of a real Prometheus that has scraped a real node, and every metric has a place. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { metricTable, processMetricNames } from '../../src/telemetry/metrics.ts'
import { busyTwins, clientTraffic } from '../kit/busy.ts'
import { selfSigned } from '../kit/certificate.ts'
import { Prometheus } from '../kit/prometheus.ts'
import { needs } from '../kit/tools.ts'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number }
  readonly datasource?: { readonly uid: string }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[]
}

interface Dashboard {
  readonly uid: string
  readonly schemaVersion: number
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[]
  }
  readonly panels: readonly Panel[]
}

const dashboard = JSON.parse(readFileSync('deploy/grafana/dashboards/waypost.json', 'utf8')) as Dashboard
const graphs = dashboard.panels.filter(({ type }) => type !== 'row')
const expressions = graphs.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

/** Metrics that a node has not whose archive is in LevelDB, and which has neither found nodes by discv5 nor a router, and orders no certificate. */
const absent = /waypost_archive_database_up|discv5_discovered_per_shard|waypost_port_mappings|waypost_acme_failures/

/** A query as Grafana sends it, for all nodes. */
function interpolated(expression: string, prefix = 'waku'): string {
  return expression
    .replaceAll('$instance', '.+')
    .replaceAll('$__rate_interval', '1m')
    .replaceAll(`\${prefix}_`, `${prefix}_`)
}

/** The metrics that a query names. */
function metricsIn(expression: string): readonly string[] {
  return Array.from(
    expression.matchAll(
      /\b(?:waku|libp2p|waypost|process|nodejs|reconciliation|total|routing|rendezvousPeerFoundTotal)_\w+/g,
    ),
    ([name]) => name,
  )
}

const known = new Set([...Object.keys(metricTable), ...processMetricNames])
const base = (name: string): string => (known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''))

t.test('each panel says what it shows, in which unit, and stands in a place of its own', async (t) => {
  t.ok(graphs.length > 50)
  t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length, 'ids')
  const taken = new Set<string>()
  for (const { title, description, type, fieldConfig, datasource, targets = [], gridPos } of graphs) {
    t.match(description, /^[A-Z0-9].{15,}\.$/s, title)
    t.ok(fieldConfig?.defaults.unit, `${title}: unit`)
    t.ok(['stat', 'timeseries'].includes(type), `${title}: type`)
    t.equal(datasource?.uid, `$\{datasource}`, `${title}: source`)
    t.ok(targets.length > 0 && new Set(targets.map(({ refId }) => refId)).size === targets.length, `${title}: queries`)
    t.ok(gridPos.x + gridPos.w <= 24, `${title}: within the page`)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        t.notOk(taken.has(`${x} ${y}`), `${title}: a place of its own`)
        taken.add(`${x} ${y}`)
      }
  }
})

t.test('every metric is on a panel, and every metric on a panel or in a rule is one of ours', async (t) => {
  const shown = new Set(expressions.flatMap((expression) => metricsIn(interpolated(expression))).map(base))
  t.same(
    [...known].filter((name) => !shown.has(name)),
    [],
    'not on a panel',
  )
  const { groups } = parse(readFileSync('deploy/prometheus/alerts.yml', 'utf8')) as {
    groups: { rules: { alert: string; expr: string }[] }[]
  }
  const judged = groups.flatMap(({ rules }) => rules.flatMap(({ expr }) => metricsIn(expr))).map(base)
  t.ok(judged.length > 20)
  t.same(
    [...shown, ...judged].filter((name) => !known.has(name)),
    [],
    'not of ours',
  )
})

t.test('the variables are those that the queries use, and the files of provisioning agree', async (t) => {
  const names = dashboard.templating.list.map(({ name }) => name)
  t.same(names, ['datasource', 'instance', 'prefix'])
  for (const expression of expressions)
    t.same(expression.replaceAll(/\$instance|\$__rate_interval|\$\{prefix\}/g, '').includes('$'), false, expression)
  const read = (file: string) => parse(readFileSync(`deploy/grafana/provisioning/${file}`, 'utf8'))
  t.match(read('datasources/prometheus.yml').datasources, [{ type: 'prometheus', uid: 'prometheus' }])
  t.match(read('dashboards/waypost.yml').providers, [{ type: 'file', options: { path: '/etc/grafana/dashboards' } }])
})

t.test('Prometheus takes the configuration and the rules, and each rule does what its tests say', async (t) => {
  const promtool = needs(t, 'promtool')
  if (promtool === undefined) return
  const run = (...words: string[]) => execFileSync(promtool, words, { stdio: 'pipe', encoding: 'utf8' })
  for (const file of ['prometheus.yml', 'fleet.yml'])
    t.match(run('check', 'config', `deploy/prometheus/${file}`), /SUCCESS/)
  t.match(run('check', 'rules', '--lint-fatal', 'deploy/prometheus/alerts.yml'), /SUCCESS/)
  t.match(run('test', 'rules', 'deploy/prometheus/alerts.test.yml'), /SUCCESS/)
  const broken = t.testdir({ 'broken.yml': 'groups: [{ name: a, rules: [{ alert: B, expr: "sum(" }] }]' })
  t.throws(() => run('check', 'rules', `${broken}/broken.yml`), 'it looks')
})

t.test('each query gives something of a node that has had traffic', async (t) => {
  const [program, openssl] = [needs(t, 'prometheus'), needs(t, 'openssl')]
  if (program === undefined || openssl === undefined) return
  const { keyFile, certificateFile } = selfSigned(t.testdir())
  const secure = ['--websocket-secure-support', `--websocket-secure-key-path=${keyFile}`]
  const [node, other] = await busyTwins(t, { flags: [...secure, `--websocket-secure-cert-path=${certificateFile}`] })
  const prometheus = await Prometheus.start(t, program)
  prometheus.watch('node', node.metricsUrl)
  await prometheus.rounds('node', 3)
  await clientTraffic(t, node, other)
  await prometheus.rounds('node', 4)
  for (const expression of expressions.filter((expression) => !absent.test(expression)))
    t.not((await prometheus.query(interpolated(expression))).length, 0, interpolated(expression))
  await t.rejects(prometheus.query('sum('), /parse error/, 'a query that is none is found')
  t.same(await prometheus.query('waku_no_such_metric'), [], 'a metric that is none gives nothing')
})
