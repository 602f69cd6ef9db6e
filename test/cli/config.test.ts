import path from 'node:path'
import t from 'tap'
import { waypost } from '../kit/cli.ts'

t.test('config show tells each value, and with --origin from where it comes', async (t) => {
  const cwd = t.testdir({ 'node.toml': 'tcp-port = 60001\n' })
  const args = ['config', 'show', '--changed', '--origin', '--config-file=node.toml', '--store']
  const { code, stdout } = await waypost(t, args, { cwd, env: { WAYPOST_CLUSTER_ID: '9' } })
  t.equal(code, 0)
  t.match(stdout, new RegExp(`^tcp-port +60001 +${path.join(cwd, 'node.toml')}:1 tcp-port$`, 'm'))
  t.match(stdout, /^store +true +--store$/m)
  t.match(stdout, /^cluster-id +9 +WAYPOST_CLUSTER_ID$/m)
  t.notMatch(stdout, /^relay /m, 'what has its default is left out')
})

t.test('config show hides what is secret', async (t) => {
  const key = '1f'.repeat(32)
  const cwd = t.testdir({ key })
  const { stdout, stderr } = await waypost(t, ['config', 'show', '--nodekey-file=key', '--json'], { cwd })
  t.notMatch(stdout + stderr, '1f1f')
  const nodekey = (JSON.parse(stdout) as { name: string }[]).find(({ name }) => name === 'nodekey')
  t.match(nodekey, { value: '(hidden)' })
})

t.test('config check names every problem at once', async (t) => {
  const { code, stderr } = await waypost(t, ['config', 'check', '--tcp-port=x', '--no-such'])
  t.equal(code, 78)
  t.match(stderr, '--tcp-port')
  t.match(stderr, '--no-such')
  const fine = await waypost(t, ['config', 'check', '--tcp-port=60001'])
  t.match(fine, { code: 0, stdout: 'the settings are valid\n' })
})
