/** Nodes of the DHT on loopback. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import type { ExtensibleRecord } from '../../../../src/net/discovery/kad/extensible-record.ts'
import { type Kad, startKad } from '../../../../src/net/discovery/kad/node.ts'
import type { Host } from '../../../../src/net/host.ts'
import { silentLog } from '../../../../src/telemetry/log.ts'
import { createMetrics } from '../../../../src/telemetry/metrics.ts'
import { host } from '../../../kit/host.ts'
import type { Owner } from '../../../kit/owner.ts'

export interface KadNode {
  readonly host: Host
  readonly privateKey: PrivateKey
  readonly kad: Kad
  /** The last record that it found of a peer. */
  readonly found: (peer: PeerId) => ExtensibleRecord | undefined
  /** Resolves once it has found the peer, with the record. */
  readonly finds: (peer: Pick<KadNode, 'host'>) => Promise<ExtensibleRecord>
}

export interface KadNodeOptions {
  /** Whom it knows at the start. */
  readonly knows?: readonly KadNode[]
  readonly services?: readonly string[]
}

export async function kadNode(t: Owner, { knows = [], services = [] }: KadNodeOptions = {}): Promise<KadNode> {
  const privateKey = await generateKeyPair('secp256k1')
  const own = await host(t, { privateKey })
  const records = new Map<string, ExtensibleRecord>()
  const waiting = new Map<string, PromiseWithResolvers<ExtensibleRecord>>()
  const kad = await startKad({
    libp2p: own.libp2p,
    privateKey,
    describe: () => ({ sequence: 1n, addresses: own.addresses(), services: services.map((id) => ({ id })) }),
    bootstrap: knows.flatMap((one) => one.host.addresses()),
    found(record) {
      records.set(`${record.peerId}`, record)
      waiting.get(`${record.peerId}`)?.resolve(record)
      return true
    },
    takesPrivate: () => true,
    log: silentLog(),
    metrics: createMetrics(),
  })
  t.teardown(() => kad[Symbol.asyncDispose]())
  const finds = async (peer: Pick<KadNode, 'host'>): Promise<ExtensibleRecord> => {
    const name = `${peer.host.libp2p.peerId}`
    const known = records.get(name)
    if (known !== undefined) return known
    const wait = waiting.get(name) ?? Promise.withResolvers<ExtensibleRecord>()
    waiting.set(name, wait)
    return await wait.promise
  }
  return { host: own, privateKey, kad, found: (peer) => records.get(`${peer}`), finds }
}
