import { once } from 'node:events'
import t from 'tap'
import { hostLimits } from '../../src/net/limits.ts'
import { connect, host } from '../kit/host.ts'

t.test('of the peers that have gone, the one that went first is forgotten, unless we chose it', async (t) => {
  const { libp2p, ...rest } = await host(t, { limits: { ...hostLimits(150 * 1024), knownPeers: 2 } })
  const node = { libp2p, ...rest }
  const peers = await Promise.all(Array.from({ length: 4 }, () => host(t)))
  const [chosen, first] = peers.map((peer) => peer.libp2p.peerId)
  if (chosen === undefined || first === undefined) return t.fail('no peers')
  for (const peer of peers) {
    await connect(peer, node)
    if (peer.libp2p.peerId.equals(chosen)) await libp2p.peerStore.merge(chosen, { tags: { chosen: {} } })
    const gone = once(libp2p, 'peer:disconnect')
    await peer[Symbol.asyncDispose]()
    await gone
  }
  const known = (await libp2p.peerStore.all()).map(({ id }) => id.toString())
  t.ok(known.includes(chosen.toString()), 'the one that we chose')
  t.notOk(known.includes(first.toString()), 'the first of the others')
  t.equal(known.length, 3)
})
