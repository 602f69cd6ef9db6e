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
  /** The longest silent first. */
  readonly #peers = new Map<PeerName, PeerSync>()

  constructor({ store = noStore, clock = systemClock, random = Math.random, limits }: DataSyncOptions = {}) {
    this.#store = store
    this.#clock = clock
    this.#random = random
    this.#limits = { ...syncLimits, ...limits }
    this.#maxPeers = limits?.peers ?? maxPeers
  }

  /** Takes up a row that the store kept. To be called before anything else. */
  restore(record: SyncRecord): void {
    this.#peer(record.peer).restore(record)
  }

  /** Puts a message on its way and returns its id; undefined when too many are on their way to the peer. */
  send(peer: PeerName, groupId: Uint8Array, body: Uint8Array): SyncId | undefined {
    const now = this.#clock()
    const message: SyncMessage = { groupId, timestamp: BigInt(Math.floor(now / 1000)), body }
    return this.#peer(peer).queue(message, now)
  }

  /** Takes a payload that came from a peer, known by its keys. */
  receive(peer: PeerName, payload: SyncPayload): Received {
    return this.#peer(peer).receive(payload, this.#clock())
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
    const known = this.#peers.get(name)
    const sync = known ?? new PeerSync(name, { store: this.#store, limits: this.#limits, random: this.#random })
    this.#peers.delete(name)
    if (known === undefined) this.#makeRoom()
    this.#peers.set(name, sync)
    return sync
  }

  #makeRoom(): void {
    for (const [name, sync] of this.#peers) {
      if (this.#peers.size < this.#maxPeers) return
      if (sync.isIdle) this.forget(name)
    }
  }
}
