/** Makes Grafana's JSON of the panels. */
import type { Panel, Row } from './panel.ts'
import { rows } from './panels.ts'

/** Of Grafana's grid, which is 24 wide. */
const graph = { width: 8, height: 8 }
const stat = { width: 3, height: 4 }
const gridWidth = 24

const datasource = { type: 'prometheus', uid: `$\{datasource}` }

/** The dashboard, as Grafana 11 and newer read it from a file. */
export function renderDashboard(): string {
  const dashboard = {
    uid: 'waypost',
    title: 'Waypost',
    description: 'One or more Waypost nodes. Generated from src/cli/dashboard/panels.ts.',
    tags: ['waku', 'waypost'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: { list: variables },
    annotations: { list: [] },
    links: [],
    panels: layOut(rows),
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

const variables = [
  { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', refresh: 1 },
  {
    name: 'instance',
    label: 'Node',
    type: 'query',
    datasource,
    query: { query: 'label_values(waypost_connections, instance)', refId: 'instance' },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.+',
    current: { text: 'All', value: '$__all' },
  },
  {
    name: 'prefix',
    label: '--metrics-prefix',
    type: 'custom',
    query: 'waku,logos_delivery',
    current: { text: 'waku', value: 'waku' },
    options: ['waku', 'logos_delivery'].map((value) => ({ text: value, value, selected: value === 'waku' })),
  },
]

/** A query as Grafana is to send it. */
export function queryOf(expression: string): string {
  return expression
    .replaceAll('$i', 'instance=~"$instance"')
    .replaceAll('$r', '$__rate_interval')
    .replaceAll(/\bwaku_/g, `$\{prefix}_`)
}

/** Rows below each other, panels from left to right, each with an id of its own. */
function layOut(rows: readonly Row[]): object[] {
  let [id, top] = [0, 0]
  return rows.flatMap(({ title, panels }) => {
    const heading = { id: ++id, type: 'row', title, collapsed: false, gridPos: { h: 1, w: gridWidth, x: 0, y: top++ } }
    let [left, height] = [0, 0]
    const placed = panels.map((panel) => {
      const size = panel.stat ? stat : graph
      if (left + size.width > gridWidth) [left, top, height] = [0, top + height, 0]
      const gridPos = { h: size.height, w: size.width, x: left, y: top }
      left += size.width
      height = Math.max(height, size.height)
      return { id: ++id, gridPos, ...renderPanel(panel) }
    })
    top += height
    return [heading, ...placed]
  })
}

function renderPanel({ title, says, unit, queries, stat, limits }: Panel): object {
  return {
    type: stat ? 'stat' : 'timeseries',
    title,
    description: says,
    datasource,
    fieldConfig: {
      defaults: { unit, ...thresholds(limits), ...(stat ? {} : { min: minimum(queries) }) },
      overrides: [],
    },
    options: stat ? statOptions(title) : graphOptions,
    targets: queries.map(([expression, legendFormat], index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource,
      expr: queryOf(expression),
      legendFormat,
      instant: stat === true,
      range: stat !== true,
    })),
  }
}

/** Everything but a clock is zero or more. */
function minimum(queries: Panel['queries']): number | undefined {
  return queries.some(([expression]) => expression.includes('_clock_')) ? undefined : 0
}

function thresholds(limits: Panel['limits']): object {
  if (limits === undefined) return {}
  const [orange, red] = limits
  const rising = [
    { color: 'green', value: null },
    { color: 'orange', value: orange },
    { color: 'red', value: red },
  ]
  const falling = [
    { color: 'red', value: null },
    { color: 'orange', value: red },
    { color: 'green', value: orange },
  ]
  return { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps: orange < red ? rising : falling } }
}

/** The version is in a label, not in the value. */
function statOptions(title: string): object {
  const textMode = title === 'Version' ? 'name' : 'auto'
  return { textMode, colorMode: 'value', graphMode: 'none', reduceOptions: { calcs: ['lastNotNull'], values: false } }
}

const graphOptions = {
  legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
  tooltip: { mode: 'multi', sort: 'desc' },
}
