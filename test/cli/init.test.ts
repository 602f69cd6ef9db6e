import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { renderConfigFile } from '../../src/cli/config-file.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { settingNames, settingTable } from '../../src/settings/table.ts'
import { waypost } from '../kit/cli.ts'

t.test('init needs no answer, and what it writes runs', async (t) => {
  const cwd = t.testdir()
  const { code, stdout } = await waypost(t, ['init'], { cwd })
  t.equal(code, 0)
  const file = path.join(cwd, 'waypost-data', 'waypost.toml')
  t.match(stdout, `run       waypost run --config-file=${file}`)
  t.equal(statSync(path.join(cwd, 'waypost-data', 'node.key')).mode & 0o777, 0o600)
  const { settings, warnings } = resolveSettings({ argv: [`--config-file=${file}`], cwd: '/' })
  t.match(settings, {
    relay: true,
    store: true,
    filter: true,
    lightpush: true,
    dataDir: path.join(cwd, 'waypost-data'),
  })
  t.same(warnings, [])
})

t.test('a second init changes nothing and says what to do', async (t) => {
  const cwd = t.testdir()
  await waypost(t, ['init'], { cwd })
  const files = ['waypost.toml', 'node.key'].map((name) => path.join(cwd, 'waypost-data', name))
  const before = files.map((file) => readFileSync(file, 'utf8'))
  const { code, stderr } = await waypost(t, ['init', '--tcp-port=1'], { cwd })
  t.equal(code, 73)
  t.match(stderr, /^waypost: .*waypost\.toml is there already and is left as it is: .*\n$/)
  t.same(
    files.map((file) => readFileSync(file, 'utf8')),
    before,
  )
})

t.test('flags go into the file, and a preset decides on what they leave open', async (t) => {
  const cwd = t.testdir()
  const flags = [
    '--preset=twn',
    '--data-dir=edge',
    '--tcp-port:60007',
    '--content-topic=/a/1/b/c',
    '--content-topic=/d/1/e/f',
  ]
  const { code, stdout } = await waypost(t, ['init', ...flags, '--json'], { cwd })
  t.equal(code, 0)
  const { configFile } = JSON.parse(stdout) as { configFile: string }
  const { settings } = resolveSettings({ argv: [`--config-file=${configFile}`] })
  t.match(settings, { clusterId: 1, relay: false, tcpPort: 60007, contentTopic: ['/a/1/b/c', '/d/1/e/f'] })
})

t.test('settings that cannot hold are refused before anything is written', async (t) => {
  const cwd = t.testdir()
  for (const flag of ['--no-such-setting', '--tcp-port=x', `--nodekey=${'1'.repeat(64)}`, '--rln-relay=true']) {
    const { code, stderr } = await waypost(t, ['init', flag], { cwd })
    t.ok(code === 78 || code === 64, flag)
    t.notMatch(stderr, '1111')
  }
  t.notOk(existsSync(path.join(cwd, 'waypost-data')))
})

t.test('each line that is commented out says what holds anyway', async (t) => {
  const lines = renderConfigFile(new Map()).split('\n')
  const shown = lines.map((line) => /^# ([a-z0-9-]+) = /.exec(line)?.[1]).filter((name) => name !== undefined)
  const implemented = settingNames.filter((name) => settingTable[name].treatment.is === 'implemented')
  t.ok(shown.length > 30)
  t.same(
    implemented.filter((name) => !shown.includes(name) && settingTable[name].kind.secret !== 'whole'),
    ['config-file'],
  )
  const folder = t.testdir({ 'all.toml': lines.map((line) => line.replace(/^# ([a-z0-9-]+ = )/, '$1')).join('\n') })
  const argv = [`--config-file=${path.join(folder, 'all.toml')}`]
  const { configFile: _, ...uncommented } = resolveSettings({ argv, cwd: '/' }).settings
  const { configFile: __, ...defaults } = resolveSettings({ cwd: '/' }).settings
  t.same(uncommented, defaults)
})
