import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { CircuitGate, type CircuitRequest } from '../../../src/net/circuit/gate.ts'
import { type CircuitLimits, circuitLimits } from '../../../src/net/circuit/limits.ts'

const [relay, one, two, three] = (await Promise.all(
  Array.from({ length: 4 }, async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))),
)) as [PeerId, PeerId, PeerId, PeerId]

/** As much of a connection as the gate looks at: no two networks are at hand on loopback. */
function connection(peer: PeerId, address: string, circuits = 0): Connection {
  const stop = { protocol: '/libp2p/circuit/relay/0.2.0/stop', direction: 'outbound' }
  return {
    remotePeer: peer,
    remoteAddr: multiaddr(address),
    direction: 'inbound',
    streams: Array(circuits).fill(stop),
  } as unknown as Connection
}

function gate(limits: Partial<CircuitLimits>, all: readonly Connection[], reserved: readonly PeerId[] = []) {
  const judged: [CircuitRequest, boolean][] = []
  const made = new CircuitGate({
    limits: { ...circuitLimits, ...limits },
    connections: (peer) => all.filter(({ remotePeer }) => peer === undefined || remotePeer.equals(peer)),
    reserved: () => reserved,
    isOurRelay: (peer) => peer.equals(relay),
    judged: (request, allowed) => judged.push([request, allowed]),
  })
  return { gate: made, judged }
}

t.test('peers of one address share the places that it may reserve, and each may renew its own', async (t) => {
  const all = [
    connection(one, '/ip4/192.0.2.1/tcp/1'),
    connection(two, '/ip4/192.0.2.1/tcp/2'),
    connection(three, '/ip4/192.0.2.9/tcp/3'),
  ]
  const { gate: tried, judged } = gate({ reservationsPerOwner: 1 }, all, [one])
  t.equal(tried.denyInboundRelayReservation(two), true)
  t.equal(tried.denyInboundRelayReservation(one), false)
  t.equal(tried.denyInboundRelayReservation(three), false)
  t.same(judged, [
    ['reserve', false],
    ['reserve', true],
    ['reserve', true],
  ])
})

t.test('connections that are relayed are bounded for one peer, and in all', async (t) => {
  const busy = connection(two, '/ip4/192.0.2.2/tcp/1', 2)
  const free = connection(three, '/ip4/192.0.2.3/tcp/1')
  const source = connection(one, '/ip4/192.0.2.1/tcp/1')
  const ofOne = gate({ circuitsPerPeer: 2 }, [busy, free, source]).gate
  t.equal(ofOne.denyOutboundRelayedConnection(one, two), true)
  t.equal(ofOne.denyOutboundRelayedConnection(one, three), false)
  const all = gate({ circuits: 2 }, [busy, free, source]).gate
  t.equal(all.denyOutboundRelayedConnection(one, three), true)
})

t.test('who asks to be connected again and again is refused', async (t) => {
  const rate = { perPeer: { volume: 2, period: 60_000 }, total: { volume: 100, period: 60_000 } }
  const { gate: tried } = gate({ circuitRate: rate }, [connection(one, '/ip4/192.0.2.1/tcp/1')])
  const answers = [1, 2, 3].map(() => tried.denyOutboundRelayedConnection(one, two))
  t.same(answers, [false, false, true])
})

t.test('only our own relay brings peers to us, so many through one and so many through all', async (t) => {
  const brought = connection(two, `/ip4/192.0.2.1/tcp/1/p2p/${relay}/p2p-circuit/p2p/${two}`)
  const elsewhere = connection(three, `/ip4/192.0.2.1/tcp/1/p2p/${one}/p2p-circuit/p2p/${three}`)
  t.equal(gate({}, [brought]).gate.denyInboundRelayedConnection(relay), false)
  t.equal(gate({}, [brought]).gate.denyInboundRelayedConnection(one), true)
  t.equal(gate({ inboundPerRelay: 1 }, [brought]).gate.denyInboundRelayedConnection(relay), true)
  t.equal(gate({ inboundPerRelay: 1 }, [elsewhere]).gate.denyInboundRelayedConnection(relay), false)
  t.equal(gate({ inbound: 1 }, [elsewhere]).gate.denyInboundRelayedConnection(relay), true)
})
