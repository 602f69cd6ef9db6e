/** Says in the log and in the metrics who is connected: kept by events, never by counting. */
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** The protocols that are counted, by their label, and the ids that each goes by. */
export type CountedProtocols = Readonly<Partial<Record<CountedProtocol, readonly string[]>>>

/** The labels of `waku_connected_peers`. */
export type CountedProtocol = 'relay' | 'store' | 'filter' | 'lightpush' | 'metadata'

export interface ConnectedPeersParts {
  /** Not started yet, so that no connection is missed. */
  readonly libp2p: Pick<Libp2p, 'getConnections' | 'addEventListener'>
  readonly protocols: CountedProtocols
  readonly metrics: Metrics
  readonly log: Log
}

type Direction = 'In' | 'Out'

/** A connected peer: who dialled, and which of the counted protocols it speaks. */
interface Peer {
  readonly direction: Direction
  protocols: readonly string[]
}

/** Watches the peers of `libp2p` until it is disposed of. */
export function watchPeers(parts: ConnectedPeersParts): Disposable {
  const { libp2p } = parts
  const watching = new AbortController()
  const { signal } = watching
  const peers = new ConnectedPeers(parts)
  libp2p.addEventListener('connection:open', ({ detail }) => peers.opened(detail), { signal })
  libp2p.addEventListener('connection:close', ({ detail }) => peers.closed(detail), { signal })
  libp2p.addEventListener('peer:connect', ({ detail }) => peers.connected(detail), { signal })
  libp2p.addEventListener('peer:disconnect', ({ detail }) => peers.disconnected(detail), { signal })
  // Who was met before is known without news of it; who mounts something later sends news without a new connection.
  libp2p.addEventListener('peer:identify', ({ detail }) => peers.speaks(detail.peerId, detail.protocols), { signal })
  libp2p.addEventListener('peer:update', ({ detail: { peer } }) => peers.speaks(peer.id, peer.protocols), { signal })
  return { [Symbol.dispose]: () => watching.abort() }
}

class ConnectedPeers {
  readonly #parts: ConnectedPeersParts
  readonly #peers = new Map<string, Peer>()

  constructor(parts: ConnectedPeersParts) {
    this.#parts = parts
    this.#startAtZero()
  }

  opened({ direction }: Connection): void {
    this.#parts.metrics.waypost_connections.inc({ direction })
  }

  closed({ direction }: Connection): void {
    this.#parts.metrics.waypost_connections.dec({ direction })
  }

  connected(id: PeerId): void {
    const [connection] = this.#parts.libp2p.getConnections(id)
    const direction = connection?.direction === 'outbound' ? 'Out' : 'In'
    this.#peers.set(id.toString(), { direction, protocols: [] })
    this.#parts.metrics.libp2p_peers.set(this.#peers.size)
    // Scripts look for the whole id of each peer.
    this.#parts.log.info({ peer: id.toString(), direction: connection?.direction }, 'peer connected')
  }

  disconnected(id: PeerId): void {
    this.speaks(id, [])
    this.#peers.delete(id.toString())
    this.#parts.metrics.libp2p_peers.set(this.#peers.size)
    this.#parts.log.info({ peer: id.toString() }, 'peer disconnected')
  }

  /** Counts a peer under the protocols that it speaks now, and no more under those that it spoke. */
  speaks(id: PeerId, ids: readonly string[]): void {
    const peer = this.#peers.get(id.toString())
    if (peer === undefined) return
    const { waku_connected_peers: gauge } = this.#parts.metrics
    const { direction } = peer
    for (const protocol of peer.protocols) gauge.dec({ direction, protocol })
    peer.protocols = this.#counted(ids)
    for (const protocol of peer.protocols) gauge.inc({ direction, protocol })
  }

  #counted(ids: readonly string[]): readonly string[] {
    const counted = Object.entries(this.#parts.protocols)
    return counted.filter(([, some]) => some.some((id) => ids.includes(id))).map(([protocol]) => protocol)
  }

  /** A gauge that was never set is missing from a scrape, and a dashboard shows no data instead of none. */
  #startAtZero(): void {
    const { waypost_connections, waku_connected_peers } = this.#parts.metrics
    for (const direction of ['inbound', 'outbound']) waypost_connections.set({ direction }, 0)
    for (const protocol of Object.keys(this.#parts.protocols))
      for (const direction of ['In', 'Out']) waku_connected_peers.set({ direction, protocol }, 0)
  }
}
