/** kill -9 while messages are stored: whatever was acknowledged is there, and no index disagrees. */
import t from 'tap'
import { isWhole, verify } from '../../src/archive/level/verify.ts'
import { type Acknowledged, all, consistent, outcomesOf, reopened, startWriter } from './archive-writer-process.ts'

/** 500 take some minutes: `WAYPOST_KILLS=500 npm test -- archive-kill`. */
const kills = Number(process.env.WAYPOST_KILLS ?? (process.env.CI === 'true' ? 60 : 15))

// The time limit of a file is for those that hang.
t.setTimeout(Math.max(600_000, kills * 5000))

/** Runs a writer, kills it after `count` acknowledgements, and gives all that it made until it was dead. */
async function killAfter(count: number, ...args: string[]): Promise<Acknowledged[]> {
  const writer = startWriter(args)
  const acknowledged: Acknowledged[] = []
  for await (const outcome of outcomesOf(writer)) {
    if ('failed' in outcome) throw new Error(outcome.failed)
    acknowledged.push(outcome)
    if (acknowledged.length === count) writer.kill('SIGKILL')
  }
  return acknowledged
}

t.test('no acknowledged message is lost, and every index agrees', async (t) => {
  const folder = t.testdir()
  const acknowledged: Acknowledged[] = []
  for (let kill = 0; kill < kills; kill++) {
    const count = 1 + Math.floor(Math.random() * 150)
    acknowledged.push(...(await killAfter(count, folder, String(kill * 1_000_000))))
    const stored = await reopened(folder, async (archive) => new Set(await all(archive, {})))
    const lost = acknowledged.filter(({ hash }) => !stored.has(hash))
    t.same(lost, [], `after ${count} acknowledgements`)
  }
  await reopened(folder, (archive) => consistent(t, archive))
  for await (const report of verify(folder)) t.ok(isWhole(report), `partition ${report.partition} is whole`)
  t.ok(acknowledged.length > kills)
})

t.test('also while the oldest are deleted', async (t) => {
  const folder = t.testdir()
  const keep = 150
  const acknowledged: Acknowledged[] = []
  for (let kill = 0; kill < 5; kill++) {
    acknowledged.push(...(await killAfter(200 + kill * 37, folder, String(kill * 1_000_000), String(keep))))
    const stored = await reopened(folder, (archive) => consistent(t, archive))
    t.ok(stored.size >= keep, 'no more was deleted than the policy says')
    const inOrder = acknowledged.toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : 1))
    const oldest = inOrder.findIndex(({ hash }) => stored.has(hash))
    const lost = inOrder.slice(oldest).filter(({ hash }) => !stored.has(hash))
    t.same(lost, [], 'behind the oldest none is missing')
  }
})
