/** What an operator may ask and tell the node over REST (`--rest-admin`). */
import type { Libp2p, Peer, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { messageOf, WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import { shardOf } from '../core/topics.ts'
import { staticPeerTag } from '../net/peers.ts'
import type { Filter } from '../protocols/filter/index.ts'
import type { MetadataProtocol } from '../protocols/metadata/index.ts'
import type { Router } from '../protocols/relay/router.ts'
import type { Relay } from '../protocols/relay/service.ts'
import type { AdminService, KnownPeer, LogLevelName, ShardPeers } from '../rest/routes/admin.ts'
import type { ReloadReport } from '../rest/routes/reload.ts'
import { type Log, type LogLevel, setLogLevel } from '../telemetry/log.ts'
import { peerAddress } from './peer-address.ts'

/** For one dial that an operator asks for. */
const dialTimeout: Milliseconds = 10_000

export interface AdminParts {
  readonly libp2p: Pick<Libp2p, 'peerStore' | 'getConnections' | 'dial'>
  readonly router: Router | undefined
  readonly relay: Relay | undefined
  readonly filter: Filter | undefined
  readonly metadata: Pick<MetadataProtocol, 'of'>
  /** Undefined when nobody can read the settings again. */
  readonly reload: () => Promise<ReloadReport | undefined>
  readonly log: Log
}

export class Admin implements AdminService {
  readonly #parts: AdminParts

  constructor(parts: AdminParts) {
    this.#parts = parts
  }

  async peers(): Promise<readonly KnownPeer[]> {
    const peers = await this.#parts.libp2p.peerStore.all()
    return peers.map((peer) => this.#known(peer))
  }

  async peer(text: string): Promise<KnownPeer | undefined> {
    const id = peerIdOf(text)
    const { peerStore } = this.#parts.libp2p
    return (await peerStore.has(id)) ? this.#known(await peerStore.get(id)) : undefined
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
    await this.#parts.libp2p.dial(peerAddress(address), { signal: AbortSignal.timeout(dialTimeout) })
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
    return peer === undefined ? [] : [{ ...peer, score: this.#parts.router?.getScore(peer.peerId) }]
  }

  #known({ id, addresses, protocols, metadata, tags }: Peer): KnownPeer {
    const { libp2p, metadata: neighbours } = this.#parts
    const peerId = id.toString()
    const [connection] = libp2p.getConnections(id)
    const address = connection?.remoteAddr ?? addresses[0]?.multiaddr
    return {
      peerId,
      multiaddr: address === undefined ? '' : withPeer(address, peerId),
      protocols,
      shards: neighbours.of(peerId)?.shards ?? [],
      connected: connection !== undefined,
      agent: Buffer.from(metadata.get('AgentVersion') ?? []).toString(),
      isStatic: tags.has(staticPeerTag),
    }
  }
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
