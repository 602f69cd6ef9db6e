/** waypost store: what is cut off, killed or damaged is continued, or used as far as it is good. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { exportOf, recordOf } from '../archive/export/kit.ts'
import { envelopes, hashes } from '../archive/kit.ts'
import { waypost } from '../kit/cli.ts'
import { launcher } from '../kit/daemon.ts'
import { environment } from '../kit/environment.ts'
import { ask, startedNode } from '../kit/rest.ts'
import { closedFolder, json, keepAll, recordsOf } from './store-kit.ts'

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [launcher, 'store', ...args], { env: environment(), stdio: 'ignore' })
}

/** Kills it as soon as `ready` says so; false when it has ended by itself before. */
async function killedWhen(child: ChildProcess, ready: () => Promise<boolean>): Promise<boolean> {
  const closed = once(child, 'close')
  while (child.exitCode === null && !(await ready())) await new Promise(setImmediate)
  child.kill('SIGKILL')
  await closed
  return child.signalCode === 'SIGKILL'
}

t.test('an export may be killed at any moment, and is continued', async (t) => {
  const root = t.testdir()
  const stored = envelopes(20_000)
  const folder = await closedFolder(t, stored)
  const file = path.join(root, 'all')
  const exporting = ['export', '--offline', '--data-dir', folder, '--to', file]
  for (const size of [1, 300_000]) {
    const hasGrown = async () => ((await stat(file).catch(() => undefined))?.size ?? 0) >= size
    t.ok(await killedWhen(start(...exporting, ...(size === 1 ? [] : ['--resume'])), hasGrown))
  }
  t.match(await waypost(t, ['store', ...exporting]), { code: 73, stderr: /is there already.*--resume/ })
  t.equal((await waypost(t, ['store', ...exporting, '--resume'])).code, 0)
  t.ok(isDeepStrictEqual(hashes(await recordsOf(file)), hashes(stored)))
  const otherwise = await waypost(t, ['store', ...exporting, '--resume', '--since=1h'])
  t.match(otherwise, { code: 0, stdout: /it was whole already/ })
  await writeFile(file, exportOf(stored.slice(0, 3).map(recordOf)).subarray(0, -10))
  const other = await waypost(t, ['store', ...exporting, '--resume', '--since=1h'])
  t.match(other, { code: 64, stderr: /goes on with what the file is of/ })
})

t.test('an import may be killed at any moment, and is run again', async (t) => {
  const root = t.testdir()
  const stored = envelopes(20_000)
  const file = path.join(root, 'all')
  await writeFile(file, exportOf(stored.map(recordOf)))
  const running = await startedNode(t, path.join(root, 'data'), ['--store', ...keepAll])
  const count = async () => JSON.parse((await ask(running, 'GET', '/admin/v1/store/stats')).text).messages
  const importing = ['import', '--rest-url', running.restUrl ?? '', file]
  t.ok(await killedWhen(start(...importing), async () => (await count()) > 0))
  const left = await count()
  t.ok(left < stored.length, 'it was killed in the middle')
  const again = await waypost(t, ['store', ...importing, '--json'])
  t.equal(again.code, 0)
  const { stored: added, present } = json(again)
  t.equal(added + present, stored.length)
  t.ok(present >= left)
  t.equal(await count(), stored.length)
})

t.test('a damaged file is imported up to where it is damaged, and the place is named', async (t) => {
  const root = t.testdir()
  const stored = envelopes(4000)
  const whole = exportOf(stored.map(recordOf))
  const at = Math.floor(whole.length * 0.7)
  const file = path.join(root, 'damaged')
  const args = ['store', 'import', '--offline', '--json', file, '--data-dir', path.join(root, 'data')]
  await writeFile(file, whole.subarray(0, at))
  const cut = await waypost(t, args)
  t.match(cut, { code: 65, stderr: /damaged at chunk \d+, byte \d+: it ends in the middle/ })
  t.ok(json(cut).stored > 500, 'what stands before is stored')
  await writeFile(file, Buffer.from(whole).fill(whole[at]! ^ 4, at, at + 1))
  const flipped = await waypost(t, args)
  t.match(flipped, { code: 65, stderr: /damaged at chunk \d+, byte \d+: the digest does not fit/ })
  t.match(json(flipped), { present: json(cut).stored })
  await writeFile(file, whole)
  const last = await waypost(t, args)
  t.match(last, { code: 0 }, 'the whole one is taken')
  t.equal(json(last).stored + json(last).present, 4000)
})
