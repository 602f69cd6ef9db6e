/**
 * Keeps the peers that a node needs: enough for each shard that it relays, enough for each service that it uses, dialled
 * from the pool of those that were found; and not so many that strangers fill it. It looks around when something changes
 * and now and then otherwise: each second while peers are missing and there is somebody to dial, twice a minute else.
 */
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { messageOf } from '../../core/errors.ts'
import { type Clock, type Milliseconds, type Schedule, systemSchedule } from '../../core/time.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { hostOf } from '../addresses.ts'
import type { Capability } from '../discovery/node-record.ts'
import type { PeerPool, Pooled } from '../discovery/pool.ts'
import { isPrivate, subnetOf } from '../networks.ts'
import { type Candidate, chooseDials, choosePartings, type Guest } from './choice.ts'
import { Decisions } from './decisions.ts'
import type { DialHistory } from './dial-history.ts'
import type { Targets } from './targets.ts'
import { type Contact, type Want, type WantedService, wantsOf } from './wants.ts'

/** Dials at the same time: nwaku's peer manager. */
const parallelDials = 10

/** For one dial, from its first packet to the peer's identity: nwaku's. */
const defaultDialTimeout: Milliseconds = 10_000

/** Between two looks around: while peers are missing, and while none are. */
const shortPause: Milliseconds = 1000
const longPause: Milliseconds = 30_000

/** After something has changed: what changes together is looked at together. */
const settlePause: Milliseconds = 50

/** So long a guest may stay whatever it is: it has not joined a mesh yet. */
const guestGrace: Milliseconds = 30_000

/** Dialled peers of one /24 or /48 at the most: a quarter of a mesh cannot be one neighbour's. */
const perSubnet = 4

/** For a peer that we part with to hear of it. */
const closeTimeout: Milliseconds = 2000

/** The protocols by which a connected peer shows what it does. */
export interface ProtocolsOf {
  readonly relay: readonly string[]
  readonly services: Readonly<Record<WantedService, readonly string[]>>
}

export interface PeerManagerParts {
  /** Started. */
  readonly libp2p: Pick<Libp2p, 'dial' | 'hangUp' | 'getConnections' | 'addEventListener' | 'peerStore'>
  readonly pool: PeerPool
  readonly history: DialHistory
  readonly protocols: ProtocolsOf
  readonly targets: () => Targets
  /** The shards that we relay now; empty when we do not relay. */
  readonly relayed: () => readonly number[]
  /** The shards of our network that we follow by any means. */
  readonly shards: () => readonly number[]
  /** Peers wanted for each service. */
  readonly services: ReadonlyMap<WantedService, number>
  /** What a connected peer says of its shards. */
  readonly shardsOf: (peer: string) => readonly number[] | undefined
  readonly score: (peer: string) => number
  /** Peers with which we never part: those in a mesh, and static ones. */
  readonly needed: () => ReadonlySet<string>
  /** Asks for more peers to be found: nobody in the pool fills what is missing. */
  readonly findMore: () => void
  readonly metrics: Metrics
  readonly log: Log
  readonly dialTimeout?: Milliseconds
  readonly schedule?: Schedule
  /** A monotonic clock. */
  readonly clock?: Clock
}

/** A connected peer. */
interface Connected extends Contact {
  readonly key: string
  readonly id: PeerId
  readonly since: Milliseconds
  readonly subnet: string | undefined
}

export class PeerManager implements AsyncDisposable {
  readonly decisions: Decisions
  readonly #parts: PeerManagerParts
  readonly #schedule: Schedule
  readonly #clock: Clock
  readonly #stop = new AbortController()
  /** By peer id, what it speaks: from identify, at each connection. */
  readonly #spoken = new Map<string, ReadonlySet<string>>()
  readonly #since = new Map<string, Milliseconds>()
  /** Dials under way, each with whom it is for. */
  readonly #dialling = new Map<string, { readonly pooled: Pooled; readonly ended: Promise<void> }>()
  readonly #parting = new Set<string>()
  #cancel: () => void = () => {}
  /** Times in a row that nobody could be dialled for what is missing. */
  #fruitless = 0
  #dueAt = Number.POSITIVE_INFINITY

  constructor(parts: PeerManagerParts) {
    this.#parts = parts
    this.#schedule = parts.schedule ?? systemSchedule
    this.#clock = parts.clock ?? (() => performance.now())
    this.decisions = new Decisions(parts.metrics)
  }

  /** Looks around from now on. */
  start(): void {
    const { libp2p, pool } = this.#parts
    const { signal } = this.#stop
    const listen = (name: 'peer:connect' | 'peer:disconnect', hear: (peer: PeerId) => void): void =>
      libp2p.addEventListener(name, ({ detail }) => hear(detail), { signal })
    listen('peer:connect', (peer) => this.#came(peer))
    listen('peer:disconnect', (peer) => this.#went(peer.toString()))
    libp2p.addEventListener('peer:identify', ({ detail }) => this.#speaks(detail.peerId, detail.protocols), { signal })
    const found = pool.onFound(() => this.lookSoon())
    signal.addEventListener('abort', () => found[Symbol.dispose]())
    for (const { id } of this.#connected()) void this.#takeOver(id)
    this.lookSoon()
  }

  /** Something has changed that it cannot see: shards, targets. */
  lookSoon(): void {
    this.#lookIn(settlePause)
  }

  /** Dials no more; connections stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#cancel()
    await Promise.all([...this.#dialling.values()].map(({ ended }) => ended))
  }

  /** Somebody came before we listened: what it speaks is not told again. */
  async #takeOver(peer: PeerId): Promise<void> {
    this.#came(peer)
    try {
      const { protocols } = await this.#parts.libp2p.peerStore.get(peer)
      if (protocols.length > 0 && !this.#spoken.has(peer.toString())) this.#speaks(peer, protocols)
    } catch (error) {
      this.#parts.log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'protocols of a peer not known')
    }
  }

  /**
   * Only whom we reached ourselves becomes a friend: whoever comes to us chooses how often, under how many ids and with
   * which addresses, and would choose whom we dial.
   */
  #came(peer: PeerId): void {
    const { history, libp2p } = this.#parts
    const key = peer.toString()
    this.#since.set(key, this.#clock())
    const isReached = libp2p.getConnections(peer).some(({ direction }) => direction === 'outbound')
    if (isReached || history.isFriend(key)) history.connected(key)
    this.lookSoon()
  }

  #went(peer: string): void {
    this.#parts.history.lost(peer)
    this.#since.delete(peer)
    this.#spoken.delete(peer)
    this.#parting.delete(peer)
    this.lookSoon()
  }

  #speaks(peer: PeerId, protocols: readonly string[]): void {
    if (!this.#since.has(peer.toString())) return
    this.#spoken.set(peer.toString(), new Set(protocols))
    this.lookSoon()
  }

  #lookIn(pause: Milliseconds): void {
    // Of the schedule, whatever the clock by which peers are judged.
    const at = performance.now() + pause
    if (this.#stop.signal.aborted || at >= this.#dueAt) return
    this.#cancel()
    this.#dueAt = at
    this.#cancel = this.#schedule(() => {
      this.#dueAt = Number.POSITIVE_INFINITY
      this.#look()
    }, pause)
  }

  #look(): void {
    const { targets, relayed, services, metrics } = this.#parts
    const connected = this.#connected()
    this.#part(connected)
    const dialling = Array.from(
      this.#dialling.values(),
      ({ pooled }): Contact => ({ ...traitsOf(pooled), outbound: true }),
    )
    const wants = wantsOf({ targets: targets(), shards: relayed(), services }, [...connected, ...dialling])
    const missing = Math.max(0, ...wants.map((want) => want.missing))
    metrics.waypost_missing_peers.set(missing)
    const isHungry = missing > 0 && !this.#dialFor(wants, connected)
    this.#fruitless = isHungry ? this.#fruitless + 1 : 0
    this.#lookIn(missing > 0 ? Math.min(longPause, shortPause * 2 ** this.#fruitless) : longPause)
  }

  /** False: nobody in the pool can be dialled for what is missing. */
  #dialFor(wants: readonly Want[], connected: readonly Connected[]): boolean {
    const { shards, findMore } = this.#parts
    const most = parallelDials - this.#dialling.size
    if (most <= 0) return true
    const candidates = this.#candidates(new Set(connected.map(({ key }) => key)))
    const outbound = connected.filter(({ outbound }) => outbound).map(({ subnet }) => subnet)
    const dialled = Array.from(this.#dialling.values(), ({ pooled }) => subnetIn(pooled))
    const subnets = countSubnets([...outbound, ...dialled])
    const chosen = chooseDials(candidates, { wants, shards: shards(), most, subnets, perSubnet })
    for (const { key } of chosen) {
      const pooled = this.#parts.pool.get(key)
      if (pooled !== undefined) this.#dial(key, pooled)
    }
    if (chosen.length > 0 || this.#dialling.size > 0) return true
    findMore()
    return false
  }

  /** Those in the pool that are neither connected nor being dialled, and have not failed just now. */
  #candidates(connected: ReadonlySet<string>): Candidate[] {
    const { pool, history } = this.#parts
    const found: Candidate[] = []
    for (const pooled of pool.all) {
      const key = pooled.peerId.toString()
      if (connected.has(key) || this.#dialling.has(key) || history.waitFor(key) > 0) continue
      found.push({ key, ...traitsOf(pooled), isFriend: history.isFriend(key), subnet: subnetIn(pooled) })
    }
    return found
  }

  #dial(key: string, pooled: Pooled): void {
    this.decisions.note('dialled', key, pooled.source)
    const ended = this.#connect(key, pooled).finally(() => {
      this.#dialling.delete(key)
      this.lookSoon()
    })
    this.#dialling.set(key, { pooled, ended })
  }

  async #connect(key: string, { peerId, addresses }: Pooled): Promise<void> {
    const { libp2p, pool, history, metrics, log, dialTimeout = defaultDialTimeout } = this.#parts
    const timeout = AbortSignal.timeout(dialTimeout)
    try {
      await libp2p.dial([...addresses], { signal: AbortSignal.any([this.#stop.signal, timeout]) })
      metrics.waku_peers_dials_total.inc({ outcome: 'successful' })
    } catch (error) {
      if (this.#stop.signal.aborted) return
      metrics.waku_peers_dials_total.inc({ outcome: timeout.aborted ? 'timed out' : 'failed' })
      log.debug({ peer: key, reason: messageOf(error) }, 'peer not reached')
      const isForgotten = history.failed(key)
      this.decisions.note(isForgotten ? 'forgotten' : 'not reached', key)
      if (isForgotten) pool.remove(peerId)
    }
  }

  /**
   * Parts with guests beyond the target, politely: none that is in a mesh. Whoever has just come is not counted yet: he
   * stays for the while that he needs to join one, and pushes out nobody.
   */
  #part(connected: readonly Connected[]): void {
    const { targets, score, needed } = this.#parts
    const young = this.#clock() - guestGrace
    const guests = connected.filter(
      ({ outbound, relays, key, since }) => !outbound && relays === true && since <= young && !this.#parting.has(key),
    )
    const most = targets().relayIn
    if (guests.length <= most) return
    const wanted = needed()
    const judged = guests.map(({ key, since, subnet }): Guest => {
      return { key, since, subnet, score: score(key), isNeeded: wanted.has(key) }
    })
    const byKey = new Map(guests.map((guest) => [guest.key, guest]))
    for (const { key } of choosePartings(judged, most)) this.#hangUp(byKey.get(key)!)
  }

  #hangUp({ key, id }: Connected): void {
    const { libp2p, log } = this.#parts
    this.#parting.add(key)
    this.decisions.note('parted', key)
    libp2p.hangUp(id, { signal: AbortSignal.timeout(closeTimeout) }).catch((error: unknown) => {
      this.#parting.delete(key)
      log.debug({ peer: key, reason: messageOf(error) }, 'peer not disconnected')
    })
  }

  #connected(): Connected[] {
    const peers = new Map<string, Connection>()
    for (const connection of this.#parts.libp2p.getConnections())
      peers.set(connection.remotePeer.toString(), connection)
    return Array.from(peers, ([key, connection]) => this.#contact(key, connection))
  }

  #contact(key: string, { remotePeer, remoteAddr, direction }: Connection): Connected {
    const { protocols, pool, shardsOf } = this.#parts
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
      since: this.#since.get(key) ?? this.#clock(),
      subnet: subnetOfHost(hostOf(remoteAddr)),
    }
  }
}

/** What a record says; where there is none, nothing is known but what somebody saw. */
function traitsOf({ record, source, capabilities, shards }: Pooled): Pick<Candidate, 'relays' | 'shards' | 'services'> {
  const isUnknown = record === undefined && source !== 'connected' && capabilities.size === 0
  const relays = isUnknown ? undefined : capabilities.has('relay')
  return { relays, shards: shards?.shards, services: capabilities }
}

function subnetIn({ addresses }: Pooled): string | undefined {
  return subnetOfHost(addresses.map(hostOf).find((host) => host !== undefined))
}

/** Private networks have a few subnets only, and are their owner's. */
function subnetOfHost(host: string | undefined): string | undefined {
  return host === undefined || isPrivate(host) ? undefined : subnetOf(host)
}

function countSubnets(subnets: readonly (string | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const subnet of subnets) if (subnet !== undefined) counts.set(subnet, (counts.get(subnet) ?? 0) + 1)
  return counts
}
