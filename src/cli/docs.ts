/**
 * The reference pages, each from the table that is the truth. `npm run docs` writes them; test/docs.test.ts fails when
 * one is stale.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { errorTable } from '../core/errors.ts'
import { openApi } from '../rest/openapi.ts'
import { groups } from '../rest/routes/groups.ts'
import { writeYaml } from '../rest/yaml.ts'
import { renderSettingsPage } from '../settings/page.ts'
import { metricTable, processMetricNames } from '../telemetry/metrics.ts'
import { renderCommandsPage } from './commands-page.ts'
import { renderDashboard } from './dashboard/render.ts'
import { table } from './markdown.ts'
import { version } from './version.ts'

/** Each page by its path in the repository. */
export const pages: Readonly<Record<string, () => string>> = {
  'deploy/grafana/dashboards/waypost.json': renderDashboard,
  'docs/commands.md': renderCommandsPage,
  'docs/errors.md': renderErrorsPage,
  'docs/metrics.md': renderMetricsPage,
  'docs/openapi.yaml': renderOpenApi,
  'docs/settings.md': renderSettingsPage,
}

const openApiIntroduction = '# Generated from the route tables in src/rest/routes; a test fails when the two differ.\n'

function renderOpenApi(): string {
  return openApiIntroduction + writeYaml(openApi(groups, version))
}

const errorsIntroduction = `# Errors

This page is generated from the table in \`src/core/errors.ts\`; a test fails when the two differ.

Each error has a code that stays, and a text with the values that matter. *Wire* is the status that a peer gets in a Waku
response, *HTTP* the one that a REST client gets, *exit* the code with which the program ends; where there is none, the
error is handled inside or logged.
`

function renderErrorsPage(): string {
  const rows = Object.entries(errorTable).map(([code, { when, says, wire, http, exit }]) => [
    `\`${code}\``,
    prose(when),
    `\`${says}\``,
    ...[wire, http, exit].map((status) => String(status ?? '')),
  ])
  return `${errorsIntroduction}\n${table(['Code', 'When', 'Says', 'Wire', 'HTTP', 'Exit'], rows)}`
}

const metricsIntroduction = `# Metrics

This page is generated from the table in \`src/telemetry/metrics.ts\`; a test fails when the two differ.

The names \`waku_*\` and \`libp2p_*\` are those of nwaku, so its dashboards work; \`--metrics-prefix=logos_delivery\` puts the
prefix of newer dashboards in place of \`waku\`. What only Waypost has is named \`waypost_*\`. A label takes the values given here and
no others, never one from the wire; *shard* stands for the numbers of the shards that the node follows, *topic* for their pubsub
topics. A running node adds what [prom-client](https://github.com/siimon/prom-client#default-metrics) tells of the process:
${[...processMetricNames].map((name) => `\`${name}\``).join(', ')}.

\`deploy/grafana\` has a dashboard with all of them, \`deploy/prometheus\` the alerts.
`

function renderMetricsPage(): string {
  const rows = Object.entries(metricTable).map(([name, { kind, labels, help }]) => [
    `\`${name}\``,
    kind,
    Object.entries(labels)
      .map(([label, values]) => (values.length === 0 ? `\`${label}\`` : `\`${label}\`: ${valuesOf(values)}`))
      .join('; '),
    prose(help),
  ])
  return `${metricsIntroduction}\n${table(['Name', 'Kind', 'Labels', 'What it says'], rows)}`
}

function valuesOf(values: readonly string[] | string): string {
  return typeof values === 'string' ? `*${values}*` : values.join(', ')
}

/** Text outside of code, where a `<` would open an HTML tag. */
function prose(text: string): string {
  return text.replaceAll('<', '&lt;')
}

/** Writes all pages under `folder`. */
function writePages(folder: string): void {
  for (const [file, render] of Object.entries(pages)) writeFileSync(path.join(folder, file), render())
}

if (import.meta.main) writePages(process.cwd())
