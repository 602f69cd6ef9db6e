/** waypost top at a real terminal, and without one; and what becomes of a node whose terminal is closed. */
import path from 'node:path'
import t from 'tap'
import { waypost } from '../kit/cli.ts'
import { launcher } from '../kit/daemon.ts'
import { ask, startedNode } from '../kit/rest.ts'
import { terminal } from '../kit/terminal.ts'
import { needs } from '../kit/tools.ts'

t.test('at a terminal it draws, follows its size, and q leaves everything as it was', async (t) => {
  const tmux = needs(t, 'tmux')
  if (tmux === undefined) return
  const node = await startedNode(t, path.join(t.testdir(), 'data'), ['--store', '--relay'])
  const sitting = await terminal(t, tmux, 'sh -c "PS1=; exec sh"')
  await sitting.type(
    `echo before; ${process.execPath} ${launcher} top --interval=1s --rest-url=${node.restUrl}; echo after $?`,
  )
  await sitting.press('Enter')
  const first = await sitting.until((screen) => screen.includes('q quits'))
  t.match(first, /^waypost 1\.2\.3 {2}READY/)
  t.match(first, /^not ready +Relay: No connected peers$/m)
  t.notMatch(first, 'before', 'on a screen of its own')
  t.equal(first.trimEnd().split('\n').length, 24)
  const message = { payload: 'aGk=', contentTopic: '/waypost/1/top/proto' }
  await ask(node, 'POST', '/relay/v1/auto/messages', { body: message })
  t.match(await sitting.until((screen) => /^ {2}rest +\S+ +1$/m.test(screen)), /^archive +1 messages/m)
  await sitting.resize(60, 12)
  const small = await sitting.until(
    (screen) => screen.trimEnd().split('\n').length === 12 && /q quits\s*$/.test(screen),
  )
  t.ok(small.split('\n').every((line) => line.length <= 60))
  await sitting.press('q')
  t.match(await sitting.until((screen) => screen.includes('after 0')), 'before')
})

t.test('without a terminal one look is printed, for a person or a script', async (t) => {
  const { restUrl = '' } = await startedNode(t, path.join(t.testdir(), 'data'), ['--store', '--relay'])
  const { code, stdout } = await waypost(t, ['top', '--rest-url', restUrl])
  t.equal(code, 0)
  t.match(stdout, /^waypost 1\.2\.3 {2}READY/)
  t.notMatch(stdout, '\u001b')
  const figures = JSON.parse((await waypost(t, ['top', '--json', '--rest-url', restUrl])).stdout)
  t.match(figures, { state: 'READY', stored: 0, messages: [{ kind: 'relay', perSecond: 0, total: 0 }] })
  t.match(await waypost(t, ['top', '--once', '--rest-url=http://127.0.0.1:2']), { code: 69, stdout: '' })
})

t.test('a node whose terminal is closed stops in order, and another can start on its folder', async (t) => {
  const tmux = needs(t, 'tmux')
  if (tmux === undefined) return
  const folder = path.join(t.testdir(), 'data')
  const flags = ['--listen-address=127.0.0.1', '--tcp-port=0', '--rest=false', '--nat=none', '--store']
  const sitting = await terminal(
    t,
    tmux,
    `${process.execPath} ${launcher} run --data-dir=${folder} ${flags.join(' ')}`,
    {
      columns: 200,
    },
  )
  await sitting.until((screen) => screen.includes('Node setup complete'))
  await sitting.close()
  // Its archive is free once it has stopped; a node that had been told to reload would hold it for ever.
  for (;;) {
    const { stdout } = await waypost(t, ['doctor', `--data-dir=${folder}`, '--store', '--rest=false', '--json'])
    const { findings } = JSON.parse(stdout) as { findings: { check: string; level: string; says: string }[] }
    const archive = findings.find(({ check }) => check === 'archive')
    if (archive?.level === 'ok') return t.match(archive, { says: /^it opens: 0 messages/ })
  }
})
