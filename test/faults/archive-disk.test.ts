/** A disk that takes no more: the archive says so, loses nothing that it acknowledged, and goes on when there is room. */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { needs } from '../kit/tools.ts'
import { type Acknowledged, consistent, outcomesOf, reopened, startWriter } from './archive-writer-process.ts'

/** Bytes that a file may have: for the log of a partition that is a full disk. */
const fileLimit = 100 * 1024

t.test('an archive on a full disk is degraded, and comes back when there is room', async (t) => {
  const prlimit = needs(t, 'prlimit')
  if (prlimit === undefined) return
  const folder = t.testdir()
  const writer = startWriter([folder, '0'], [prlimit, `--fsize=${fileLimit}:unlimited`])
  const acknowledged: Acknowledged[] = []
  let failures = 0
  let recovered = 0
  for await (const outcome of outcomesOf(writer)) {
    if ('failed' in outcome) {
      failures += 1
      t.equal(outcome.failed, 'archive/unavailable')
      if (failures === 1) execFileSync(prlimit, ['--pid', String(writer.pid), '--fsize=unlimited'])
    } else {
      acknowledged.push(outcome)
      if (failures > 0) recovered += 1
      if (recovered === 500) writer.kill('SIGKILL')
    }
  }
  t.ok(failures > 0)
  t.ok(recovered >= 500)
  const stored = await reopened(folder, (archive) => consistent(t, archive))
  t.same(
    acknowledged.filter(({ hash }) => !stored.has(hash)),
    [],
  )
})
