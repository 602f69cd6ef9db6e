/** doctor looks up the names that a node announces, when one wants it: localhost, and one that cannot be. */
import t from 'tap'
import { checkNames } from '../../../src/cli/doctor/names.ts'
import { findRunningNode } from '../../../src/cli/doctor/running-node.ts'
import { resolveSettings } from '../../../src/settings/resolve.ts'
import { waypost } from '../../kit/cli.ts'
import { daemon } from '../../kit/daemon.ts'
import { examined, levels, trouble } from './kit.ts'

/** Too long for any name server to be asked. */
const impossible = 'a'.repeat(64)

t.test('no name is looked up unless one wants it', async (t) => {
  t.same(await checkNames(examined(['--dns4-domain-name=localhost'])), [])
  t.same(levels(await checkNames(examined([], { lookUp: true }))), ['ok'], 'and none is announced')
})

t.test('a name is told with its address, and that it is of this machine alone', async (t) => {
  const looked = examined(['--dns4-domain-name=localhost'], { lookUp: true })
  t.match(await trouble(t, checkNames, looked), {
    level: 'warn',
    says: '/dns4/localhost (--dns4-domain-name) is 127.0.0.1: this machine alone',
  })
})

t.test('a name without an address is told of', async (t) => {
  const looked = examined([`--ext-multiaddr=/dns4/${impossible}/tcp/1`], { lookUp: true })
  const { level, says, advice } = await trouble(t, checkNames, looked)
  t.equal(level, 'fail')
  t.match(says, /^\/dns4\/a+ \(--ext-multiaddr\) has no address \(E\w+\)$/)
  t.match(advice, / an A record/)
})

t.test('what a running node announces by name is tried', async (t) => {
  const node = await daemon(t, { flags: ['--dns4-domain-name=localhost', '--ext-multiaddr=/dns4/localhost/tcp/1'] })
  const running = await findRunningNode(resolveSettings({}).settings, node.restUrl)
  const findings = await checkNames(examined([], { node: running, lookUp: true }))
  const port = /\/tcp\/(\d+)/.exec(node.tcp)?.[1]
  t.ok(
    findings.some(
      ({ level, says }) => level === 'ok' && says === `localhost at 127.0.0.1 port ${port} takes connections`,
    ),
  )
  t.ok(
    findings.some(
      ({ level, says }) =>
        level === 'warn' && says === 'localhost at 127.0.0.1 port 1 cannot be reached from here (ECONNREFUSED)',
    ),
  )
})

t.test('the program looks names up with --look-up alone', async (t) => {
  const flags = [`--data-dir=${t.testdir()}`, '--tcp-port=0', '--rest-port=0', '--dns4-domain-name=localhost']
  t.match((await waypost(t, ['doctor', ...flags, '--look-up'])).stdout, /^warn +names +\/dns4\/localhost/m)
  t.notMatch((await waypost(t, ['doctor', ...flags])).stdout, /^\S+ +names/m)
})
