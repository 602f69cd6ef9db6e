import fc from 'fast-check'
import t from 'tap'
import { diskAmount, duration, showDuration, showSize, size } from '../../src/settings/kinds/amount.ts'
import { type Kind, list, Misfit } from '../../src/settings/kinds/kind.ts'
import {
  enr,
  enrTree,
  hostName,
  ipAddress,
  ipNetwork,
  multiaddr,
  nameServer,
  nat,
  peerAddress,
} from '../../src/settings/kinds/network.ts'
import { bool, choice, count, filePath, integer, oneOf, port, text } from '../../src/settings/kinds/plain.ts'
import { peerRatio, rateLimit, retention } from '../../src/settings/kinds/policy.ts'
import { password, privateKey, serviceUrl, token } from '../../src/settings/kinds/secret.ts'
import { contentTopic, protectedShard, storeUrl } from '../../src/settings/kinds/waku.ts'
import { settingNames, settingTable } from '../../src/settings/table.ts'

const folder = '/home/op'
const peer = '16Uiu2HAmAR24Mbb6VuzoyUiGx42UenDkshENVDj4qnmmbabLvo31'
const sizes = size(1, 8 * 1024 ** 3)
const publicKey = `02${'ab'.repeat(32)}`

interface Case<T> {
  readonly kind: Kind<T>
  readonly fits: Readonly<Record<string, unknown>>
  readonly not: readonly string[]
}

/** Texts that fit, with their value, and texts that do not. */
const cases: Readonly<Record<string, Case<unknown>>> = {
  bool: {
    kind: bool,
    fits: { true: true, True: true, ' FALSE ': false, yes: true, 0: false, off: false },
    not: ['', '2', 'tru', 'constructor'],
  },
  integer: { kind: integer(0, 9), fits: { 0: 0, ' 9': 9, '+3': 3 }, not: ['', '10', '-1', '1.5', '0x1', '1e0', 'NaN'] },
  count: {
    kind: count(1),
    fits: { 9007199254740991: 9007199254740991 },
    not: ['0', '9007199254740992', '99999999999999999'],
  },
  port: { kind: port, fits: { 0: 0, 65535: 65535 }, not: ['65536', '-1', 'http'] },
  choice: {
    kind: choice({ notice: 'info', info: 'info' }),
    fits: { NOTICE: 'info' },
    not: ['', 'loud', 'constructor', '__proto__'],
  },
  oneOf: { kind: oneOf('a', 'b'), fits: { A: 'a' }, not: ['c'] },
  text: { kind: text, fits: { 'Weiß nicht': 'Weiß nicht' }, not: ['two\nlines', 'nul\0'] },
  filePath: { kind: filePath, fits: { './data': '/home/op/data', '/data': '/data' }, not: ['', ' ', 'nul\0'] },
  size: {
    kind: sizes,
    fits: {
      '150KiB': 153600,
      '150 kib': 153600,
      ' 1KB': 1000,
      '1,5KiB': 1536,
      '1.5 KiB': 1536,
      '42B': 42,
      42: 42,
      '1MiB': 1048576,
      '2GiB': 2147483648,
    },
    not: ['', '1iB', '1MB', '1GB', '0B', '9GiB', '-1B', '1 2B', 'KiB', '1e3B', '1constructor', '1..5KiB'],
  },
  diskAmount: {
    kind: diskAmount,
    fits: {
      '512MiB': { bytes: 512 * 1024 ** 2 },
      0: { bytes: 0 },
      '5%': { percent: 5 },
      ' 2.5 % ': { percent: 2.5 },
      '0%': { percent: 0 },
    },
    not: ['', '%', '51%', '-1%', '5 %%', '1MB', '99999999GiB'],
  },
  'duration in seconds': {
    kind: duration('s', 1000),
    fits: {
      300: 300_000,
      '30d': 2_592_000_000,
      '12h': 43_200_000,
      '1h30m': 5_400_000,
      '1.5m': 90_000,
      '1500ms': 1500,
      '2W': 1_209_600_000,
    },
    not: ['', '999ms', '-1', '1.5', '30 d', 'd', '1y', '999999999999999d'],
  },
  ipAddress: {
    kind: ipAddress,
    fits: { '127.0.0.1': '127.0.0.1', '::1': '::1' },
    not: ['', 'localhost', '1.2.3', '1.2.3.4/8'],
  },
  nameServer: {
    kind: nameServer,
    fits: Object.fromEntries(
      ['192.0.2.1', '2001:db8::1', '192.0.2.1:5353', '[2001:db8::1]:5353'].map((text) => [text, text]),
    ),
    not: ['', 'dns.example.org', '192.0.2.1:', '192.0.2.1:0', '192.0.2.1:65536', '[2001:db8::1]', '1.2.3:53'],
  },
  ipNetwork: {
    kind: ipNetwork,
    fits: { '10.0.0.0/8': '10.0.0.0/8', '10.1.2.3': '10.1.2.3/32', 'fd00::/8': 'fd00::/8', '::1': '::1/128' },
    not: ['', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'fd00::/129', 'example.org/8', '10.0.0.0/-1'],
  },
  hostName: {
    kind: hostName,
    fits: { 'node-1.example.org': 'node-1.example.org' },
    not: ['', '-a.org', 'a..b', 'a b', 'a/b', `${'a'.repeat(64)}.org`],
  },
  multiaddr: {
    kind: multiaddr,
    fits: {
      '/ip4/192.0.2.1/tcp/60000': '/ip4/192.0.2.1/tcp/60000',
      '/dns4/example.org/tcp/443/wss': '/dns4/example.org/tcp/443/wss',
    },
    not: ['', '192.0.2.1:60000', '/ip4/999.0.0.1/tcp/1', '/ip4/192.0.2.1/tcp/99999', '/nothing/1'],
  },
  peerAddress: {
    kind: peerAddress,
    fits: { [`/ip4/192.0.2.1/tcp/60000/p2p/${peer}`]: `/ip4/192.0.2.1/tcp/60000/p2p/${peer}` },
    not: ['/ip4/192.0.2.1/tcp/60000', `/p2p/${peer}/tcp/1`],
  },
  enr: { kind: enr, fits: { 'enr:-Hy4_Q': 'enr:-Hy4_Q' }, not: ['', 'enr:', 'enr:a b', 'enode://x'] },
  enrTree: {
    kind: enrTree,
    fits: { [`enrtree://${'A'.repeat(53)}@nodes.example.org`]: `enrtree://${'A'.repeat(53)}@nodes.example.org` },
    not: ['', 'enrtree://A@nodes.example.org', 'https://example.org'],
  },
  nat: {
    kind: nat,
    fits: {
      any: { by: 'any' },
      NONE: { by: 'none' },
      'extip:192.0.2.1': { by: 'address', ip: '192.0.2.1' },
      'extip:2001:db8::1': { by: 'address', ip: '2001:db8::1' },
    },
    not: ['', 'extip:', 'extip:example.org', 'both'],
  },
  privateKey: {
    kind: privateKey,
    fits: { ['AB'.repeat(32)]: 'ab'.repeat(32), [`0x${'ab'.repeat(32)}`]: 'ab'.repeat(32) },
    not: ['', 'ab', 'g'.repeat(64)],
  },
  password: { kind: password, fits: { 'any thing': 'any thing' }, not: [] },
  token: {
    kind: token,
    fits: { ['x'.repeat(16)]: 'x'.repeat(16) },
    not: ['', 'x'.repeat(15), 'with a blank in it', 'x'.repeat(257)],
  },
  serviceUrl: {
    kind: serviceUrl,
    fits: { 'http://[::1]:8540/v3/key': 'http://[::1]:8540/v3/key' },
    not: ['', 'ws://a', 'localhost', 'file:///etc/passwd'],
  },
  retention: {
    kind: retention,
    fits: {
      '': [],
      none: [],
      'time:172800': [{ by: 'time', age: 172_800_000 }],
      'TIME:30d': [{ by: 'time', age: 2_592_000_000 }],
      'capacity:10': [{ by: 'capacity', messages: 10 }],
      'size:25GB': [{ by: 'size', bytes: 25 * 1024 ** 3 }],
      'size:0.5gb': [{ by: 'size', bytes: 512 * 1024 ** 2 }],
      'size:300MiB': [{ by: 'size', bytes: 300 * 1024 ** 2 }],
      'time:60,size:1mb': [
        { by: 'time', age: 60_000 },
        { by: 'size', bytes: 1024 ** 2 },
      ],
    },
    not: [
      'time',
      'time:',
      'time:0',
      'time:-1',
      'time:1.5',
      'capacity:0',
      'capacity:1k',
      'size:1',
      'size:0gb',
      'size:1tb',
      'age:1',
      'constructor:1',
      'none,none',
    ],
  },
  rateLimit: {
    kind: rateLimit,
    fits: {
      'store:10/2s': { service: 'store', rate: { requests: 10, period: 2000 } },
      ' PX : 1 / 500 MS ': { service: 'px', rate: { requests: 1, period: 500 } },
      '10/1h': { service: undefined, rate: { requests: 10, period: 3_600_000 } },
      'filter:0/1m': { service: 'filter', rate: undefined },
      'filter:10/0s': { service: 'filter', rate: undefined },
      'storev3:-1/1m': { service: 'storev3', rate: undefined },
    },
    not: ['', 'global:1/1s', 'relay:1/1s', '1/1d', '1/s', '1.5/1s', 'store:1', 'store:1/1s,'],
  },
  peerRatio: {
    kind: peerRatio,
    fits: { '60:40': { relay: 60, service: 40 }, '33.5:66.5': { relay: 33.5, service: 66.5 } },
    not: ['', '60', '60:50', '-10:110', '60:40:0'],
  },
  contentTopic: {
    kind: contentTopic,
    fits: { '/a/1/b/proto': '/a/1/b/proto', '/0/a/1/b/proto': '/0/a/1/b/proto' },
    not: ['', 'a/1/b/proto', '/a/1/b', '/x/a/1/b/proto'],
  },
  protectedShard: {
    kind: protectedShard,
    fits: {
      [`5:${publicKey}`]: { shard: 5, publicKey },
      [`/waku/2/rs/16/32:${publicKey.toUpperCase()}`]: { cluster: 16, shard: 32, publicKey },
      [`0:04${'ab'.repeat(64)}`]: { shard: 0, publicKey: `04${'ab'.repeat(64)}` },
    },
    not: [
      '',
      '5',
      `1024:${publicKey}`,
      `5:${publicKey}ab`,
      `5:05${'ab'.repeat(32)}`,
      `/waku/2/x:${publicKey}`,
      `5:${publicKey}:1`,
    ],
  },
  storeUrl: {
    kind: storeUrl,
    fits: {
      'sqlite://store.sqlite3': { engine: 'sqlite', path: '/home/op/store.sqlite3' },
      'sqlite3:///var/store.db': { engine: 'sqlite', path: '/var/store.db' },
      'leveldb://archive': { engine: 'leveldb', path: '/home/op/archive' },
      'postgres://u:p@db:5432/waku': { engine: 'postgres', url: 'postgres://u:p@db:5432/waku' },
      'postgres://u:p@a:1,b:2/x?sslmode=require': {
        engine: 'postgres',
        url: 'postgres://u:p@a:1,b:2/x?sslmode=require',
      },
    },
    not: [
      '',
      'none',
      'sqlite://',
      'postgres://db',
      'mysql://u:p@db:1/x',
      'postgres://u:p@a,,b/x',
      'postgres://u:p@a,b:0/x',
    ],
  },
  'a list': {
    kind: list(integer(0, 9)),
    fits: { '': [], 1: [1], '1, 2': [1, 2], '[3, "4"]': [3, 4], '[]': [] },
    not: ['1,', 'x', '[1,', '[{}]', '[11]'],
  },
}

for (const [id, { kind, fits, not }] of Object.entries(cases)) {
  t.test(`${id} takes what fits`, async (t) => {
    for (const [text, value] of Object.entries(fits)) t.same(kind.parse(text, folder), value, JSON.stringify(text))
  })

  t.test(`${id} refuses what does not fit, with a phrase`, async (t) => {
    for (const text of not) {
      const misfit = kind.parse(text, folder)
      t.ok(misfit instanceof Misfit && misfit.why.length > 5, JSON.stringify(text))
    }
  })

  t.test(`${id} shows a value as one would write it`, async (t) => {
    if (kind.secret) return
    for (const text of Object.keys(fits)) {
      const value = kind.parse(text, folder)
      t.same(kind.parse(kind.show(value), folder), value, JSON.stringify(text))
    }
  })
}

t.test('content topics are divided at a comma before a slash only', async (t) => {
  const { kind } = settingTable['content-topic']
  t.same(kind.parse('/a/1/b,c/proto, /a/1/d/proto', folder), ['/a/1/b,c/proto', '/a/1/d/proto'])
  t.same(kind.parse('["/a/1/b,/proto"]', folder), ['/a/1/b,/proto'])
})

t.test('no kind throws, whatever the text', async (t) => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.webUrl(),
    fc.stringMatching(/^[a-z0-9:/.,=%@-]{0,40}$/),
  )
  fc.assert(
    fc.property(texts, (text) => {
      for (const name of settingNames) settingTable[name].kind.parse(text, folder)
    }),
  )
  t.pass()
})

t.test('no secret is in a misfit, nor shown', async (t) => {
  const secrets = fc.stringMatching(/^[A-Za-z0-9]{17,40}$/)
  const forms = [
    (secret: string) => secret,
    (secret: string) => `https://rpc.example.org/v3/${secret}?key=${secret}`,
    (secret: string) => `postgres://user:${secret}@db:5432/waku?password=${secret}`,
    (secret: string) => `postgres://user:${secret}@`,
    (secret: string) => `postgres://user:${secret}@a:1,b:2/waku?password=${secret}`,
    (secret: string) => `postgres://user:${secret}@a:1,b:x/waku?password=${secret}`,
    (secret: string) => `postgres://user:${secret},x@a:1,b:2/waku?target_session_attrs=${secret}`,
    (secret: string) => `postgres://user:1,${secret}/@a:1,b:2/waku`,
    (secret: string) => `[${secret}`,
  ]
  fc.assert(
    fc.property(secrets, fc.constantFrom(...forms), (secret, form) => {
      for (const { kind } of Object.values(settingTable)) {
        if (!kind.secret) continue
        const value = kind.parse(form(secret), folder)
        const shown = value instanceof Misfit ? value.why : kind.show(value)
        if (shown.includes(secret)) return false
      }
      return true
    }),
  )
  t.pass()
})

t.test('a size and a duration come back from what is shown of them', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 32 }), (bytes) => sizes.parse(showSize(bytes), folder) === bytes),
  )
  const durations = duration('s')
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 42 }), (ms) => durations.parse(showDuration(ms), folder) === ms))
  t.pass()
})

t.test('the default of every setting fits its kind', async (t) => {
  for (const name of settingNames) {
    const { kind, default: text, treatment } = settingTable[name]
    if (text !== undefined) t.notOk(kind.parse(text, folder) instanceof Misfit, name)
    if (treatment.is !== 'implemented' && treatment.as !== undefined)
      t.notOk(kind.parse(treatment.as, folder) instanceof Misfit, name)
  }
})
