import t from 'tap'
import { createLog, recentLines, silentLog } from '../../src/telemetry/log.ts'
import { maxRecentLines, RecentLines } from '../../src/telemetry/recent-lines.ts'

function quietLog() {
  const written: string[] = []
  const log = createLog({ level: 'info', format: 'json', destination: { write: (line) => void written.push(line) } })
  return { log, written }
}

t.test('lines from warn on are kept, of the root and of its parts, and all are written', async (t) => {
  const { log, written } = quietLog()
  log.info('started')
  log.warn('no such setting')
  log.child({ part: 'archive' }).error({ why: 'disk full' }, 'archive degraded')
  t.equal(written.length, 3)
  const { total, list } = { total: recentLines(log).total, list: recentLines(log).list() }
  t.equal(total, 2)
  t.match(list, [
    { level: 'error', part: 'archive', message: 'archive degraded', detail: 'why=disk full', count: 1 },
    { level: 'warn', part: '', message: 'no such setting', detail: '', count: 1 },
  ])
})

t.test('lines are kept whatever the format is', async (t) => {
  const log = createLog({ level: 'info', format: 'text', destination: { write: () => {} } })
  log.warn({ setting: 'mix' }, 'has no effect')
  t.match(recentLines(log).list(), [{ message: 'has no effect', detail: 'setting=mix' }])
})

t.test('what must not be logged is not kept either', async (t) => {
  const { log } = quietLog()
  const secret = 'c0ffee-planted-secret'
  log.warn({ token: secret, rest: { password: secret }, err: new Error(`postgres://me:${secret}@db/x`) }, 'line')
  t.match(recentLines(log).list(), [{ message: 'line' }])
  t.notMatch(JSON.stringify(recentLines(log).list()), secret)
})

t.test('what is said again counts up, with the time of the first and of the last', async (t) => {
  let now = 1000
  const recent = new RecentLines(() => now)
  const say = (message: string, why: string) => recent.take(40, JSON.stringify({ level: 'warn', msg: message, why }))
  say('a', 'first')
  now = 2000
  say('b', '')
  now = 3000
  say('a', 'again')
  t.match(recent.list(), [
    { message: 'a', detail: 'why=again', count: 2, first: 1000, last: 3000 },
    { message: 'b', count: 1 },
  ])
  t.equal(recent.total, 3)
})

t.test('only so many different lines are kept, each only so long', async (t) => {
  const recent = new RecentLines(() => 0)
  for (let index = 0; index < maxRecentLines + 5; index += 1)
    recent.take(50, JSON.stringify({ level: 'error', msg: `${index}-${'x'.repeat(10_000)}`, more: 'y'.repeat(10_000) }))
  const list = recent.list()
  t.equal(list.length, maxRecentLines)
  t.match(list[0]?.message, new RegExp(`^${maxRecentLines + 4}-`))
  t.ok(JSON.stringify(list).length < 64 * 1024)
  t.equal(recent.total, maxRecentLines + 5)
})

t.test('a log without a memory has no lines', async (t) => {
  t.same(recentLines(silentLog()).list(), [])
})
