/** What an operator may ask and tell the node over REST (`--rest-admin`). */
import type { Libp2p, Peer, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { messageOf, WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import { shardOf } from '../core/topics.ts'
import type { Source } from '../net/discovery/found.ts'
import type { Pooled } from '../net/discovery/pool.ts'
import type { DialRules } from '../net/guards/dial-rules.ts'
import { staticPeerTag } from '../net/peers.ts'
import type { Filter } from '../protocols/filter/index.ts'
import type { MetadataProtocol } from '../protocols/metadata/index.ts'
import type { Router } from '../protocols/relay/router.ts'
import type { Relay } from '../protocols/relay/service.ts'
import type {
  AdminService,
  KnownPeer,
  LogLevelName,
  PeerDecision,
  PeerOrigin,
  ShardPeers,
} from '../rest/routes/admin.ts'
import type { ReloadReport } from '../rest/routes/reload.ts'
import { type Log, type LogLevel, setLogLevel } from '../telemetry/log.ts'
import type { PeerBook } from './discovery.ts'
import { peerAddress } from './peer-address.ts'

/** For one dial that an operator asks for. */
const dialTimeout: Milliseconds = 10_000

export interface AdminParts {
  readonly libp2p: Pick<Libp2p, 'peerStore' | 'getConnections' | 'dial'>
  readonly rules: Pick<DialRules, 'give'>
  readonly router: Router | undefined
  readonly relay: Relay | undefined
  readonly filter: Filter | undefined
  readonly metadata: Pick<MetadataProtocol, 'of'>
  /** What is known of peers that were found; undefined until the node looks for some. */
  readonly book: () => PeerBook | undefined
  /** Undefined when nobody can read the settings again. */
  readonly reload: () => Promise<ReloadReport | undefined>
  readonly log: Log
}

export class Admin implements AdminService {
  readonly #parts: AdminParts

  constructor(parts: AdminParts) {
    this.#parts = parts
  }

  /** Those that were met, and those that were found and not met yet. */
  async peers(): Promise<readonly KnownPeer[]> {
    const met = (await this.#parts.libp2p.peerStore.all()).map((peer) => this.#known(peer))
    const ids = new Set(met.map(({ peerId }) => peerId))
    const found = [...(this.#parts.book()?.pool.all ?? [])].map((pooled) => this.#found(pooled))
    return [...met, ...found.filter(({ peerId }) => !ids.has(peerId))]
  }

  async peer(text: string): Promise<KnownPeer | undefined> {
    const id = peerIdOf(text)
    const { libp2p, book } = this.#parts
    if (await libp2p.peerStore.has(id)) return this.#known(await libp2p.peerStore.get(id))
    const pooled = book()?.pool.get(id)
    return pooled && this.#found(pooled)
  }

  decisions(): readonly PeerDecision[] {
    return this.#parts.book()?.manager.decisions.lately ?? []
  }

  relayPeers(): Promise<readonly ShardPeers[]> | undefined {
    const { relay } = this.#parts
    return relay && this.#byShard(relay, (topic) => relay.subscribers(topic))
  }

  meshPeers(): Promise<readonly ShardPeers[]> | undefined {
    const { relay } = this.#parts
    return relay && this.#byShard(relay, (topic) => relay.meshPeers(topic))
  }

  async dial(address: string): Promise<void> {
    const { libp2p, rules } = this.#parts
    const given = peerAddress(address)
    rules.give(given)
    await libp2p.dial(given, { signal: AbortSignal.timeout(dialTimeout) })
  }

  filterSubscriptions(): ReturnType<AdminService['filterSubscriptions']> {
    const { filter } = this.#parts
    return (
      filter && [...filter.subscriptions()].map(({ peer, criteria }) => ({ peerId: peer, filterCriteria: criteria }))
    )
  }

  reload(): Promise<ReloadReport | undefined> {
    return this.#parts.reload()
  }

  setLogLevel(level: LogLevelName): void {
    const { log } = this.#parts
    setLogLevel(log, levels[level])
    log.info({ to: levels[level] }, 'log level changed')
  }

  async #byShard(relay: Relay, peersOf: (topic: string) => readonly string[]): Promise<readonly ShardPeers[]> {
    const known = new Map((await this.peers()).map((peer) => [peer.peerId, peer]))
    return [...relay.topics].map((topic) => ({
      shard: shardOf(topic).shard,
      peers: peersOf(topic).flatMap((id) => this.#scored(known.get(id))),
    }))
  }

  #scored(peer: KnownPeer | undefined): KnownPeer[] {
    return peer === undefined ? [] : [{ ...peer, score: this.#parts.router?.score(peer.peerId) }]
  }

  #known({ id, addresses, protocols, metadata, tags }: Peer): KnownPeer {
    const { libp2p, metadata: neighbours } = this.#parts
    const peerId = id.toString()
    const [connection] = libp2p.getConnections(id)
    const pooled = this.#parts.book()?.pool.get(id)
    const address = connection?.remoteAddr ?? addresses[0]?.multiaddr
    return {
      peerId,
      multiaddr: address === undefined ? '' : withPeer(address, peerId),
      protocols,
      shards: neighbours.of(peerId)?.shards ?? pooled?.shards?.shards ?? [],
      connected: connection !== undefined,
      failed: connection === undefined && this.#hasFailed(peerId),
      agent: Buffer.from(metadata.get('AgentVersion') ?? []).toString(),
      origin: tags.has(staticPeerTag) ? 'Static' : originOf(pooled),
    }
  }

  #found(pooled: Pooled): KnownPeer {
    const peerId = pooled.peerId.toString()
    return {
      peerId,
      multiaddr: pooled.addresses[0]?.toString() ?? '',
      protocols: [],
      shards: pooled.shards?.shards ?? [],
      connected: false,
      failed: this.#hasFailed(peerId),
      agent: '',
      origin: originOf(pooled),
    }
  }

  #hasFailed(peerId: string): boolean {
    return (this.#parts.book()?.history.failures(peerId) ?? 0) > 0
  }
}

/** nwaku has no words for further ways. */
const origins: Readonly<Partial<Record<Source, PeerOrigin>>> = {
  dns: 'Dns',
  discv5: 'Discv5',
  'peer-exchange': 'PeerExchange',
}

function originOf(pooled: Pooled | undefined): PeerOrigin {
  return (pooled && origins[pooled.source]) ?? 'UnknownOrigin'
}

/** nwaku's levels, as pino has them. */
const levels: Readonly<Record<LogLevelName, LogLevel>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  NOTICE: 'info',
  WARN: 'warn',
  ERROR: 'error',
  FATAL: 'fatal',
}

function peerIdOf(text: string): PeerId {
  try {
    return peerIdFromString(text)
  } catch (error) {
    throw new WaypostError('rest/bad-parameter', { why: messageOf(error) }, { cause: error })
  }
}

function withPeer(address: Multiaddr, peerId: string): string {
  const text = address.toString()
  return text.includes('/p2p/') ? text : `${text}/p2p/${peerId}`
}
