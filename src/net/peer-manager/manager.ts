/**
 * Keeps the peers that a node needs: enough for each shard that it relays, enough for each service that it uses, dialled
 * from the pool of those that were found; and not so many that strangers fill it. It looks around when something changes
 * and now and then otherwise: each second while peers are missing and there is somebody to dial, twice a minute else.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { messageOf } from '../../core/errors.ts'
import { type Clock, type Milliseconds, type Schedule, systemSchedule } from '../../core/time.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Pooled } from '../discovery/pool.ts'
import { type Candidate, chooseDials, choosePartings, type Guest } from './choice.ts'
import { type Connected, Contacts, type ContactsParts } from './contacts.ts'
import { Decisions } from './decisions.ts'
import type { DialHistory } from './dial-history.ts'
import type { Targets } from './targets.ts'
import { countSubnets, subnetsIn, traitsOf } from './traits.ts'
import { type Contact, type Want, type WantedService, wantsOf } from './wants.ts'

/** Dials at the same time: nwaku's peer manager. */
const parallelDials = 10

/** For one dial, from its first packet to the peer's identity: nwaku's. */
const defaultDialTimeout: Milliseconds = 10_000

/** Between two looks around: while peers are missing, and while none are. */
const shortPause: Milliseconds = 1000
const longPause: Milliseconds = 30_000

/** After a dial for a mesh that is too small: the heartbeat after it shows whether the peer had room. */
const meshPause: Milliseconds = 1500

/** After something has changed: what changes together is looked at together. */
const settlePause: Milliseconds = 50

/** So long a guest may stay whatever it is: it has not joined a mesh yet. */
const guestGrace: Milliseconds = 30_000

/** Dialled peers of one /24 or /48 at the most: a quarter of a mesh cannot be one neighbour's. */
const perSubnet = 4

/** For a peer that we part with to hear of it. */
const closeTimeout: Milliseconds = 2000

export interface PeerManagerParts extends Omit<ContactsParts, 'clock'> {
  /** Started. */
  readonly libp2p: ContactsParts['libp2p'] & Pick<Libp2p, 'dial' | 'hangUp'>
  readonly history: DialHistory
  readonly targets: () => Targets
  /** The shards that we relay now; empty when we do not relay. */
  readonly relayed: () => readonly number[]
  /** Of these, those whose gossip mesh has fewer peers than it needs. */
  readonly thin?: () => readonly number[]
  /** The shards of our network that we follow by any means. */
  readonly shards: () => readonly number[]
  /** Peers wanted for each service. */
  readonly services: ReadonlyMap<WantedService, number>
  readonly score: (peer: string) => number
  /** Peers with which we never part: those in a mesh, and static ones. */
  readonly needed: () => ReadonlySet<string>
  /** Asks for more peers to be found: nobody in the pool fills what is missing. */
  readonly findMore: () => void
  readonly metrics: Metrics
  readonly dialTimeout?: Milliseconds
  readonly schedule?: Schedule
  /** A monotonic clock. */
  readonly clock?: Clock
}

export class PeerManager implements AsyncDisposable {
  readonly decisions: Decisions
  readonly #parts: PeerManagerParts
  readonly #schedule: Schedule
  readonly #clock: Clock
  readonly #contacts: Contacts
  readonly #stop = new AbortController()
  readonly #watching = new DisposableStack()
  /** Dials under way, each with whom it is for. */
  readonly #dialling = new Map<string, { readonly pooled: Pooled; readonly ended: Promise<void> }>()
  readonly #parting = new Set<string>()
  #cancel: () => void = () => {}
  /** Times in a row that nobody could be dialled for what is missing. */
  #fruitless = 0
  #dueAt = Number.POSITIVE_INFINITY
  /** When the size of meshes counts again. */
  #meshesAt = 0

  constructor(parts: PeerManagerParts) {
    this.#parts = parts
    this.#schedule = parts.schedule ?? systemSchedule
    this.#clock = parts.clock ?? (() => performance.now())
    this.#contacts = new Contacts({ ...parts, clock: this.#clock })
    this.decisions = new Decisions(parts.metrics)
  }

  /** Looks around from now on. */
  start(): void {
    this.#watching.use(this.#parts.pool.onFound(() => this.lookSoon()))
    this.#watching.use(this.#contacts)
    this.#contacts.start({
      came: (peer) => this.#came(peer),
      went: (peer) => this.#went(peer),
      told: () => this.lookSoon(),
    })
    this.lookSoon()
  }

  /** Something has changed that it cannot see: shards, targets. */
  lookSoon(): void {
    this.#lookIn(settlePause)
  }

  /** Dials no more; connections stay. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#watching.dispose()
    this.#cancel()
    await Promise.all([...this.#dialling.values()].map(({ ended }) => ended))
  }

  /**
   * Only whom we reached ourselves becomes a friend: whoever comes to us chooses how often, under how many ids and with
   * which addresses, and would choose whom we dial.
   */
  #came(peer: PeerId): void {
    const { history, libp2p } = this.#parts
    const key = peer.toString()
    const isReached = libp2p.getConnections(peer).some(({ direction }) => direction === 'outbound')
    if (isReached || history.isFriend(key)) history.connected(key)
    this.lookSoon()
  }

  #went(peer: string): void {
    this.#parts.history.lost(peer)
    this.#parting.delete(peer)
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
    const connected = this.#contacts.all
    this.#part(connected)
    const dialling = Array.from(
      this.#dialling.values(),
      ({ pooled }): Contact => ({ ...traitsOf(pooled), outbound: true }),
    )
    const needs = { targets: targets(), shards: relayed(), thin: this.#thin(), services }
    const wants = wantsOf(needs, [...connected, ...dialling])
    const missing = Math.max(0, ...wants.map((want) => want.missing))
    metrics.waypost_missing_peers.set(missing)
    const isHungry = missing > 0 && !this.#dialFor(wants, connected)
    this.#fruitless = isHungry ? this.#fruitless + 1 : 0
    this.#lookIn(missing > 0 ? Math.min(longPause, shortPause * 2 ** this.#fruitless) : longPause)
    if (!isHungry && this.#clock() < this.#meshesAt) this.#lookIn(this.#meshesAt - this.#clock())
  }

  /** The shards whose meshes are too small, at most once in a while. */
  #thin(): readonly number[] {
    const now = this.#clock()
    const shards = now < this.#meshesAt ? [] : (this.#parts.thin?.() ?? [])
    if (shards.length > 0) this.#meshesAt = now + meshPause
    return shards
  }

  /** False: nobody in the pool can be dialled for what is missing. */
  #dialFor(wants: readonly Want[], connected: readonly Connected[]): boolean {
    const { shards, findMore } = this.#parts
    const most = parallelDials - this.#dialling.size
    if (most <= 0) return true
    const candidates = this.#candidates(new Set(connected.map(({ key }) => key)))
    const outbound = connected.filter(({ outbound }) => outbound).map(({ subnet }) => subnet)
    const dialled = [...this.#dialling.values()].flatMap(({ pooled }) => subnetsIn(pooled))
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
      found.push({ key, ...traitsOf(pooled), isFriend: history.isFriend(key), subnets: subnetsIn(pooled) })
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
}
