/** The peers that must not be grafted in one topic, and until when (gossipsub v1.1, "Prune Backoff"). */
import type { Milliseconds } from '../../../core/time.ts'
import { mesh } from '../params.ts'
import { rememberedBackoffs } from './bounds.ts'

export class Backoffs {
  /** By full peer id: a peer that comes back is still to be left alone. */
  readonly #until = new Map<string, Milliseconds>()
  /** The same by the heartbeat at which they are over: at each, only those are looked at. */
  readonly #due = new Map<number, Set<string>>()
  #looked = 0

  get size(): number {
    return this.#until.size
  }

  /** Until when; undefined when nothing is remembered. */
  until(peer: string): Milliseconds | undefined {
    return this.#until.get(peer)
  }

  /** Whether the peer must be left alone, a heartbeat longer than was said, since clocks and ways differ. */
  has(peer: string): boolean {
    return this.#until.has(peer)
  }

  /** Leaves the peer alone until then, or longer when that was said before. */
  add(peer: string, until: Milliseconds): void {
    const longest = Math.max(until, this.#until.get(peer) ?? 0)
    this.#forget(peer)
    this.#keep(peer, longest)
    if (this.#until.size <= rememberedBackoffs) return
    const [oldest] = this.#until.keys()
    if (oldest !== undefined) this.#forget(oldest)
  }

  /** Leaves the peer alone until then at the most. */
  shorten(peer: string, until: Milliseconds): void {
    if ((this.#until.get(peer) ?? 0) <= until) return
    this.#forget(peer)
    this.#keep(peer, until)
  }

  /** Forgets what is over. To be called at each heartbeat. */
  look(now: Milliseconds): void {
    const beat = beatOf(now)
    if (beat === this.#looked) return
    this.#looked = beat
    for (const [due, peers] of this.#due) if (due < beat) for (const peer of peers) this.#forget(peer)
  }

  #keep(peer: string, until: Milliseconds): void {
    const due = beatOf(until + mesh.heartbeat)
    const peers = this.#due.get(due) ?? new Set()
    this.#due.set(due, peers.add(peer))
    this.#until.set(peer, until)
  }

  #forget(peer: string): void {
    const until = this.#until.get(peer)
    if (until === undefined) return
    const due = beatOf(until + mesh.heartbeat)
    const peers = this.#due.get(due)
    peers?.delete(peer)
    if (peers?.size === 0) this.#due.delete(due)
    this.#until.delete(peer)
  }
}

function beatOf(time: Milliseconds): number {
  return Math.floor(time / mesh.heartbeat)
}
