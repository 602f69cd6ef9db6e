/** What settings must be to each other, and how refused and ineffective ones are told. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { isWaypostError } from '../../src/core/errors.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'

const key = `02${'ab'.repeat(32)}`

interface Case {
  readonly id: string
  readonly argv: readonly string[]
  /** What is added to make it valid: the positive control. */
  readonly mended: readonly string[]
  readonly problem: RegExp
}

const cases: readonly Case[] = [
  {
    id: 'relay on The Waku Network needs RLN',
    argv: ['--preset=twn', '--relay=true'],
    mended: ['--unsafe-relay-without-rln'],
    problem: /^--relay: refused on cluster 1: The Waku Network needs RLN/,
  },
  {
    id: 'relay on cluster 1 needs RLN, whatever the preset',
    argv: ['--preset=local', '--cluster-id=1'],
    mended: ['--relay=false'],
    problem: /^preset local: refused on cluster 1/,
  },
  {
    id: 'RLN is refused, never ignored',
    argv: ['--rln-relay=true'],
    mended: ['--rln-relay=false'],
    problem: /^--rln-relay: refused: RLN is not in this version yet/,
  },
  {
    id: 'mix is refused, never ignored',
    argv: ['--mix'],
    mended: ['--mix=false'],
    problem: /^--mix: refused: mix is not in this version/,
  },
  {
    id: 'a shard must exist under autosharding',
    argv: ['--num-shards-in-network=8', '--shard=8'],
    mended: ['--num-shards-in-network=0'],
    problem: /^--shard: there is no shard 8: this network has 8/,
  },
  {
    id: 'a protected shard must exist under autosharding',
    argv: [`--protected-shard=1:${key}`],
    mended: ['--num-shards-in-network=2'],
    problem: /^--protected-shard: there is no shard 1/,
  },
  {
    id: 'a protected shard is of our cluster',
    argv: [`--protected-shard=/waku/2/rs/5/0:${key}`],
    mended: ['--cluster-id=5'],
    problem: /^--protected-shard: shard 0 is of cluster 5, the node of cluster 0/,
  },
  {
    id: 'a content topic has a shard under autosharding',
    argv: ['--content-topic=/1/app/1/name/proto'],
    mended: ['--num-shards-in-network=0'],
    problem: /^--content-topic: .*Generation > 0/,
  },
  {
    id: 'secure WebSocket needs a key',
    argv: ['--websocket-secure-support', '--websocket-secure-cert-path=cert.pem'],
    mended: ['--websocket-secure-key-path=key.pem'],
    problem: /^--websocket-secure-support: needs --websocket-secure-key-path$/,
  },
  {
    id: 'secure WebSocket needs a certificate',
    argv: ['--websocket-secure-support', '--websocket-secure-key-path=key.pem'],
    mended: ['--websocket-secure-cert-path=cert.pem'],
    problem: /^--websocket-secure-support: needs --websocket-secure-cert-path$/,
  },
  {
    id: 'a replica is one of a PostgreSQL archive',
    argv: ['--store', '--store-read-url=postgres://u:secret@replica:5432/waku'],
    mended: ['--store-message-db-url=postgres://u:secret@db:5432/waku'],
    problem: /^--store-read-url: a replica is one of a PostgreSQL archive(?!.*secret)/,
  },
  {
    id: 'a shifted port fits',
    argv: ['--tcp-port=65000', '--ports-shift=1000'],
    mended: ['--tcp-port=0'],
    problem: /^--ports-shift: moves tcpPort 65000 above 65535$/,
  },
  {
    id: 'two listeners need two ports',
    argv: ['--rest-port=60000'],
    mended: ['--rest=false'],
    problem: /^--rest-port: port 60000 is also that of --tcp-port$/,
  },
  {
    id: 'two listeners on one address need two ports',
    argv: ['--rest-port=8008', '--metrics-server'],
    mended: ['--metrics-server-address=127.0.0.2'],
    problem: /^--metrics-server-port: port 8008 is also that of --rest-port$/,
  },
  {
    id: 'announcing nothing is refused',
    argv: ['--ext-multiaddr-only'],
    mended: ['--ext-multiaddr=/ip4/192.0.2.1/tcp/1'],
    problem: /^--ext-multiaddr-only: needs --ext-multiaddr/,
  },
]

function problemsOf(argv: readonly string[], cwd = '/'): string {
  try {
    resolveSettings({ argv, cwd })
    return ''
  } catch (error) {
    if (!isWaypostError(error, 'settings/invalid')) throw error
    return String(error.data.problems).trim()
  }
}

for (const { id, argv, mended, problem } of cases)
  t.test(id, async (t) => {
    t.match(problemsOf(argv), problem)
    t.equal(problemsOf([...argv, ...mended]), '')
  })

t.test('a problem of several settings names the source of the one that is wrong', async (t) => {
  const env = { WAYPOST_CLUSTER_ID: '1', WAYPOST_RELAY: 'true' }
  t.throws(() => resolveSettings({ env }), { message: /WAYPOST_RELAY: refused on cluster 1/ })
})

t.test('a value that cannot be read does not bring others into doubt', async (t) => {
  t.equal(
    problemsOf(['--num-shards-in-network=x', '--shard=7']),
    '--num-shards-in-network: "x" is not a whole number, 0 to 1024',
  )
})

t.test('an archive of nwaku is refused where it is, and named with the way to import it', async (t) => {
  const cwd = t.testdir({ 'store.sqlite3': 'SQLite format 3' })
  const argv = ['--store', '--store-message-db-url=sqlite://store.sqlite3']
  t.match(problemsOf(argv, cwd), `waypost store import --from-sqlite ${path.join(cwd, 'store.sqlite3')}`)
  t.equal(problemsOf([...argv, '--store=false'], cwd), '')
})

t.test(
  'a sqlite URL without a file opens the LevelDB archive, with one warning, also when that is there already',
  async (t) => {
    const cwd = t.testdir({})
    const sources = { argv: ['--store', '--store-message-db-url=sqlite://archive'], cwd }
    t.same(resolveSettings(sources).warnings, ['--store-message-db-url: the archive is kept on LevelDB, not SQLite'])
    mkdirSync(path.join(cwd, 'archive'))
    writeFileSync(path.join(cwd, 'archive', 'CURRENT'), '')
    t.equal(resolveSettings(sources).warnings.length, 1)
  },
)

t.test('a setting without effect is one warning, unless it says what we do anyway', async (t) => {
  t.same(resolveSettings({ argv: ['--store-message-db-vacuum=true'] }).warnings, [
    '--store-message-db-vacuum: accepted without effect: the archive on LevelDB needs none',
  ])
  t.same(
    resolveSettings({ argv: ['--store-sync=false', '--keep-alive', '--store-message-db-migration=true'] }).warnings,
    [],
  )
})

t.test('NAT-PMP and content topics without autosharding are warned about', async (t) => {
  const { warnings } = resolveSettings({
    argv: ['--nat=pmp', '--num-shards-in-network=0', '--content-topic=/a/1/b/proto'],
  })
  t.match(warnings, [/^--nat: NAT-PMP is not spoken/, /^--content-topic: without effect with static sharding/])
})

t.test('a certificate is ordered only for a public name, and for who agrees to the terms', async (t) => {
  const problems = (...argv: string[]): string => {
    try {
      resolveSettings({ argv })
      return ''
    } catch (error) {
      return String(error)
    }
  }
  t.match(problems('--acme-domain=node.example.org'), /--acme-domain: needs --acme-agree-terms/)
  for (const name of ['localhost', '192.0.2.7'])
    t.match(problems(`--acme-domain=${name}`, '--acme-agree-terms'), /--acme-domain: is no public DNS name/, name)
  const { settings } = resolveSettings({ argv: ['--acme-domain=node.example.org', '--acme-agree-terms'] })
  t.match(settings, { websocketSupport: true, websocketSecureSupport: true, dns4DomainName: 'node.example.org' })
})

t.test('AutoTLS is for who agrees to the terms, has no other name, and names both parts of its service', async (t) => {
  const problems = (...argv: string[]): string => {
    try {
      resolveSettings({ argv: ['--auto-tls', ...argv] })
      return ''
    } catch (error) {
      return String(error)
    }
  }
  const agreed = '--acme-agree-terms'
  t.match(problems(), /--auto-tls: needs --acme-agree-terms/)
  t.match(problems(agreed, '--acme-domain=node.example.org'), /--auto-tls: without --acme-domain/)
  t.match(problems(agreed, '--auto-tls-forge-domain=forge.example'), /needs the --auto-tls-registration-endpoint/)
  t.equal(problems(agreed), '')
  const { settings } = resolveSettings({ argv: ['--auto-tls', agreed, '--data-dir=/d'] })
  t.match(settings, { websocketSupport: true, websocketSecureSupport: true, dns4DomainName: undefined })
  t.equal(settings.websocketSecureCertPath, '/d/acme/auto-tls.pem')
})

t.test('WebRTC and discv5 do not share a UDP port', async (t) => {
  const ports = ['--webrtc-direct-port=9000', '--discv5-udp-port=9000']
  t.throws(() => resolveSettings({ argv: ['--webrtc-direct', '--discv5-discovery', ...ports] }), {
    message: /--webrtc-direct-port: UDP port 9000 is also that of --discv5-udp-port/,
  })
  t.doesNotThrow(() => resolveSettings({ argv: ['--discv5-discovery', ...ports] }))
})

t.test('ports are shifted, except those that the system chooses', async (t) => {
  const { settings } = resolveSettings({ argv: ['--ports-shift=3', '--rest-port=0'] })
  t.equal(settings.tcpPort, 60003)
  t.equal(settings.websocketPort, 8003)
  t.equal(settings.metricsServerPort, 8011)
  t.equal(settings.discv5UdpPort, 9003)
  t.equal(settings.restPort, 0)
})

t.test('secure WebSocket turns WebSocket on', async (t) => {
  const files = ['--websocket-secure-key-path=key.pem', '--websocket-secure-cert-path=cert.pem']
  t.equal(resolveSettings({ argv: files }).settings.websocketSupport, false)
  t.equal(resolveSettings({ argv: [...files, '--websocket-secure-support'] }).settings.websocketSupport, true)
})
