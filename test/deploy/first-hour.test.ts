import { readFileSync } from 'node:fs'
import t from 'tap'
import { firstHour, pagePath } from './first-hour.ts'

t.test('docs/first-hour.md is what comes of its commands', async (t) => {
  t.equal(await firstHour(), readFileSync(pagePath, 'utf8'), '`npm run docs:first-hour` writes it anew')
})
