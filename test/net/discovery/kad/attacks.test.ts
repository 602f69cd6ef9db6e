/** What a node of the DHT that lies brings about, and what it does not. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import {
  type Contact,
  decodeKad,
  encodeKad,
  type KadMessage,
  kadProtocol,
  Type,
} from '../../../../src/net/discovery/kad/codec.ts'
import { sealExtensible } from '../../../../src/net/discovery/kad/extensible-record.ts'
import { keyOfPeer } from '../../../../src/net/discovery/kad/ids.ts'
import { kadLimits } from '../../../../src/net/discovery/kad/limits.ts'
import { serveExchange } from '../../../../src/net/exchange.ts'
import type { Host } from '../../../../src/net/host.ts'
import { Quota } from '../../../../src/net/quota.ts'
import { silentLog } from '../../../../src/telemetry/log.ts'
import { createMetrics } from '../../../../src/telemetry/metrics.ts'
import { connect, host } from '../../../kit/host.ts'
import type { Owner } from '../../../kit/owner.ts'
import { kadNode } from './kit.ts'

type Answer = (request: KadMessage) => KadMessage | Promise<KadMessage>

/** A host that answers as it likes. */
async function liar(t: Owner, answer: Answer): Promise<Host> {
  const rate = { volume: 1e6, period: 1 }
  const service = {
    protocol: kadProtocol,
    name: 'liar',
    limits: kadLimits,
    decode: decodeKad,
    answer: async (request: KadMessage) => encodeKad(await answer(request)),
    refuse: () => undefined,
  }
  const parts = { quota: new Quota({ perPeer: rate, total: rate }), metrics: createMetrics(), log: silentLog() }
  return await host(t, {
    async mount({ libp2p }) {
      await serveExchange(service, { libp2p, ...parts })
    },
  })
}

async function madeUp(): Promise<Contact> {
  const peerId = peerIdFromPrivateKey(await generateKeyPair('secp256k1'))
  return { peerId, addresses: [multiaddr(`/ip4/127.0.0.1/tcp/1/p2p/${peerId}`)] }
}

t.test(
  'nodes that were made up come into no table, and records that others have signed count for nobody',
  async (t) => {
    const madeUps = await Promise.all(Array.from({ length: 20 }, madeUp))
    const signer = await generateKeyPair('secp256k1')
    const asked = Promise.withResolvers<void>()
    const wanted = new Set(madeUps.map(({ peerId }) => peerId.toString()))
    const lying = await liar(t, async ({ type, key }) => {
      if (type !== Type.getValue) return { type, key, closer: madeUps }
      const victim = madeUps.find(({ peerId }) => Buffer.compare(keyOfPeer(peerId), key) === 0)
      if (victim === undefined) return { type, key, closer: [] }
      wanted.delete(victim.peerId.toString())
      if (wanted.size === 0) asked.resolve()
      return { type, key, value: await sealExtensible({ ...victim, sequence: 1n, services: [] }, signer), closer: [] }
    })
    const honest = await kadNode(t)
    const node = await kadNode(t, { knows: [honest] })
    await connect(node.host, lying)
    await asked.promise
    t.ok(await node.finds(honest), 'the control is found')
    const known = new Set(node.kad.table.nodes.map(({ peerId }) => peerId.toString()))
    for (const { peerId } of madeUps) {
      t.notOk(known.has(peerId.toString()))
      t.notOk(node.found(peerId))
    }
  },
)
