/**
 * The connected peers as the manager sees them: who dialled, what each speaks, which shards it follows, since when. Kept
 * by events.
 */
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { messageOf } from '../../core/errors.ts'
import type { Clock, Milliseconds } from '../../core/time.ts'
import type { Log } from '../../telemetry/log.ts'
import { hostOf } from '../addresses.ts'
import type { Capability } from '../discovery/node-record.ts'
import type { PeerPool } from '../discovery/pool.ts'
import { subnetOfHost } from './traits.ts'
import type { Contact, WantedService } from './wants.ts'

/** The protocols by which a connected peer shows what it does. */
export interface ProtocolsOf {
  readonly relay: readonly string[]
  readonly services: Readonly<Record<WantedService, readonly string[]>>
}

export interface ContactsParts {
  readonly libp2p: Pick<Libp2p, 'getConnections' | 'addEventListener' | 'peerStore'>
  readonly pool: PeerPool
  readonly protocols: ProtocolsOf
  /** What a connected peer says of its shards. */
  readonly shardsOf: (peer: string) => readonly number[] | undefined
  readonly log: Log
  /** A monotonic clock. */
  readonly clock: Clock
}

/** A connected peer. */
export interface Connected extends Contact {
  readonly key: string
  readonly id: PeerId
  readonly since: Milliseconds
  readonly subnet: string | undefined
}

/** Who hears of changes. */
export interface ContactListener {
  came(peer: PeerId): void
  /** By its full id. */
  went(peer: string): void
  /** A peer has told what it speaks. */
  told(): void
}

export class Contacts implements Disposable {
  readonly #parts: ContactsParts
  readonly #stop = new AbortController()
  /** By peer id, what it speaks: from identify, at each connection. */
  readonly #spoken = new Map<string, ReadonlySet<string>>()
  readonly #since = new Map<string, Milliseconds>()

  constructor(parts: ContactsParts) {
    this.#parts = parts
  }

  /** Follows who comes and goes, beginning with those who are there. */
  start(listener: ContactListener): void {
    const { libp2p } = this.#parts
    const { signal } = this.#stop
    libp2p.addEventListener('peer:connect', ({ detail }) => this.#came(detail, listener), { signal })
    libp2p.addEventListener('peer:disconnect', ({ detail }) => this.#went(detail.toString(), listener), { signal })
    const identified = (peer: PeerId, protocols: readonly string[]) => this.#speaks(peer, protocols, listener)
    libp2p.addEventListener('peer:identify', ({ detail }) => identified(detail.peerId, detail.protocols), { signal })
    for (const { id } of this.all) void this.#takeOver(id, listener)
  }

  /** Each once, however many connections it has. */
  get all(): Connected[] {
    const peers = new Map<string, Connection>()
    for (const connection of this.#parts.libp2p.getConnections())
      peers.set(connection.remotePeer.toString(), connection)
    return Array.from(peers, ([key, connection]) => this.#contact(key, connection))
  }

  [Symbol.dispose](): void {
    this.#stop.abort()
  }

  /** Somebody came before we listened: what it speaks is not told again. */
  async #takeOver(peer: PeerId, listener: ContactListener): Promise<void> {
    this.#came(peer, listener)
    try {
      const { protocols } = await this.#parts.libp2p.peerStore.get(peer)
      if (protocols.length > 0 && !this.#spoken.has(peer.toString())) this.#speaks(peer, protocols, listener)
    } catch (error) {
      this.#parts.log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'protocols of a peer not known')
    }
  }

  #came(peer: PeerId, listener: ContactListener): void {
    this.#since.set(peer.toString(), this.#parts.clock())
    listener.came(peer)
  }

  #went(peer: string, listener: ContactListener): void {
    this.#since.delete(peer)
    this.#spoken.delete(peer)
    listener.went(peer)
  }

  #speaks(peer: PeerId, protocols: readonly string[], listener: ContactListener): void {
    if (!this.#since.has(peer.toString())) return
    this.#spoken.set(peer.toString(), new Set(protocols))
    listener.told()
  }

  #contact(key: string, { remotePeer, remoteAddr, direction }: Connection): Connected {
    const { protocols, pool, shardsOf, clock } = this.#parts
    const spoken = this.#spoken.get(key)
    const record = pool.get(remotePeer)
    const speaks = (ids: readonly string[]) => ids.some((id) => spoken?.has(id))
    const names = Object.keys(protocols.services) as WantedService[]
    return {
      key,
      id: remotePeer,
      outbound: direction === 'outbound',
      relays: spoken === undefined ? undefined : speaks(protocols.relay),
      shards: shardsOf(key) ?? record?.shards?.shards,
      services: new Set<Capability>(names.filter((name) => speaks(protocols.services[name]))),
      since: this.#since.get(key) ?? clock(),
      subnet: subnetOfHost(hostOf(remoteAddr)),
    }
  }
}
