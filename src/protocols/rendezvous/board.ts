/** The registrations at a rendezvous point: bounded, each for a time. Pure but for its clock. */
import type { Clock, Milliseconds } from '../../core/time.ts'
import type { Cookie, Registration } from './codec.ts'
import type { BoardLimits } from './limits.ts'

interface Registered {
  /** Grows: what was registered, or renewed, later has a higher one. */
  readonly number: bigint
  readonly peer: string
  readonly namespace: string
  readonly record: Uint8Array
  readonly expiresAt: Milliseconds
}

export interface Wanted {
  readonly namespace: string | undefined
  readonly limit: number | undefined
  readonly cookie: Cookie | undefined
}

export class Board {
  readonly #limits: BoardLimits
  readonly #clock: Clock
  /** By namespace and peer, in the order of their numbers. */
  readonly #registered = new Map<string, Registered>()
  #last = 0n

  constructor(limits: BoardLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  get size(): number {
    this.#forgetExpired()
    return this.#registered.size
  }

  /**
   * Takes a registration, or renews it. False: the peer has as many as it may; undefined: the board is full, and nobody
   * has more than it. Else whoever has most makes room: a few who fill the board keep nobody out.
   */
  put(peer: string, { namespace, record }: Registration, ttl: Milliseconds): boolean | undefined {
    this.#forgetExpired()
    const key = keyOf(namespace, peer)
    const isNew = !this.#registered.has(key)
    const isFull = isNew && this.#registered.size >= this.#limits.registrations
    if (isNew && this.#count(peer) >= this.#limits.perPeer) return false
    if (isFull && !this.#makeRoom(this.#count(peer) + 1)) return undefined
    this.#last += 1n
    this.#registered.delete(key)
    // The frame goes on to be somebody else's memory.
    const kept = { peer, namespace, record: Uint8Array.from(record) }
    this.#registered.set(key, { ...kept, number: this.#last, expiresAt: this.#clock() + ttl })
    return true
  }

  remove(peer: string, namespace: string): void {
    this.#registered.delete(keyOf(namespace, peer))
  }

  /** The registrations that are wanted, the oldest first, and the cookie by which one goes on. */
  find({ namespace, limit, cookie }: Wanted): { registrations: Registration[]; cookie: Cookie } {
    this.#forgetExpired()
    const { answers, answerBytes } = this.#limits
    const most = Math.min(limit ?? answers, answers)
    // Of another namespace it says nothing: libp2p.
    let after = cookie?.namespace === namespace ? (cookie?.after ?? 0n) : 0n
    let bytes = 0
    const registrations: Registration[] = []
    for (const found of this.#registered.values()) {
      if (found.number <= after || (namespace !== undefined && found.namespace !== namespace)) continue
      bytes += found.record.length + found.namespace.length
      if (registrations.length >= most || bytes > answerBytes) break
      registrations.push(this.#shown(found))
      after = found.number
    }
    return { registrations, cookie: { after, namespace } }
  }

  #shown({ namespace, record, expiresAt }: Registered): Registration {
    return { namespace, record, ttl: Math.max(1, Math.floor((expiresAt - this.#clock()) / 1000)) }
  }

  /** Takes the oldest registration of the peer that has most, if those are more than `count`. */
  #makeRoom(count: number): boolean {
    const byPeer = Map.groupBy(this.#registered, ([, { peer }]) => peer).values()
    const most = [...byPeer].reduce((one, other) => (other.length > one.length ? other : one), [])
    const [oldest] = most
    return oldest !== undefined && most.length > count && this.#registered.delete(oldest[0])
  }

  #count(peer: string): number {
    let count = 0
    for (const registered of this.#registered.values()) if (registered.peer === peer) count += 1
    return count
  }

  #forgetExpired(): void {
    const now = this.#clock()
    for (const [key, { expiresAt }] of this.#registered) if (expiresAt <= now) this.#registered.delete(key)
  }
}

function keyOf(namespace: string, peer: string): string {
  return `${peer} ${namespace}`
}
