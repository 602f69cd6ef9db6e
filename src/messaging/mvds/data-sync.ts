/**
 * MVDS in batch mode (status-im/mvds, as status-go runs it): messages to peers are sent again until they are confirmed,
 * and those that come are confirmed, and delivered once.
 *
 * A machine without I/O: `tick()` says what is to be sent, on a clock that it is given; what must survive a restart goes
 * into a store as it changes, and comes back with `restore()`.
 */
import { type Clock, type Milliseconds, systemClock } from '../../core/time.ts'
import type { SyncMessage, SyncPayload } from './payload.ts'
import { PeerSync, type Received, type SyncLimits, syncLimits } from './peer-sync.ts'
import type { PeerName, SyncId, SyncRecord, SyncStore } from './records.ts'
import { freshMilliseconds, type Random } from './schedule.ts'
import type { Totals } from './totals.ts'

/** Peers at the most: above it those are forgotten with whom nothing is on its way, the longest silent first. */
const maxPeers = 10_000

export interface DataSyncOptions {
  readonly store?: SyncStore
  readonly clock?: Clock
  readonly random?: Random
  readonly limits?: Partial<SyncLimits> & { readonly peers?: number }
}

/** A payload to be encrypted for a peer and sent. */
export interface Outgoing {
  readonly peer: PeerName
  readonly payload: SyncPayload
}

export interface SyncTick {
  readonly outgoing: readonly Outgoing[]
  /** Messages that no peer has confirmed in all their sends. */
  readonly abandoned: readonly { readonly peer: PeerName; readonly id: SyncId }[]
}

const noStore: SyncStore = { put: () => {}, remove: () => {} }

export class DataSync {
  readonly #store: SyncStore
  readonly #clock: Clock
  readonly #random: Random
  readonly #limits: SyncLimits
  readonly #maxPeers: number
  readonly #totals: Totals = { pending: 0, pendingBytes: 0, wanted: 0, seen: 0 }
  /** The longest silent first, once they are in order. */
  readonly #peers = new Map<PeerName, PeerSync>()
  #isInOrder = true

  constructor({ store = noStore, clock = systemClock, random = Math.random, limits }: DataSyncOptions = {}) {
    this.#store = store
    this.#clock = clock
    this.#random = random
    this.#limits = { ...syncLimits, ...limits }
    this.#maxPeers = limits?.peers ?? maxPeers
  }

  /** Takes up a row that the store kept, in any order. To be called before anything else. */
  restore(record: SyncRecord): void {
    this.#isInOrder = false
    const peer = this.#peers.get(record.peer) ?? this.#newPeer(record.peer)
    this.#peers.set(record.peer, peer)
    peer.restore(record)
  }

  /** Puts a message on its way and returns its id; undefined when too many are on their way, to the peer or to all. */
  send(peer: PeerName, groupId: Uint8Array, body: Uint8Array): SyncId | undefined {
    const now = this.#clock()
    const message: SyncMessage = { groupId, timestamp: BigInt(Math.floor(now / 1000)), body }
    return this.#peer(peer).queue(message, now)
  }

  /** Takes a payload that came from a peer, known by its keys. */
  receive(peer: PeerName, payload: SyncPayload): Received {
    const received = this.#peer(peer).receive(payload, this.#clock())
    this.#forgetSeen()
    return received
  }

  /** Above the bound of all, who has most of what is remembered loses the oldest. */
  #forgetSeen(): void {
    for (let over = this.#over; over > 0; over = this.#over) {
      const [first, ...others] = this.#peers.values()
      others.reduce((most, one) => (one.seen > most.seen ? one : most), first!).forgetOldest(over)
    }
  }

  get #over(): number {
    return this.#totals.seen - this.#limits.totalSeen
  }

  /** A peer said at `at` that it is online. */
  peerOnline(peer: PeerName, at: Milliseconds): void {
    const now = this.#clock()
    if (now - at < freshMilliseconds) this.#peers.get(peer)?.online(now)
  }

  /** What is due now. To be called every `tickMilliseconds`, or from `dueAt` on. */
  tick(): SyncTick {
    const now = this.#clock()
    const outgoing: Outgoing[] = []
    const abandoned: { peer: PeerName; id: SyncId }[] = []
    for (const [peer, sync] of this.#peers) {
      const due = sync.due(now)
      for (const payload of due.payloads) outgoing.push({ peer, payload })
      for (const id of due.abandoned) abandoned.push({ peer, id })
    }
    return { outgoing, abandoned }
  }

  /** Not before this is anything to be sent; undefined when nothing waits. */
  get dueAt(): Milliseconds | undefined {
    const earliest = Math.min(...[...this.#peers.values()].map(({ dueAt }) => dueAt))
    return earliest === Number.POSITIVE_INFINITY ? undefined : Math.max(earliest, 0)
  }

  /** Messages on their way to a peer. */
  pendingFor(peer: PeerName): number {
    return this.#peers.get(peer)?.pending ?? 0
  }

  /** Forgets a peer and all that is on its way to it. */
  forget(peer: PeerName): void {
    this.#peers.get(peer)?.forget()
    this.#peers.delete(peer)
  }

  #peer(name: PeerName): PeerSync {
    this.#putInOrder()
    const known = this.#peers.get(name)
    this.#peers.delete(name)
    if (known === undefined) this.#makeRoom()
    const peer = known ?? this.#newPeer(name)
    this.#peers.set(name, peer)
    return peer
  }

  #newPeer(name: PeerName): PeerSync {
    return new PeerSync(name, {
      store: this.#store,
      limits: this.#limits,
      random: this.#random,
      totals: this.#totals,
    })
  }

  /** Who was heard last is known from what came of them. */
  #putInOrder(): void {
    if (this.#isInOrder) return
    const rows = [...this.#peers].map(([name, peer]) => ({ name, peer, heardAt: peer.heardAt }))
    rows.sort((a, b) => a.heardAt - b.heardAt || (a.name < b.name ? -1 : 1))
    this.#peers.clear()
    for (const { name, peer } of rows) this.#peers.set(name, peer)
    this.#isInOrder = true
  }

  #makeRoom(): void {
    for (const [name, sync] of this.#peers) {
      if (this.#peers.size < this.#maxPeers) return
      if (sync.isIdle) this.forget(name)
    }
  }
}
