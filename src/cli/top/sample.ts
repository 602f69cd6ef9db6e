/** What the node tells at a moment, and what two moments make of it: figures per second. Pure. */
import type { MetricsText } from '../metrics-text.ts'
import type { Snapshot } from '../snapshot.ts'

export interface Sample {
  /** Milliseconds of a monotonic clock. */
  readonly at: number
  readonly snapshot: Snapshot
  readonly metrics: MetricsText
}

/** A figure that the node does not tell is null. */
export type Figure = number | null

export interface ShardRow {
  readonly shard: string
  readonly mesh: number
  readonly peers: Figure
}

export interface TopFigures {
  readonly url: string
  readonly version: string
  readonly state: string
  readonly uptimeSeconds: Figure
  /** Protocols that are mounted and not ready, with why. */
  readonly troubles: readonly string[]
  readonly peers: Figure
  readonly inbound: Figure
  readonly outbound: Figure
  readonly refusedPerSecond: Figure
  /** By the way they came: relay, lightpush, rest, sync. */
  readonly messages: readonly { readonly kind: string; readonly perSecond: Figure; readonly total: number }[]
  readonly bytesInPerSecond: Figure
  readonly bytesOutPerSecond: Figure
  readonly storeQueriesPerSecond: Figure
  /** Of the queries of this time; null when there were none. */
  readonly storeQueryMilliseconds: Figure
  readonly stored: Figure
  readonly storedBytes: Figure
  readonly waiting: Figure
  readonly filterSubscribers: Figure
  readonly filterCriteria: Figure
  readonly pushesPerSecond: Figure
  readonly dropsPerSecond: Figure
  readonly lightPushPerSecond: Figure
  readonly shards: readonly ShardRow[]
  /** Percent of one core. */
  readonly cpuPercent: Figure
  readonly memoryBytes: Figure
  /** The 99th percentile. */
  readonly loopLagMilliseconds: Figure
  readonly diskFreeBytes: Figure
}

/** The figures at `now`, with what changed since `before`. */
export function figuresOf(before: Sample, now: Sample): TopFigures {
  const { snapshot, metrics } = now
  const seconds = (now.at - before.at) / 1000
  const change = (name: string, labels = {}): Figure => changeOf(before.metrics, metrics, name, labels)
  // One look alone tells no rate.
  const rate = (name: string, labels = {}): Figure => (seconds > 0 ? scaled(change(name, labels), 1 / seconds) : null)
  const value = (name: string, labels = {}): Figure => metrics.sum(name, labels) ?? null
  const queries = change('waku_archive_query_duration_seconds_count')
  return {
    url: snapshot.url,
    version: snapshot.version,
    state: snapshot.state,
    uptimeSeconds: snapshot.figures.uptimeSeconds,
    troubles: snapshot.protocols
      .filter(({ name, state }) => state === 'NOT_READY' && !/client$/i.test(name))
      .map(({ name, why }) => (why === undefined ? name : `${name}: ${why}`)),
    peers: value('libp2p_peers'),
    inbound: value('waypost_connections', { direction: 'inbound' }),
    outbound: value('waypost_connections', { direction: 'outbound' }),
    refusedPerSecond: rate('waypost_connections_refused_total'),
    messages: [...metrics.byLabel('waku_node_messages_total', 'type')].map(([kind, total]) => ({
      kind,
      perSecond: rate('waku_node_messages_total', { type: kind }),
      total,
    })),
    bytesInPerSecond: rate('libp2p_network_bytes_total', { direction: 'in' }),
    bytesOutPerSecond: rate('libp2p_network_bytes_total', { direction: 'out' }),
    storeQueriesPerSecond: rate('waku_store_queries_total'),
    storeQueryMilliseconds: queries ? scaled(change('waku_archive_query_duration_seconds_sum'), 1000 / queries) : null,
    stored: value('waku_archive_messages', { type: 'stored' }),
    storedBytes: value('waypost_archive_stored_bytes'),
    waiting: value('waypost_archive_pending_messages'),
    filterSubscribers: value('waku_filter_subscriptions'),
    filterCriteria: value('waypost_filter_criteria'),
    pushesPerSecond: rate('waypost_filter_pushes_total'),
    dropsPerSecond: rate('waypost_filter_dropped_total'),
    lightPushPerSecond: added(rate('waku_lightpush_messages_total'), rate('waku_lightpush_v3_messages_total')),
    shards: shardsOf(metrics),
    cpuPercent: scaled(rate('process_cpu_seconds_total'), 100),
    memoryBytes: value('process_resident_memory_bytes'),
    loopLagMilliseconds: scaled(value('nodejs_eventloop_lag_p99_seconds'), 1000),
    diskFreeBytes: value('waypost_disk_free_bytes', { folder: 'data' }),
  }
}

/** A counter that begins anew, after a restart, has changed by what it has. */
function changeOf(before: MetricsText, now: MetricsText, name: string, labels: Record<string, string>): Figure {
  const [then, value] = [before.sum(name, labels), now.sum(name, labels)]
  if (value === undefined || then === undefined) return null
  return value < then ? value : value - then
}

function scaled(value: Figure, factor: number): Figure {
  return value === null ? null : value * factor
}

function added(one: Figure, other: Figure): Figure {
  return one === null && other === null ? null : (one ?? 0) + (other ?? 0)
}

function shardsOf(metrics: MetricsText): readonly ShardRow[] {
  const peers = metrics.byLabel('waku_connected_peers_per_shard', 'shard')
  return [...metrics.byLabel('waku_relay_mesh_peers', 'shard')]
    .map(([shard, mesh]) => ({ shard, mesh, peers: peers.get(shard) ?? null }))
    .sort((one, other) => Number(one.shard) - Number(other.shard))
}
