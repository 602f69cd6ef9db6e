import { writeFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../src/core/errors.ts'
import { resolveSettings, type Sources } from '../../src/settings/resolve.ts'

/** The lines of the problems that `sources` have; none when they are valid. */
function problemsOf(sources: Sources): readonly string[] {
  try {
    resolveSettings(sources)
    return []
  } catch (error) {
    if (!isWaypostError(error, 'settings/invalid')) throw error
    return String(error.data.problems)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
  }
}

t.test('without sources every setting has its default', async (t) => {
  const { settings, origins, warnings } = resolveSettings({ cwd: '/home/op' })
  t.equal(settings.tcpPort, 60000)
  t.equal(settings.relay, true)
  t.equal(settings.maxMsgSize, 150 * 1024)
  t.equal(settings.dataDir, '/home/op/waypost-data')
  t.equal(settings.nodekey, undefined)
  t.same(settings.storeMessageRetentionPolicy, [{ by: 'time', age: 172_800_000 }])
  t.same(origins['tcp-port'], { from: 'default' })
  t.same(warnings, [])
})

t.test(
  'a flag comes before the environment, that before the file, that before the preset, that before the default',
  async (t) => {
    const cwd = t.testdir({ 'node.toml': 'preset = "local"\nrest-port = 3\ntcp-port = 3\nwebsocket-port = 3\n' })
    const { settings, origins } = resolveSettings({
      argv: ['--tcp-port=1', '--config-file=node.toml'],
      env: { WAYPOST_TCP_PORT: '2', WAYPOST_WEBSOCKET_PORT: '2', WAKUNODE2_WEBSOCKET_PORT: '9' },
      cwd,
    })
    t.equal(settings.tcpPort, 1)
    t.equal(settings.websocketPort, 2)
    t.equal(settings.restPort, 3)
    t.equal(settings.listenAddress, '127.0.0.1')
    t.equal(settings.metricsServerPort, 8008)
    t.same(origins['tcp-port'], { from: 'flag', flag: 'tcp-port' })
    t.same(origins['websocket-port'], { from: 'environment', variable: 'WAYPOST_WEBSOCKET_PORT' })
    t.same(origins['rest-port'], { from: 'file', path: path.join(cwd, 'node.toml'), key: 'rest-port', line: 2 })
    t.same(origins['listen-address'], { from: 'preset', preset: 'local' })
    t.same(origins['metrics-server-port'], { from: 'default' })
  },
)

t.test('an empty value unsets what a weaker source gave', async (t) => {
  const cwd = t.testdir({
    'node.toml': 'agent-string = "a"\nshard = [0]\nprotected-shard = []\nnum-shards-in-network = 2\n',
  })
  const file = '--config-file=node.toml'
  const given = resolveSettings({ argv: [file], cwd }).settings
  t.same([given.agentString, given.shard], ['a', [0]])
  const { settings } = resolveSettings({ argv: [file, '--agent-string=', '--shard='], cwd })
  t.same([settings.agentString, settings.shard], [undefined, undefined])
  t.equal(
    resolveSettings({ argv: ['--config-file='], env: { WAYPOST_CONFIG_FILE: file }, cwd }).settings.agentString,
    undefined,
  )
})

t.test('an empty list of shards is not an unset one', async (t) => {
  const cwd = t.testdir({ 'node.toml': 'shard = []\n' })
  t.same(resolveSettings({ argv: ['--config-file=node.toml'], cwd }).settings.shard, [])
  t.equal(resolveSettings({ cwd }).settings.shard, undefined)
})

t.test('TOML has texts, numbers, truths and arrays of them, and keys may be quoted', async (t) => {
  const cwd = t.testdir({
    'node.toml':
      'max-msg-size = 153600\nstore = true\nlog-level = "debug"\nshard = [0, 1]\nnum-shards-in-network = 2\n"agent-string" = \'a\'\n',
  })
  const { settings, origins } = resolveSettings({ argv: ['--config-file=node.toml'], cwd })
  t.same([settings.maxMsgSize, settings.store, settings.logLevel, settings.shard], [153600, true, 'debug', [0, 1]])
  t.equal(settings.agentString, 'a')
  t.match(origins['agent-string'], { line: 6 })
})

t.test('a file cannot name another, nor hold one setting twice', async (t) => {
  const cwd = t.testdir({ 'node.toml': 'config-file = "other.toml"\n', 'twice.toml': 'relay = true\nrelay = false\n' })
  t.match(problemsOf({ argv: ['--config-file=node.toml'], cwd }), [/node\.toml:1 config-file: a settings file cannot/])
  t.match(problemsOf({ argv: ['--config-file=twice.toml'], cwd }), [/twice\.toml:2: /])
})

t.test('whatever the arguments, the answer is settings or settings/invalid', async (t) => {
  const words = fc.constantFrom('--tcp-port', '--relay', '=', ':', '--', '-', '1', 'true', '[', '--nodekey-file', ' ')
  const argument = fc.oneof(
    fc.string(),
    fc.array(words, { maxLength: 4 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 6 }), (argv) => {
      problemsOf({ argv })
    }),
  )
  t.pass()
})

t.test('whatever the file, the answer is settings or settings/invalid', async (t) => {
  const cwd = t.testdir({})
  const file = path.join(cwd, 'node.toml')
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('[[store]]', '[a.b]', 'shard = [[1]]', '__proto__ = 1', 'store.x = 1', 'relay = 1'),
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
      writeFileSync(file, lines.join('\n'))
      problemsOf({ argv: [`--config-file=${file}`] })
    }),
  )
  t.pass()
})

t.test('all problems are told at once, each with its origin and the nearest name', async (t) => {
  const cwd = t.testdir({ 'node.toml': '# comment\ntcp_port = 1\n[store]\nx = 1\n' })
  const problems = problemsOf({
    argv: ['--rest-prot=1', '--config-file=node.toml', 'stray', '--max-connections=many', '--relay'],
    env: { WAYPOST_STOER: 'true', WAYPOST_LOG_LEVEL: 'loud' },
    cwd,
  })
  const file = path.join(cwd, 'node.toml')
  t.same(
    problems.toSorted(),
    [
      'argument 3: not a flag; flags are written --name=value',
      '--max-connections: "many" is not a whole number, 1 to 100000',
      '--rest-prot: no such setting; did you mean --rest-port?',
      `${file}:2 tcp_port: no such setting; did you mean tcp-port?`,
      `${file}:3 store: not a text, number, true, false or array of these`,
      'WAYPOST_LOG_LEVEL: "loud" is not one of trace, debug, info, warn, error, fatal, silent',
      'WAYPOST_STOER: no such setting; did you mean WAYPOST_STORE?',
    ].toSorted(),
  )
})

t.test('a secret is shown neither in a problem nor taken for anything but a key', async (t) => {
  const secret = 'f00dface'.repeat(7)
  const problems = problemsOf({ argv: [`--nodekey=${secret}`], env: { WAYPOST_REST_TOKEN: 'short secret' } })
  t.equal(problems.length, 2)
  t.notMatch(problems.join(), secret)
  t.notMatch(problems.join(), 'short secret')

  const cwd = t.testdir({ 'bad.toml': `nodekey = "${secret}"\nstore = \n` })
  const cut = problemsOf({ argv: ['--nodekey=', secret, '--config-file=bad.toml'], cwd })
  t.equal(cut.length, 2)
  t.notMatch(cut.join(), secret)
})

t.test('a secret may stand in a file, named by a flag, a variable or a key', async (t) => {
  const key = 'ab'.repeat(32)
  const cwd = t.testdir({ key: `0x${key.toUpperCase()}\n`, 'node.toml': 'nodekey-file = "key"\n' })
  for (const sources of [
    { argv: ['--nodekey-file=key'] },
    { env: { WAYPOST_NODEKEY_FILE: 'key' } },
    { argv: ['--config-file', 'node.toml'] },
  ]) {
    const { settings, warnings } = resolveSettings({ ...sources, cwd })
    t.equal(settings.nodekey, key)
    t.same(warnings, [])
  }
  t.match(problemsOf({ argv: ['--nodekey-file=missing'], cwd }), [/^--nodekey-file: cannot be read: ENOENT/])
})

t.test('a secret as a flag is valid, with a warning that it can be seen', async (t) => {
  const { settings, warnings } = resolveSettings({ argv: [`--nodekey=${'ab'.repeat(32)}`] })
  t.equal(settings.nodekey, 'ab'.repeat(32))
  t.match(warnings, [/^--nodekey: every user of this machine can see it/])
  t.notMatch(warnings.join(), 'abab')
})

t.test('a settings file that is missing, too large or not TOML is one clear line', async (t) => {
  const cwd = t.testdir({ 'bad.toml': 'relay = true\nstore = \n' })
  writeFileSync(path.join(cwd, 'large.toml'), '#'.repeat(1024 * 1024 + 1))
  t.match(problemsOf({ argv: ['--config-file=none.toml'], cwd }), [/none\.toml: cannot be read: ENOENT/])
  t.match(problemsOf({ argv: ['--config-file=large.toml'], cwd }), [
    /large\.toml: cannot be read: it has 1048577 bytes/,
  ])
  t.match(problemsOf({ argv: ['--config-file=bad.toml'], cwd }), [/bad\.toml:2: Invalid TOML document: /])
})
