/** libp2p's own DHT for JavaScript among our nodes: the same messages on the wire. */
import { setTimeout } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { type KadDHT, kadDHT, type SingleKadDHT } from '@libp2p/kad-dht'
import t from 'tap'
import { kadProtocol } from '../../../../src/net/discovery/kad/codec.ts'
import { openExtensible, sealExtensible } from '../../../../src/net/discovery/kad/extensible-record.ts'
import { keyOfPeer } from '../../../../src/net/discovery/kad/ids.ts'
import type { ServiceFactories } from '../../../../src/net/host.ts'
import { connect, host } from '../../../kit/host.ts'
import { kadNode } from './kit.ts'

/** Its own types name the services on which it depends, which every host has. */
type Services = ServiceFactories<{ dht: KadDHT }>

/** Milliseconds between two looks. */
const pause = 50

t.test('a node of @libp2p/kad-dht walks through ours, is in our table, and its record is kept', async (t) => {
  const first = await kadNode(t)
  const second = await kadNode(t, { knows: [first] })
  await first.finds(second)
  const privateKey = await generateKeyPair('secp256k1')
  const dht = kadDHT({ protocol: kadProtocol, clientMode: false, peerInfoMapper: (peer) => peer })
  const theirs = await host<{ dht: KadDHT }>(t, { privateKey, services: { dht } as unknown as Services })
  await connect(theirs, first.host)
  const { libp2p } = theirs
  while (!first.kad.table.nodes.some(({ peerId }) => peerId.equals(libp2p.peerId))) await setTimeout(pause)
  const service = libp2p.services.dht as SingleKadDHT
  while (service.routingTable.size === 0) await setTimeout(pause)

  const closest = new Set<string>()
  // It goes on only to who is nearer than the one that told: towards the second itself, that is always so.
  for await (const event of service.getClosestPeers(second.host.libp2p.peerId.toMultihash().bytes))
    if (event.name === 'FINAL_PEER') closest.add(event.peer.id.toString())
  for (const { host } of [first, second]) t.ok(closest.has(host.libp2p.peerId.toString()), 'it walks to each of ours')

  const key = keyOfPeer(libp2p.peerId)
  const record = { peerId: libp2p.peerId, sequence: 1n, addresses: libp2p.getMultiaddrs(), services: [] }
  const envelope = await sealExtensible(record, privateKey)
  for await (const _event of service.put(key, envelope)) {
    // Each answer is an event.
  }
  const kept = first.kad.kept.get(key)
  t.ok((await openExtensible(kept ?? Buffer.of())).peerId.equals(libp2p.peerId))
})
