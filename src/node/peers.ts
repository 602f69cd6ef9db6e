/** Which peers this node stays connected with, and who is counted. */
import type { Libp2p } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import { multiaddr } from '@multiformats/multiaddr'
import { watchPeers } from '../net/connected-peers.ts'
import { KeepAlive } from '../net/keep-alive.ts'
import { StaticPeers } from '../net/peers.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface PeersParts {
  readonly libp2p: Libp2p<{ ping: Ping }>
  readonly metrics: Metrics
  readonly log: Log
}

/** Counts and logs connections, from before the first one. */
export function countPeers({ libp2p, metrics, log }: PeersParts): Disposable {
  return watchPeers({ libp2p, metrics, log })
}

/** The peers that the settings name: wanted from now on, each tried as long as the node runs. */
export function wantPeers({ libp2p, metrics, log }: PeersParts, settings: Settings): StaticPeers {
  const peers = new StaticPeers({ libp2p, metrics, log })
  for (const address of staticPeers(settings)) peers.want(multiaddr(address))
  return peers
}

/** The addresses of the peers that the settings name, each once. */
export function staticPeers({ staticnode, storenode, filternode, lightpushnode }: Settings): readonly string[] {
  return [...new Set([staticnode, storenode, filternode, lightpushnode].flat())]
}

/** Pings peers, and parts from those that are gone. */
export function pingPeers({ libp2p, metrics, log }: PeersParts, meshPeers: () => Iterable<string>): KeepAlive {
  return new KeepAlive({ libp2p, meshPeers, metrics, log })
}
