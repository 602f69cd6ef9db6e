import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { rows } from '../src/cli/dashboard/panels.ts'
import { pages } from '../src/cli/docs.ts'
import { errorTable } from '../src/core/errors.ts'
import { metricTable, processMetricNames } from '../src/telemetry/metrics.ts'

const root = path.resolve(import.meta.dirname, '../..')

for (const [file, render] of Object.entries(pages)) {
  t.test(`${file} is what its table says`, async (t) => {
    t.equal(readFileSync(path.join(root, file), 'utf8'), render(), '`npm run docs` writes it anew')
  })
}

t.test('every metric has a place on the dashboard', async (t) => {
  const queries = rows.flatMap(({ panels }) =>
    panels.flatMap(({ queries }) => queries.map(([expression]) => expression)),
  )
  const isShown = (name: string) => new RegExp(`\\b${name}(_bucket|_sum|_count)?\\b`).test(queries.join('\n'))
  const hidden = [...Object.keys(metricTable), ...processMetricNames].filter((name) => !isShown(name))
  t.same(hidden, [], 'add a panel to src/cli/dashboard/panels.ts, then `npm run docs`')
})

t.test('an error code is raised somewhere, or it is not in the table', async (t) => {
  const sources = globSync('src/**/*.ts', { cwd: root })
    .filter((file) => path.basename(file) !== 'errors.ts')
    .map((file) => readFileSync(path.join(root, file), 'utf8'))
    .join('\n')
  const unused = Object.keys(errorTable).filter((code) => !sources.includes(`'${code}'`))
  t.same(unused, [])
})

t.test('an error text names its fields, and its statuses are statuses', async (t) => {
  for (const [code, { when, says, wire, http, exit }] of Object.entries(errorTable)) {
    t.match(code, /^[a-z-]+\/[a-z0-9-]+$/, `${code}: folder/what-is-wrong`)
    t.match(when, /^[a-zA-Z].*[^.]$/s, `${code}: when, without a full stop`)
    t.notMatch(says.replaceAll(/\{\w+\}/g, ''), /[{}]/, `${code}: braces only around fields`)
    t.ok(
      [wire, http].every((status) => status === undefined || (status >= 200 && status < 600)),
      `${code}: status`,
    )
    t.ok(exit === undefined || (exit > 0 && exit < 126), `${code}: exit code`)
  }
})

t.test('the links of the documentation lead somewhere', async (t) => {
  const documents = ['README.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: root })]
  for (const document of documents) {
    const text = readFileSync(path.join(root, document), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g))
      t.ok(existsSync(path.resolve(root, path.dirname(document), target)), `${document} links to ${target}`)
  }
})
