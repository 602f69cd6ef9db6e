/** The peers that must not be grafted in one topic, and until when (gossipsub v1.1, "Prune Backoff"). */
import type { Milliseconds } from '../../../core/time.ts'
import { mesh } from '../params.ts'
import { rememberedBackoffs } from './bounds.ts'

export class Backoffs {
  /** By full peer id: a peer that comes back is still to be left alone. */
  readonly #until = new Map<string, Milliseconds>()

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
    this.#until.delete(peer)
    this.#until.set(peer, longest)
    if (this.#until.size <= rememberedBackoffs) return
    const [oldest] = this.#until.keys()
    if (oldest !== undefined) this.#until.delete(oldest)
  }

  /** Forgets what is over. To be called at each heartbeat. */
  look(now: Milliseconds): void {
    for (const [peer, until] of this.#until) if (until + mesh.heartbeat < now) this.#until.delete(peer)
  }
}
