/** The node at a glance, for REST and the page at `/`: gathered when somebody asks, at most once a second. */
import { statfs } from 'node:fs/promises'
import type { Connection, Libp2p } from '@libp2p/interface'
import type { Archive } from '../archive/archive.ts'
import { type Clock, type Milliseconds, type Nanoseconds, toMilliseconds } from '../core/time.ts'
import { parsePubsubTopic } from '../core/topics.ts'
import { isWebRtc } from '../net/addresses.ts'
import { isRelayed } from '../net/circuit/address.ts'
import type { Reachability } from '../net/reachability.ts'
import type { Relay } from '../protocols/relay/service.ts'
import type {
  Count,
  DiskOverview,
  FilterOverview,
  MessagesOverview,
  Overview,
  OverviewQuery,
  OverviewService,
  PeersOverview,
  RunningOverview,
  ShardOverview,
  StoreOverview,
  WarningOverview,
} from '../rest/overview.ts'
import type { NodeHealth } from '../rest/view.ts'
import { retention } from '../settings/kinds/policy.ts'
import type { Settings } from '../settings/table.ts'
import { type Log, recentLines } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { ClockWatch } from './clock-watch.ts'
import { figure, figuresBy } from './figures.ts'
import { HistoryRecorder } from './history-recorder.ts'

/** Those who ask within this time get the same: many open pages cost as much as one. */
const gatheredFor: Milliseconds = 1000

/** Names of agents that are told; the others are one row. Their characters: an agent is what a peer likes to say. */
const maxAgents = 8
const maxAgentCharacters = 64

export interface OverviewParts {
  readonly version: string
  readonly metrics: Metrics
  readonly log: Log
  readonly clock: Clock
  readonly health: () => NodeHealth
}

/** What is told once the node runs. */
export interface RunningParts {
  /** Those in force: a reload changes them. */
  readonly settings: () => Settings
  readonly addresses: () => readonly string[]
  readonly libp2p: Pick<Libp2p, 'peerId' | 'peerStore' | 'getConnections'>
  readonly relay: Relay | undefined
  readonly archive: Archive | undefined
  readonly clockWatch: ClockWatch
  /** Of the secure WebSocket, when there is one. */
  readonly certificate: { readonly ends: Milliseconds } | undefined
  readonly reachability: Pick<Reachability, 'state'>
  readonly dataDir: string
}

export class NodeOverview implements OverviewService, Disposable {
  readonly #parts: OverviewParts
  readonly #recorder: HistoryRecorder
  readonly #startedAt: Milliseconds
  #running: RunningParts | undefined
  #gathered: Promise<RunningOverview> | undefined
  #gatheredUntil = 0

  constructor(parts: OverviewParts) {
    this.#parts = parts
    this.#recorder = new HistoryRecorder(parts)
    this.#startedAt = parts.clock()
  }

  /** From now on the rest is told too. */
  started(parts: RunningParts): void {
    this.#running = parts
  }

  async overview(query: OverviewQuery): Promise<Overview> {
    const { version, clock, health } = this.#parts
    return {
      now: clock(),
      version,
      runtime: `node ${process.versions.node}`,
      startedAt: this.#startedAt,
      health: health(),
      running: await this.#runningOverview(),
      warnings: this.#warnings(),
      history: this.#recorder.read(query),
    }
  }

  [Symbol.dispose](): void {
    this.#recorder[Symbol.dispose]()
  }

  #warnings(): Overview['warnings'] {
    const lines = recentLines(this.#parts.log)
    return { total: lines.total, recent: lines.list().map(withoutAddresses) }
  }

  #runningOverview(): Promise<RunningOverview> | undefined {
    if (this.#running === undefined) return undefined
    const now = performance.now()
    if (this.#gathered === undefined || now >= this.#gatheredUntil) {
      this.#gathered = this.#gather(this.#running)
      this.#gatheredUntil = now + gatheredFor
    }
    return this.#gathered
  }

  async #gather(parts: RunningParts): Promise<RunningOverview> {
    const { metrics } = this.#parts
    const { addresses, libp2p, relay, archive, clockWatch, certificate, reachability, dataDir } = parts
    const settings = parts.settings()
    const offset = clockWatch.offset()
    return {
      peerId: libp2p.peerId.toString(),
      addresses: addresses(),
      cluster: settings.clusterId,
      memory: process.memoryUsage.rss(),
      messages: await messagesOf(metrics),
      peers: await peersOf(libp2p, settings, metrics),
      shards: relay && shardsOf(relay),
      store: archive && (await storeOf(archive, settings)),
      filter: settings.filter ? await filterOf(metrics, settings) : undefined,
      disk: await diskOf(dataDir),
      certificateEnds: certificate?.ends,
      certificateFailures: getsCertificate(settings) ? await figure(metrics.waypost_acme_failures) : undefined,
      reached: reachability.state,
      clockOffset: Number.isNaN(offset) ? undefined : Math.round(offset),
    }
  }
}

function getsCertificate({ acmeDomain, autoTls }: Settings): boolean {
  return acmeDomain !== undefined || autoTls
}

async function messagesOf(metrics: Metrics): Promise<MessagesOverview> {
  const { waku_node_messages_total: messages, waypost_relay_verdicts_total: verdicts } = metrics
  const refused = (await figure(verdicts, { result: 'ignore' })) + (await figure(verdicts, { result: 'reject' }))
  return {
    relay: await figure(messages, { type: 'relay' }),
    lightpush: await figure(messages, { type: 'lightpush' }),
    rest: await figure(messages, { type: 'rest' }),
    pushed: await figure(metrics.waypost_filter_pushes_total),
    notPushed: await figure(metrics.waypost_filter_dropped_total),
    storeQueries: await figure(metrics.waku_store_queries_total),
    refused,
  }
}

async function peersOf(libp2p: RunningParts['libp2p'], settings: Settings, metrics: Metrics): Promise<PeersOverview> {
  const connections = libp2p.getConnections()
  const peers = [...new Map(connections.map(({ remotePeer }) => [remotePeer.toString(), remotePeer])).values()]
  const agents = await Promise.all(peers.map((peer) => libp2p.peerStore.get(peer).catch(() => undefined)))
  return {
    connected: peers.length,
    limit: settings.maxConnections,
    byDirection: tally(connections.map(({ direction }) => direction)),
    byTransport: tally(connections.map(transportOf)),
    byProtocol: (await figuresBy(metrics.waku_connected_peers, 'protocol')).filter(({ count }) => count > 0),
    byAgent: shortList(tally(agents.map((peer) => agentOf(peer?.metadata.get('AgentVersion'))))),
  }
}

function transportOf({ remoteAddr }: Connection): string {
  const address = remoteAddr.toString()
  if (isRelayed(remoteAddr)) return 'relayed'
  if (isWebRtc(remoteAddr)) return 'webrtc'
  if (/\/(wss|tls\/ws)\b/.test(address)) return 'wss'
  return /\/ws\b/.test(address) ? 'ws' : 'tcp'
}

/** Without what a browser adds of itself, which would tell one person from another. */
function agentOf(name: Uint8Array | undefined): string {
  const [text = ''] = Buffer.from(name ?? [])
    .toString()
    .slice(0, maxAgentCharacters)
    .split(' UserAgent=')
  return text === '' ? 'says nothing' : text
}

/** How often each name comes, the most frequent first. */
function tally(names: readonly string[]): Count[] {
  const counts = [...Map.groupBy(names, (name) => name)].map(([name, same]) => ({ name, count: same.length }))
  return counts.sort((a, b) => b.count - a.count || a.name.localeCompare(b.name))
}

function shortList(counts: readonly Count[]): readonly Count[] {
  if (counts.length <= maxAgents) return counts
  const others = counts.slice(maxAgents).reduce((sum, { count }) => sum + count, 0)
  return [...counts.slice(0, maxAgents), { name: 'others', count: others }]
}

function shardsOf(relay: Relay): readonly ShardOverview[] {
  return [...relay.topics].map((pubsubTopic) => ({
    pubsubTopic,
    shard: parsePubsubTopic(pubsubTopic)?.shard ?? 0,
    peers: relay.subscribers(pubsubTopic).length,
    mesh: relay.meshPeers(pubsubTopic).length,
  }))
}

async function storeOf(archive: Archive, settings: Settings): Promise<StoreOverview> {
  const { state, messages, bytes, waiting, ...more } = archive.status()
  const span = await archive.span().catch(() => undefined)
  return {
    state,
    why: 'why' in more ? more.why : undefined,
    messages,
    bytes,
    waiting,
    retention: retention.show(settings.storeMessageRetentionPolicy),
    oldest: millisecondsOf(span?.oldest),
    newest: millisecondsOf(span?.newest),
  }
}

function millisecondsOf(timestamp: Nanoseconds | undefined): Milliseconds | undefined {
  return timestamp === undefined ? undefined : toMilliseconds(timestamp)
}

async function filterOf(metrics: Metrics, settings: Settings): Promise<FilterOverview> {
  const [subscribers, criteria] = await Promise.all(
    [metrics.waku_filter_subscriptions, metrics.waypost_filter_criteria].map((gauge) => figure(gauge)),
  )
  return { subscribers: subscribers || 0, limit: settings.filterMaxPeersToServe, criteria: criteria || 0 }
}

async function diskOf(folder: string): Promise<DiskOverview | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    return { free: bavail * bsize, size: blocks * bsize }
  } catch {
    return undefined
  }
}

/** Who asks for the overview may not be who may see where others are. */
function withoutAddresses(line: WarningOverview): WarningOverview {
  return { ...line, message: cut(line.message), detail: cut(line.detail) }
}

function cut(text: string): string {
  return text.replace(/\b\d{1,3}(\.\d{1,3}){3}\b/g, '[address]').replace(/\/ip6\/[^/\s]+/g, '/ip6/[address]')
}
