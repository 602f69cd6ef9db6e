/**
 * The router tells nobody what it forwards except its metrics. This stands in for the register of those and keeps the
 * one figure that is wanted: to how many peers each message went.
 */
import type { GossipsubOpts } from '@libp2p/gossipsub'

type Register = NonNullable<GossipsubOpts['metricsRegister']>

/** Peers to whom a message was forwarded, as the router names it. */
const forwardedPeers = 'gossipsub_msg_forward_peers_total'

const nothing = (): void => {}
const silent = {
  inc: nothing,
  set: nothing,
  addCollect: nothing,
  observe: nothing,
  reset: nothing,
  startTimer: () => nothing,
}

/** A register for the router in which only forwarding is heard. */
export function forwardRegister(onForward: (peers: number) => void): Register {
  const forwarded = { ...silent, inc: (_labels: unknown, peers?: number) => onForward(peers ?? 1) }
  // The library types its instruments by their labels, of which these know none.
  const gauge = (({ name }) => (name === forwardedPeers ? forwarded : silent)) as Register['gauge']
  return { gauge, histogram: () => silent, avgMinMax: () => silent }
}
