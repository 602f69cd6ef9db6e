/** How a running node is, out of what its REST API tells: for `status` and `top`. */
import { MetricsText } from './metrics-text.ts'
import { columns } from './output.ts'
import type { RestClient } from './rest-client.ts'

export interface Snapshot {
  readonly url: string
  readonly version: string
  /** In nwaku's words: READY and others. */
  readonly state: string
  readonly protocols: readonly { readonly name: string; readonly state: string; readonly why?: string }[]
  readonly addresses: readonly string[]
  readonly enr: string
  /** A figure that the node does not tell is null. */
  readonly figures: Readonly<Record<Figure, number | null>>
}

const figures = {
  uptimeSeconds: (metrics: MetricsText) => since(metrics.sum('process_start_time_seconds')),
  peers: (metrics: MetricsText) => metrics.sum('libp2p_peers'),
  filterSubscribers: (metrics: MetricsText) => metrics.sum('waku_filter_subscriptions'),
  messages: (metrics: MetricsText) => metrics.sum('waku_node_messages_total'),
  relayBytesIn: (metrics: MetricsText) =>
    metrics.sum('waku_relay_network_bytes_total', { direction: 'in', type: 'net' }),
  storeQueries: (metrics: MetricsText) => metrics.sum('waku_store_queries_total'),
  storedMessages: (metrics: MetricsText) => metrics.sum('waku_archive_messages', { type: 'stored' }),
  storedBytes: (metrics: MetricsText) => metrics.sum('waypost_archive_stored_bytes'),
  diskFreeBytes: (metrics: MetricsText) => metrics.sum('waypost_disk_free_bytes', { folder: 'archive' }),
  memoryBytes: (metrics: MetricsText) => metrics.sum('process_resident_memory_bytes'),
  cpuSeconds: (metrics: MetricsText) => metrics.sum('process_cpu_seconds_total'),
} as const

export type Figure = keyof typeof figures

function since(start: number | undefined): number | undefined {
  return start === undefined ? undefined : Math.max(0, Date.now() / 1000 - start)
}

interface Health {
  readonly nodeHealth: string
  readonly protocolsHealth: readonly Readonly<Record<string, string>>[]
}

/** Takes one. A node without our metrics (nwaku) tells less. Throws what the client throws. */
export async function takeSnapshot(client: RestClient): Promise<Snapshot> {
  // The node is ours, or stands in for ours: the shapes are those of nwaku's API.
  const { nodeHealth, protocolsHealth } = (await client.json('/health')) as Health
  const [version, info, metrics] = await Promise.all([
    client.text('/version').catch(() => 'unknown'),
    client.json('/info').catch(() => ({})) as Promise<{ listenAddresses?: string[]; enrUri?: string }>,
    client.text('/metrics').catch(() => ''),
  ])
  const parsed = new MetricsText(metrics)
  const read = Object.entries(figures).map(([name, figure]) => [name, figure(parsed) ?? null])
  return {
    url: client.url,
    version,
    state: nodeHealth,
    protocols: protocolsHealth.map(protocolOf),
    addresses: info.listenAddresses ?? [],
    enr: info.enrUri ?? '',
    figures: Object.fromEntries(read) as Snapshot['figures'],
  }
}

/** The name is the key, beside it `desc` says why it is not ready. */
function protocolOf({ desc: why, ...rest }: Readonly<Record<string, string>>): Snapshot['protocols'][number] {
  const [[name, state] = ['', '']] = Object.entries(rest)
  return why === undefined ? { name, state } : { name, state, why }
}

/** For a person. */
export function renderSnapshot({ url, version, state, protocols, addresses, figures }: Snapshot): string {
  const mounted = protocols.filter(({ state }) => state !== 'NOT_MOUNTED')
  return columns([
    ['node', `${state}, version ${version}, ${url}`],
    ['up', figures.uptimeSeconds === null ? 'unknown' : showSeconds(figures.uptimeSeconds)],
    ['peers', count(figures.peers)],
    ['messages', `${count(figures.messages)} since the start`],
    ['stored', `${count(figures.storedMessages)}, ${showBytes(figures.storedBytes)}`],
    ['disk free', showBytes(figures.diskFreeBytes)],
    ...mounted.map(({ name, state, why }) => [name, why === undefined ? state : `${state}: ${why}`]),
    ...addresses.map((address, index) => [index === 0 ? 'addresses' : '', address]),
  ])
}

export function count(value: number | null): string {
  return value === null ? 'unknown' : String(Math.round(value))
}

export function showSeconds(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1) return `${Math.floor(seconds)} s`
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `12.3 MiB`. */
export function showBytes(bytes: number | null): string {
  if (bytes === null) return 'unknown'
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  const value = bytes / 1024 ** power
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`
}
