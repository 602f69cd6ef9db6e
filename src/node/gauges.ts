/** What no event tells: measured when somebody asks for the metrics. */
import { statfs } from 'node:fs/promises'
import { parsePubsubTopic } from '../core/topics.ts'
import type { Relay } from '../protocols/relay/service.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { ClockWatch } from './clock-watch.ts'

export interface GaugeParts {
  readonly metrics: Metrics
  readonly clockWatch: ClockWatch
  /** Absent when this node does not relay. */
  readonly relay?: Relay
  /** The folders whose disk may fill up. */
  readonly folders: { readonly data: string; readonly archive?: string }
}

/** Sets every gauge of this kind. Does not throw: what cannot be measured is absent. */
export async function measureGauges(parts: GaugeParts): Promise<void> {
  measureClock(parts)
  measureShards(parts)
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
