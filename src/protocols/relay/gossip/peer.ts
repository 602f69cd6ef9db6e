/** A peer of the router: who it is, what it follows, and what it has used of what it may do in a heartbeat. */
import type { Milliseconds } from '../../../core/time.ts'
import type { Rank } from '../../../net/links/outgoing.ts'
import { idontwantIds, patience } from './bounds.ts'
import type { Score } from './scores.ts'
import type { Topic } from './topics.ts'

/** The way to a peer: a link of `net`. */
export interface Port {
  /** The full id of the peer. */
  readonly peer: string
  /** True when we dialled it. */
  readonly dialled: boolean
  readonly ip: string | undefined
  /** What our stream to it speaks; undefined while there is none. */
  readonly protocol: string | undefined
  send(frame: Uint8Array, rank: Rank): void
}

/** v1.2 brought IDONTWANT. */
const withIdontwant: ReadonlySet<string | undefined> = new Set(['/meshsub/1.2.0'])

/** v1.1 brought the time for which to stay away after a PRUNE. */
const withoutBackoff: ReadonlySet<string | undefined> = new Set(['/meshsub/1.0.0'])

export class Peer {
  readonly port: Port
  readonly score: Score
  /** The topics that it follows, of those that we may follow. */
  readonly topics = new Set<Topic>()
  /** Topics for which it sent GRAFT while our stream to it was not open: it is answered when it is. */
  readonly asking = new Set<Topic>()
  /**
   * Topics from whose mesh it was pruned since it was in it last, and when it was told so: it is told again when the stream
   * breaks before it can have read that.
   */
  readonly pruned = new Map<Topic, Milliseconds>()
  /** Whether a stream to it was open before. */
  wasOpen = false
  /** RPCs with IHAVE and with IWANT, and ids that it was asked for, in this heartbeat. */
  ihaves = 0
  iwants = 0
  asked = 0
  /** Ids of messages that it has, and since which heartbeat it has said so (v1.2). */
  readonly #has = new Map<string, number>()
  #saidNow = 0

  constructor(port: Port, score: Score) {
    this.port = port
    this.score = score
  }

  get id(): string {
    return this.port.peer
  }

  /** Whether we can talk to it. */
  get isOpen(): boolean {
    return this.port.protocol !== undefined
  }

  get knowsIdontwant(): boolean {
    return withIdontwant.has(this.port.protocol)
  }

  get knowsBackoff(): boolean {
    return !withoutBackoff.has(this.port.protocol)
  }

  /** Ids that it has said it has, and that are not forgotten. */
  get said(): number {
    return this.#has.size
  }

  /** It says that it has a message (IDONTWANT). False when it has said so of too many in this heartbeat. */
  has(id: string, tick: number): boolean {
    if (this.#saidNow >= idontwantIds) return false
    this.#saidNow += 1
    // What is said again goes to the end: `beat` looks no further than the first that is not old.
    this.#has.delete(id)
    this.#has.set(id, tick)
    return true
  }

  /** Whether it wants a message, as far as it has said. */
  wants(id: string): boolean {
    return this.#has.size === 0 || !this.#has.has(id)
  }

  /** Told on a stream that is open for so long since, it knows: a stream that is not read does not stay open. */
  forgetPruned(now: Milliseconds): void {
    if (!this.isOpen) return
    for (const [topic, toldAt] of this.pruned) if (now - toldAt > patience) this.pruned.delete(topic)
  }

  /** A heartbeat: counts begin anew, and what it said `age` heartbeats ago is forgotten. */
  beat(tick: number, age: number): void {
    this.ihaves = 0
    this.iwants = 0
    this.asked = 0
    this.#saidNow = 0
    for (const [id, since] of this.#has) {
      if (tick - since < age) break
      this.#has.delete(id)
    }
  }
}
