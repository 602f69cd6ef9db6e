/** Says in the log and in the metrics who is connected: kept by events, never by counting. */
import type { Connection, IdentifyResult, Libp2p, PeerId } from '@libp2p/interface'
import type { Gauge } from 'prom-client'
import type { Log } from '../telemetry/log.ts'
import { type Agent, agents, type Metrics, wakuProtocols } from '../telemetry/metrics.ts'

export interface ConnectedPeersParts {
  /** Not started yet, so that no connection is missed. */
  readonly libp2p: Pick<Libp2p, 'getConnections' | 'addEventListener'>
  readonly metrics: Metrics
  readonly log: Log
}

type Direction = 'In' | 'Out'

/** A connected peer: who dialled, and where it is counted. */
interface Peer {
  readonly direction: Direction
  counted: readonly Counted[]
}

interface Counted {
  readonly gauge: Gauge
  readonly labels: Readonly<Record<string, string>>
}

/** The gauges of peers that can be asked for a service, and the protocols that say so. */
const serving = {
  waku_store_peers: ['/vac/waku/store-query/3.0.0', '/vac/waku/store/2.0.0-beta4'],
  waku_filter_peers: ['/vac/waku/filter-subscribe/2.0.0-beta1'],
  waku_lightpush_peers: ['/vac/waku/lightpush/3.0.0', '/vac/waku/lightpush/2.0.0-beta1'],
  waku_px_peers: ['/vac/waku/peer-exchange/2.0.0-alpha1'],
} as const
const servingNames = Object.keys(serving) as (keyof typeof serving)[]

/** How programs begin or end what they say they are; the first that fits counts. */
const agentWords: Readonly<Partial<Record<Agent, RegExp>>> = {
  waypost: /^waypost/i,
  nwaku: /^nwaku/i,
  'logos-delivery': /^logos-delivery/i,
  'go-waku': /^go-waku/i,
  'js-waku': /js-?waku/i,
  'js-libp2p': /js-libp2p/i,
}

/** Which of the programs that we know a peer says it is. */
export function agentOf(text: string | undefined): Agent {
  return agents.find((agent) => agentWords[agent]?.test(text ?? '')) ?? 'other'
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
  // What a peer says of itself, at each connection. libp2p's own store of peers (`peer:update`) tells less: whoever asks
  // us for a protocol stands there as one who speaks it.
  libp2p.addEventListener('peer:identify', ({ detail }) => peers.identified(detail), { signal })
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
    this.#peers.set(id.toString(), { direction, counted: [] })
    this.#parts.metrics.libp2p_peers.set(this.#peers.size)
    // Scripts look for the whole id of each peer.
    this.#parts.log.info({ peer: id.toString(), direction: connection?.direction }, 'peer connected')
  }

  disconnected(id: PeerId): void {
    for (const { gauge, labels } of this.#peers.get(id.toString())?.counted ?? []) gauge.dec(labels)
    this.#peers.delete(id.toString())
    this.#parts.metrics.libp2p_peers.set(this.#peers.size)
    this.#parts.log.info({ peer: id.toString() }, 'peer disconnected')
  }

  /** Counts a peer under what it says that it is and speaks now, and no more under what it said before. */
  identified({ peerId, agentVersion, protocols }: IdentifyResult): void {
    const peer = this.#peers.get(peerId.toString())
    if (peer === undefined) return
    for (const { gauge, labels } of peer.counted) gauge.dec(labels)
    peer.counted = this.#placesOf(peer.direction, agentOf(agentVersion), protocols)
    for (const { gauge, labels } of peer.counted) gauge.inc(labels)
  }

  #placesOf(direction: Direction, agent: Agent, ids: readonly string[]): Counted[] {
    const { metrics } = this.#parts
    const places: Counted[] = wakuProtocols
      .filter((protocol) => ids.includes(protocol))
      .map((protocol) => ({ gauge: metrics.waku_connected_peers as Gauge, labels: { direction, protocol } }))
    for (const name of servingNames)
      if (serving[name].some((protocol) => ids.includes(protocol))) places.push({ gauge: metrics[name], labels: {} })
    return [...places, { gauge: metrics.waku_connected_peers_per_agent as Gauge, labels: { agent } }]
  }

  /** A gauge that was never set is missing from a scrape, and a dashboard shows no data instead of none. */
  #startAtZero(): void {
    const { waypost_connections, waku_connected_peers, waku_connected_peers_per_agent } = this.#parts.metrics
    for (const direction of ['inbound', 'outbound']) waypost_connections.set({ direction }, 0)
    for (const agent of agents) waku_connected_peers_per_agent.set({ agent }, 0)
    for (const protocol of wakuProtocols)
      for (const direction of ['In', 'Out']) waku_connected_peers.set({ direction, protocol }, 0)
  }
}
