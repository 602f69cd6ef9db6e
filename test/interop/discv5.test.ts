/**
 * Our discv5 and a discv5 that we did not write, @chainsafe/discv5: both ways, under the protocol id that it has. Its packages
 * stand apart (`npm ci --prefix test/interop/discv5-peer`), and the test skips where they are not installed.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { type Enr, enrFromText, enrToText } from '../../src/net/discovery/enr.ts'
import { discv5Node, metricValue, type TestNode } from '../kit/discv5.ts'
import { freePort } from '../kit/free-port.ts'
import { until } from '../kit/until.ts'

const packages = path.resolve(import.meta.dirname, '../../../test/interop/discv5-peer/node_modules')

/** A record as the library has it. */
interface TheirRecord {
  encodeTxt(): string
}

/** As much of the library as is used here. */
interface Theirs {
  readonly enr: TheirRecord
  start(): Promise<void>
  stop(): Promise<void>
  kadValues(): readonly TheirRecord[]
  sendPing(to: TheirRecord): Promise<{ enrSeq: bigint; addr: { port: number } }>
  sendFindNode(to: TheirRecord, distances: number[]): Promise<readonly TheirRecord[]>
  findRandomNode(): Promise<readonly TheirRecord[]>
  sendTalkReq(to: TheirRecord, payload: Uint8Array, protocol: string): Promise<Uint8Array>
}

/** Without types: they are those of another release of libp2p. */
async function load(file: string) {
  return await import(pathToFileURL(path.join(packages, file)).href)
}

const isInstalled = existsSync(path.join(packages, '@chainsafe/discv5'))

/** Skips a test where the packages are not installed; CI has them. */
function needsPeer(t: Test): boolean {
  if (isInstalled) return true
  if (process.env.CI === 'true') t.fail('needs npm ci --prefix test/interop/discv5-peer')
  else t.plan(0, 'needs npm ci --prefix test/interop/discv5-peer')
  return false
}

/** A started node of the library on loopback. */
async function theirNode(t: Test): Promise<Theirs> {
  const { Discv5 } = await load('@chainsafe/discv5/lib/index.js')
  const { SignableENR } = await load('@chainsafe/enr/lib/index.js')
  const { multiaddr } = await load('@multiformats/multiaddr/dist/src/index.js')
  const { generateKeyPair } = await load('@libp2p/crypto/dist/src/keys/index.js')
  const privateKey = await generateKeyPair('secp256k1')
  const enr = SignableENR.createFromPrivateKey(privateKey)
  const address = multiaddr(`/ip4/127.0.0.1/udp/${await freePort()}`)
  enr.setLocationMultiaddr(address)
  // The timer of a lookup outlives it, and would keep the process for a minute.
  const config = { lookupTimeout: 3000 }
  const theirs: Theirs = Discv5.create({ enr, privateKey, bindAddrs: { ip4: address }, config })
  await theirs.start()
  t.teardown(() => theirs.stop())
  return theirs
}

/** Without shards of its own a node takes all others, theirs too. */
function ourNode(t: Test, address: string, bootstrap: readonly Enr[] = []): Promise<TestNode> {
  return discv5Node(t, { address, bootstrap, protocol: 'discv5', shards: { cluster: 16, shards: [] } })
}

async function theirRecord(node: TestNode): Promise<TheirRecord> {
  const { ENR } = await load('@chainsafe/enr/lib/index.js')
  return ENR.decodeTxt(enrToText(node.record()))
}

t.test('ours opens a session with @chainsafe/discv5, and each takes the other into its table', async (t) => {
  if (!needsPeer(t)) return
  const theirs = await theirNode(t)
  const ours = await ourNode(t, '127.0.2.1', [enrFromText(theirs.enr.encodeTxt())])
  await until(() => ours.discv5.size === 1)
  await until(() => theirs.kadValues().length === 1)
  t.equal(theirs.kadValues()[0]?.encodeTxt(), enrToText(ours.record()))
  t.ok(ours.found.size === 1)
  const other = await ourNode(t, '127.0.2.2', [enrFromText(theirs.enr.encodeTxt())])
  await until(() => ours.found.has(other.peerId) && other.found.has(ours.peerId))
  t.pass('two of ours find each other by it')
  t.equal((await theirs.findRandomNode()).length, 2, 'its lookup finds both')
})

t.test('@chainsafe/discv5 opens a session with ours, and is answered', async (t) => {
  if (!needsPeer(t)) return
  const theirs = await theirNode(t)
  const ours = await ourNode(t, '127.0.2.3')
  const record = await theirRecord(ours)
  const { enrSeq, addr } = await theirs.sendPing(record)
  t.equal(enrSeq, ours.record().sequence)
  t.equal(addr.port, enrPort(theirs))
  const own = await theirs.sendFindNode(record, [0])
  t.same(
    own.map((one) => one.encodeTxt()),
    [enrToText(ours.record())],
  )
  t.equal((await theirs.sendTalkReq(record, Buffer.from('hello'), 'waku')).length, 0)
  await until(() => ours.discv5.size === 1)
  t.pass('ours has asked it whether it is there, and it was')
  t.equal(await metricValue(ours.metrics, 'waypost_discv5_packets_total', { outcome: 'failed' }), 0)
})

t.test('a node of Waku and one of another network have nothing to say to each other', async (t) => {
  if (!needsPeer(t)) return
  const theirs = await theirNode(t)
  const waku = await discv5Node(t, { address: '127.0.2.4', bootstrap: [enrFromText(theirs.enr.encodeTxt())] })
  await t.rejects(theirs.sendPing(await theirRecord(waku)), 'it gets no answer')
  t.ok((await metricValue(waku.metrics, 'waypost_discv5_packets_total', { outcome: 'malformed' })) > 0)
  t.equal(waku.discv5.size, 0)
})

function enrPort({ enr }: Theirs): number {
  return Buffer.from(enrFromText(enr.encodeTxt()).pairs.get('udp') ?? []).readUInt16BE()
}
