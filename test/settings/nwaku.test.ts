/** What operators of nwaku bring: their flags, their environment, their defaults. */
import t from 'tap'
import { variableOf } from '../../src/settings/environment.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { isSettingName, settingTable } from '../../src/settings/table.ts'
import { nwakuFlags } from './nwaku-flags.ts'

const forms = [
  { id: '--flag=value', write: (name: string, value: string) => [`--${name}=${value}`] },
  { id: '--flag:value', write: (name: string, value: string) => [`--${name}:${value}`] },
  { id: '--flag value', write: (name: string, value: string) => [`--${name}`, value] },
]

for (const { id, write } of forms)
  t.test(`every flag of nwaku is taken in the form ${id}`, async (t) => {
    for (const [name, , given] of nwakuFlags) {
      const { origins } = resolveSettings({ argv: write(name, given) })
      t.ok(isSettingName(name) && origins[name].from === 'flag', name)
    }
  })

t.test('every flag of nwaku is taken as an environment variable of nwaku and of ours', async (t) => {
  for (const [name, , given] of nwakuFlags)
    for (const variable of [variableOf(name), variableOf(name).replace('WAYPOST_', 'WAKUNODE2_')]) {
      const { origins } = resolveSettings({ env: { [variable]: given } })
      t.same(isSettingName(name) && origins[name], { from: 'environment', variable })
    }
})

t.test('a default is that of nwaku, or the row says that it differs', async (t) => {
  for (const [name, byDefault] of nwakuFlags) {
    t.ok(isSettingName(name), name)
    if (!isSettingName(name)) continue
    const { kind, nwaku, ours, unset, default: own } = settingTable[name]
    t.notOk(ours, `${name} is marked as nwaku's`)
    if (nwaku !== undefined) t.not(own ?? unset, byDefault, `${name} differs`)
    else t.same(own && kind.parse(own, '/'), byDefault && kind.parse(byDefault, '/'), name)
  }
})

t.test('a setting that nwaku does not have is marked as ours', async (t) => {
  const theirs = new Set(nwakuFlags.map(([name]) => name))
  for (const [name, { ours }] of Object.entries(settingTable)) t.equal(ours === true, !theirs.has(name), name)
})

t.test(
  'the command line of nwaku-compose is taken, on another cluster than The Waku Network also with relay',
  async (t) => {
    const argv = [
      '--relay=true',
      '--filter=true',
      '--lightpush=true',
      '--keep-alive=true',
      '--max-connections=150',
      '--cluster-id=42',
      '--discv5-discovery=true',
      '--discv5-udp-port=9005',
      '--discv5-enr-auto-update=True',
      '--log-level=DEBUG',
      '--tcp-port=30304',
      '--metrics-server=True',
      '--metrics-server-port=8003',
      '--metrics-server-address=0.0.0.0',
      '--rest=true',
      '--rest-admin=true',
      '--rest-address=0.0.0.0',
      '--rest-allow-origin=waku-org.github.io',
      '--rest-allow-origin=localhost:*',
      '--nat=extip:203.0.113.7',
      '--store=true',
      '--store-message-retention-policy=size:1GB',
    ]
    const { settings, warnings } = resolveSettings({ argv })
    t.equal(settings.logLevel, 'debug')
    t.same(settings.restAllowOrigin, ['waku-org.github.io', 'localhost:*'])
    t.same(settings.storeMessageRetentionPolicy, [{ by: 'size', bytes: 1024 ** 3 }])
    t.same(settings.nat, { by: 'address', ip: '203.0.113.7' })
    t.ok(warnings.every((warning) => warning.includes('accepted without effect')))
  },
)

t.test('extra flags at the end override: of a setting that is no list the last one counts', async (t) => {
  const { settings } = resolveSettings({
    argv: ['--tcp-port=1', '--tcp-port=2', '--shard=0', '--num-shards-in-network=8', '--shard=5'],
  })
  t.equal(settings.tcpPort, 2)
  t.same(settings.shard, [0, 5])
})

t.test('a bare flag is true, and takes true or false after a blank', async (t) => {
  t.equal(resolveSettings({ argv: ['--store', '--filter'] }).settings.store, true)
  t.equal(resolveSettings({ argv: ['--relay', 'FALSE', '--store'] }).settings.relay, false)
})

t.test('an unknown variable of nwaku is a warning, with the nearest of ours', async (t) => {
  const { warnings } = resolveSettings({ env: { WAKUNODE2_TCP_PROT: '1', WAKUNODE2_ADDRESS: '0.0.0.0' } })
  t.same(warnings, [
    'WAKUNODE2_TCP_PROT: no such setting; did you mean WAYPOST_TCP_PORT?',
    'WAKUNODE2_ADDRESS: no such setting; did you mean WAYPOST_LISTEN_ADDRESS?',
  ])
})

t.test('what Kubernetes sets for a service of our name is no setting', async (t) => {
  const env = {
    WAYPOST_SERVICE_HOST: '10.0.0.1',
    WAYPOST_SERVICE_PORT: '60000',
    WAYPOST_SERVICE_PORT_REST: '8645',
    WAYPOST_PORT: 'tcp://10.0.0.1:60000',
    WAYPOST_PORT_60000_TCP: 'tcp://10.0.0.1:60000',
    WAYPOST_PORT_60000_TCP_ADDR: '10.0.0.1',
  }
  t.same(resolveSettings({ env }).warnings, [])
  t.throws(() => resolveSettings({ env: { ...env, WAYPOST_PROT: '1' } }), { code: 'settings/invalid' })
})
