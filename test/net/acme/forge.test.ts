import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { Forge } from '../../../src/net/acme/forge.ts'
import { forgeAddress, forgeDomain } from '../../../src/net/acme/forge-names.ts'
import { txtResolver } from '../../../src/net/discovery/dns/resolver.ts'
import { enrFromText } from '../../../src/net/discovery/enr.ts'
import { readRecord } from '../../../src/net/discovery/node-record.ts'
import { type AcmeOptions, acmeServer } from '../../kit/acme.ts'
import { type Daemon, daemon } from '../../kit/daemon.ts'
import { type ForgeOptions, forge, type TestForge } from '../../kit/forge.ts'
import { host } from '../../kit/host.ts'
import { type NameServer, nameServer } from '../../kit/name-server.ts'
import { needs } from '../../kit/tools.ts'

const domain = 'forge.example'

t.test('the name of a peer is its id in base 36, which is no longer than a label may be', async (t) => {
  // As go-libp2p's and js-libp2p's tools show them.
  for (const [peer, name] of [
    [
      '12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq',
      'k51qzi5uqu5djejcj9das04p3wen7mowcz0z5iq3tw0yxaa8ko01odjley7fdg',
    ],
    [
      '16Uiu2HAmPLe7Mzm8TsYUubgCAW1aJoeFScxrLj8ppHFivPo97bUZ',
      'kzwfwjn5ji4puu0ccuvxcmljpdeyajxqkw7bxlrni3oq0poabypnhpmrjdcp0s6',
    ],
  ] as const)
    t.equal(forgeDomain(peerIdFromString(peer), 'libp2p.direct'), `${name}.libp2p.direct`)
})

t.test('a public wss address has a name, one of a private network has none', async (t) => {
  for (const [address, name] of [
    ['/ip4/203.0.113.7/tcp/8000/wss', '/dns4/203-0-113-7.k5.libp2p.direct/tcp/8000/wss'],
    ['/ip6/2001:db8::1/tcp/8000/wss', '/dns6/2001-db8-0-0-0-0-0-1.k5.libp2p.direct/tcp/8000/wss'],
    ['/ip4/192.168.1.2/tcp/8000/wss', undefined],
    ['/ip4/127.0.0.1/tcp/8000/wss', undefined],
    ['/dns4/node.example/tcp/8000/wss', undefined],
  ] as const)
    t.equal(forgeAddress(multiaddr(address), 'k5.libp2p.direct')?.toString(), name)
})

interface Trial {
  readonly show: () => Promise<void>
  readonly service: TestForge
}

/** A forge, and a peer that wants its proof published. */
async function trial(t: Test, options: Partial<ForgeOptions> = {}, timeout = 20_000): Promise<Trial> {
  const service = await forge(t, { domain, ...options })
  const privateKey = await generateKeyPair('secp256k1')
  const peer = await host(t, { privateKey })
  const port = /tcp\/(\d+)/.exec(String(peer.addresses()[0]))?.[1]
  const proof = new Forge({
    endpoint: service.endpoint,
    domain: forgeDomain(peerIdFromPrivateKey(privateKey), domain),
    privateKey,
    addresses: () => [`/ip4/203.0.113.7/tcp/${port}`],
    resolveTxt: txtResolver(options.names === undefined ? ['127.0.0.1:1'] : [options.names.address]),
    agent: 'waypost/test',
    signal: new AbortController().signal,
    timeout,
    pollInterval: 20,
  })
  return { service, show: () => proof.show('token', 'token.print') }
}

t.test('who shows that a peer id is his, and can be dialled, has the proof of his name published', async (t) => {
  const dnsmasq = needs(t, 'dnsmasq')
  if (dnsmasq === undefined) return
  const { show, service } = await trial(t, { names: await nameServer(t, dnsmasq, new Map()) })
  await show()
  t.match(service.registered, [{ value: /^[\w-]{43}$/, addresses: [/^\/ip4\/203\.0\.113\.7\/tcp\/\d+$/] }])
  t.same(service.refused, [])
})

/** Answers of a service that means no good. */
const attacks: Readonly<Record<string, { readonly options: Partial<ForgeOptions>; readonly says: RegExp }>> = {
  'answers nonsense': {
    options: { instead: (_, response) => response.writeHead(401, { 'www-authenticate': 'x' }).end('\u0000\u0007') },
    says: /does not say who it is/,
  },
  'takes whoever comes': { options: { instead: (_, response) => response.end('ok') }, says: /status 200 ok/ },
  'leads elsewhere': {
    options: { instead: (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end() },
    says: /redirect/,
  },
  'has no end': {
    options: { instead: (_, response) => endless(response) },
    says: /more than 262144 bytes/,
  },
  'says nothing': { options: { instead: () => {} }, says: /time/ },
  'says headers and no more': { options: { instead: (_, response) => response.write('.') }, says: /time/ },
  'shows a key that is not its own': { options: { lies: true }, says: /signature is not good/ },
  refuses: {
    options: { instead: (_, response) => response.writeHead(403).end('403 Forbidden\r\n\u001b[31mevil') },
    says: /status 403 403 Forbidden \[31mevil$/,
  },
}

for (const [name, { options, says }] of Object.entries(attacks))
  t.test(`a forge that ${name} is a failure with the reason`, async (t) => {
    const { show } = await trial(t, options, name.startsWith('says') ? 300 : 20_000)
    await t.rejects(show(), { code: 'acme/failed', message: says })
  })

function endless(response: Parameters<NonNullable<ForgeOptions['instead']>>[1]): void {
  response.writeHead(401)
  const more = (): void => {
    while (!response.destroyed && response.write('x'.repeat(64 * 1024)));
  }
  response.on('drain', more)
  more()
}

interface Web {
  readonly service: TestForge
  readonly names: NameServer
  readonly rootFile: string
  readonly node: Daemon
}

/** A node with AutoTLS, its forge, a name server and an authority that looks the proof up there. */
async function web(t: Test, flags: readonly string[], given: Partial<AcmeOptions> = {}): Promise<Web | undefined> {
  const dnsmasq = needs(t, 'dnsmasq')
  if (dnsmasq === undefined || needs(t, 'openssl') === undefined) return undefined
  const names = await nameServer(t, dnsmasq, new Map())
  const service = await forge(t, { names, domain })
  const ask = txtResolver([names.address])
  const resolveTxt = (name: string) => ask(name, new AbortController().signal)
  const authority = await acmeServer(t, { challengePort: () => 1, resolveTxt, ...given })
  const node = await daemon(t, {
    flags: [
      '--auto-tls=true',
      '--acme-agree-terms=true',
      `--acme-directory-url=${authority.directoryUrl}`,
      `--auto-tls-forge-domain=${domain}`,
      `--auto-tls-registration-endpoint=${service.endpoint}`,
      `--dns-addrs-name-server=${names.address}`,
      ...flags,
    ],
  })
  return { service, names, rootFile: authority.rootFile, node }
}

/** The state of AutoTLS in health. */
async function healthOf(node: Daemon): Promise<object | undefined> {
  const response = await fetch(`${node.restUrl}/health`)
  const { protocolsHealth } = (await response.json()) as { protocolsHealth: object[] }
  return protocolsHealth.find((entry) => 'AutoTLS' in entry)
}

t.test('a node gets a certificate for its names, announces them, and browsers could trust it', async (t) => {
  const found = await web(t, ['--nat=extip:203.0.113.7'])
  if (found === undefined) return
  const { node, service, rootFile } = found
  const label = forgeDomain(peerIdFromString(node.peerId), domain)
  t.notOk(
    node.addresses.some((address) => address.includes('wss')),
    'nothing that cannot be dialled is announced',
  )
  const { addresses } = await node.line(({ msg }) => msg === 'other addresses are announced')
  const name = `203-0-113-7.${label}`
  const wss = (addresses as string[]).find((address) => address.includes(name)) ?? ''
  t.match(wss, new RegExp(`^/dns4/${name}/tcp/\\d+/wss/p2p/${node.peerId}$`))
  t.equal(String(service.registered[0]?.peerId), node.peerId)
  const recorded = await recordUntil(node, (address) => address.includes(name))
  t.ok(recorded, 'our node record says it too')
  const socket = connect({
    host: '127.0.0.1',
    port: Number(/tcp\/(\d+)/.exec(wss)?.[1]),
    servername: name,
    ca: readFileSync(rootFile),
  })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  t.ok(socket.authorized)
  socket.destroy()
  t.match(await healthOf(node), { AutoTLS: 'READY' })
})

/** The first record of the node that has such an address; a record follows what is announced. */
async function recordUntil(node: Daemon, matches: (address: string) => boolean): Promise<string> {
  for (;;) {
    const { enrUri } = (await (await fetch(`${node.restUrl}/info`)).json()) as { enrUri: string }
    const found = readRecord(enrFromText(enrUri)).addresses.map(String).find(matches)
    if (found !== undefined) return found
  }
}

t.test('a node without a public address says what is missing, and asks nobody', async (t) => {
  const found = await web(t, [])
  if (found === undefined) return
  const { node, service } = found
  const { reason } = await node.line(({ msg }) => msg === 'no certificate yet')
  t.match(reason, /auto-tls needs a public address/)
  t.match(await healthOf(node), { AutoTLS: 'NOT_READY', desc: /needs a public address/ })
  t.same([service.registered, service.refused], [[], []])
})

t.test('a certificate for another name is not taken, and nothing is announced by it', async (t) => {
  const found = await web(t, ['--nat=extip:203.0.113.7'], { signsFor: '*.else.example' })
  if (found === undefined) return
  const { node } = found
  const { reason } = await node.line(({ msg }) => msg === 'no new certificate, the one in use is kept')
  t.match(reason, /it is not ours/)
  t.match(await healthOf(node), { AutoTLS: 'NOT_READY', desc: /it is not ours/ })
  const response = await fetch(`${node.restUrl}/info`)
  const { listenAddresses } = (await response.json()) as { listenAddresses: string[] }
  t.notOk(listenAddresses.some((address) => address.includes('wss')))
})
