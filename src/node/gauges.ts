/** What no event tells: measured when somebody asks for the metrics. */
import { statfs } from 'node:fs/promises'
import type { Archive } from '../archive/archive.ts'
import { parsePubsubTopic } from '../core/topics.ts'
import type { Relay } from '../protocols/relay/service.ts'
import { type Metrics, type WakuProtocol, wakuProtocols } from '../telemetry/metrics.ts'
import type { ClockWatch } from './clock-watch.ts'
import type { Discovery } from './discovery.ts'
import type { NodeHost } from './host.ts'
import type { ShardSizes } from './shard-sizes.ts'

export interface GaugeParts {
  readonly metrics: Metrics
  readonly clockWatch: ClockWatch
  readonly shardSizes: ShardSizes
  readonly host: Pick<NodeHost, 'libp2p' | 'router' | 'traffic' | 'knownPeers' | 'reservations'>
  readonly discovery: Pick<Discovery, 'measure'>
  /** Absent when this node does not relay. */
  readonly relay?: Relay
  /** Absent when this node keeps no messages. */
  readonly archive?: Pick<Archive, 'showDegraded'> | undefined
  /** The folders whose disk may fill up. */
  readonly folders: { readonly data: string; readonly archive?: string }
}

/** Sets every gauge of this kind. Does not throw: what cannot be measured is absent. */
export async function measureGauges(parts: GaugeParts): Promise<void> {
  measureClock(parts)
  measureShards(parts)
  parts.shardSizes.measure(parts.metrics)
  measureNetwork(parts)
  measureStreams(parts)
  parts.archive?.showDegraded()
  parts.discovery.measure()
  await measureDisks(parts)
}

function measureClock({ metrics, clockWatch }: GaugeParts): void {
  metrics.waypost_clock_step_seconds.set(clockWatch.step() / 1000)
  metrics.waypost_clock_offset_seconds.set(clockWatch.offset() / 1000)
}

function measureShards({ metrics, relay }: GaugeParts): void {
  if (relay === undefined) return
  metrics.libp2p_pubsub_topics.set(relay.topics.size)
  for (const gauge of [metrics.waku_relay_mesh_peers, metrics.waku_connected_peers_per_shard]) gauge.reset()
  for (const topic of relay.topics) {
    const shard = parsePubsubTopic(topic)?.shard
    if (shard === undefined) continue
    metrics.waku_relay_mesh_peers.set({ shard }, relay.meshPeers(topic).length)
    metrics.waku_connected_peers_per_shard.set({ shard }, relay.subscribers(topic).length)
  }
}

function measureNetwork({ metrics, host }: GaugeParts): void {
  const totals = host.traffic()
  // A counter cannot be set; what it counts is counted elsewhere.
  metrics.libp2p_network_bytes_total.reset()
  for (const direction of ['in', 'out'] as const)
    metrics.libp2p_network_bytes_total.inc({ direction }, totals[direction])
  metrics.waku_peer_store_size.set(host.knownPeers())
  metrics.waypost_circuit_peers.set(host.reservations())
  metrics.libp2p_pubsub_peers.set(host.router?.peers().length ?? 0)
}

/** Streams by protocol and by muxer; those of no protocol of Waku count under their muxer alone. */
function measureStreams({ metrics, host }: GaugeParts): void {
  const { waku_streams_peers: byProtocol, libp2p_open_streams: byMuxer } = metrics
  for (const gauge of [byProtocol, byMuxer]) gauge.reset()
  for (const direction of ['In', 'Out'])
    for (const protocol of wakuProtocols) byProtocol.set({ direction, protocol }, 0)
  for (const type of ['yamux', 'mplex', 'webrtc'] as const)
    for (const dir of ['in', 'out']) byMuxer.set({ type, dir }, 0)
  for (const { streams, multiplexer } of host.libp2p.getConnections()) {
    const type = muxerOf(multiplexer)
    for (const { protocol, direction } of streams) {
      byMuxer.inc({ type, dir: direction === 'inbound' ? 'in' : 'out' })
      if (isWakuProtocol(protocol)) byProtocol.inc({ direction: direction === 'inbound' ? 'In' : 'Out', protocol })
    }
  }
}

function muxerOf(multiplexer = ''): 'yamux' | 'mplex' | 'webrtc' {
  if (multiplexer.startsWith('/mplex')) return 'mplex'
  return multiplexer.startsWith('/webrtc') ? 'webrtc' : 'yamux'
}

function isWakuProtocol(protocol: string): protocol is WakuProtocol {
  return (wakuProtocols as readonly string[]).includes(protocol)
}

async function measureDisks({ metrics, folders }: GaugeParts): Promise<void> {
  const { data, archive } = folders
  await measureDisk(metrics, 'data', data)
  if (archive !== undefined) await measureDisk(metrics, 'archive', archive)
}

async function measureDisk(metrics: Metrics, folder: 'data' | 'archive', path: string): Promise<void> {
  try {
    const { bavail, blocks, bsize } = await statfs(path)
    metrics.waypost_disk_free_bytes.set({ folder }, bavail * bsize)
    metrics.waypost_disk_size_bytes.set({ folder }, blocks * bsize)
  } catch {
    for (const gauge of [metrics.waypost_disk_free_bytes, metrics.waypost_disk_size_bytes]) gauge.remove({ folder })
  }
}
