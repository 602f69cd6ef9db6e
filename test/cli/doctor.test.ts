/** The real program looks at itself. Each check alone, against its fault, stands in doctor/. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { waypost } from '../kit/cli.ts'
import { daemon } from '../kit/daemon.ts'

/** A data folder with a key and a token, as a node leaves it. */
function dataFolder(t: Test): string {
  const folder = path.join(t.testdir(), 'data')
  mkdirSync(folder, { mode: 0o700 })
  writeFileSync(path.join(folder, 'node.key'), `${'1'.repeat(64)}\n`, { mode: 0o600 })
  writeFileSync(path.join(folder, 'rest.token'), 'secret-secret-secret\n', { mode: 0o600 })
  return folder
}

t.test('before the first start nothing is wrong, nothing is made, and a script reads it', async (t) => {
  const folder = path.join(t.testdir(), 'data')
  const flags = ['doctor', `--data-dir=${folder}`, '--tcp-port=0', '--rest-port=0']
  const { code, stdout } = await waypost(t, [...flags, '--json'])
  t.equal(code, 0, stdout)
  t.match(JSON.parse(stdout), { ok: true, findings: [{ check: 'settings', level: 'ok' }] })
  t.notOk(existsSync(folder))
  const wrong = await waypost(t, [...flags, '--no-such-flag'])
  t.equal(wrong.code, 1)
  t.match(wrong.stdout, /^FAIL +settings +--no-such-flag: no such setting$/m)
})

t.test('a node that runs is well, its ports are its own, and no secret is shown', async (t) => {
  const dataDir = dataFolder(t)
  const node = await daemon(t, { dataDir })
  const port = new URL(node.restUrl).port
  const flags = [`--data-dir=${dataDir}`, '--store', '--tcp-port=0', `--rest-port=${port}`]
  const { code, stdout } = await waypost(t, ['doctor', ...flags])
  t.equal(code, 0, stdout)
  t.match(stdout, /^ok +archive +the running node has it open$/m)
  t.match(stdout, new RegExp(`^ok +ports +rest-port ${port} is in use by the running node$`, 'm'))
  t.match(stdout, /^ok +node +ready, 0 peers$/m)
  t.notMatch(stdout, /1{64}|secret-secret-secret/)
  chmodSync(path.join(dataDir, 'node.key'), 0o644)
  const open = await waypost(t, ['doctor', ...flags])
  t.equal(open.code, 1)
  t.match(open.stdout, /^FAIL +files +node key .* is open to other users \(mode 644\)\n +-> chmod 600 /m)
})
