/** The registrations at a rendezvous point: bounded, each for a time. Pure but for its clock. */
import type { Clock, Milliseconds } from '../../core/time.ts'
import type { Cookie, Registration } from './codec.ts'
import type { BoardLimits } from './limits.ts'

interface Registered {
  /** Grows: what was registered, or renewed, later has a higher one. */
  readonly number: bigint
  readonly peer: string
  /** The network that it came from; undefined where no share applies. */
  readonly subnet: string | undefined
  readonly namespace: string
  readonly record: Uint8Array
  readonly expiresAt: Milliseconds
}

/** Who registers. */
export interface Registrant {
  readonly peer: string
  /** The public network that it comes from; undefined on a private one, which is its owner's. */
  readonly subnet: string | undefined
}

/** Why a registration is not taken. */
export type Refusal = 'full' | 'peer' | 'subnet'

export interface Wanted {
  readonly namespace: string | undefined
  readonly limit: number | undefined
  readonly cookie: Cookie | undefined
}

export class Board {
  readonly #limits: BoardLimits
  readonly #clock: Clock
  readonly #random: () => number
  /** By namespace and peer, in the order of their numbers. */
  readonly #registered = new Map<string, Registered>()
  #last = 0n

  /** `random`: from 0 up to, not including, 1. */
  constructor(limits: BoardLimits, clock: Clock, random: () => number = Math.random) {
    this.#limits = limits
    this.#clock = clock
    this.#random = random
  }

  get size(): number {
    this.#forgetExpired()
    return this.#registered.size
  }

  /**
   * Takes a registration, or renews it; a refusal says why it does not: the peer has as many as it may, its network has
   * its share of the namespace, or the board is full, and nobody has more there than this one. Else whoever has most makes
   * room: a few who fill the board keep nobody out.
   */
  put(from: Registrant, { namespace, record }: Registration, ttl: Milliseconds): Refusal | undefined {
    this.#forgetExpired()
    const { peer } = from
    const key = keyOf(namespace, peer)
    const refused = this.#registered.has(key) ? undefined : this.#refusal(from, namespace)
    if (refused !== undefined) return refused
    this.#last += 1n
    this.#registered.delete(key)
    // The frame goes on to be somebody else's memory.
    const kept = { ...from, namespace, record: Uint8Array.from(record) }
    this.#registered.set(key, { ...kept, number: this.#last, expiresAt: this.#clock() + ttl })
    return undefined
  }

  remove(peer: string, namespace: string): void {
    this.#registered.delete(keyOf(namespace, peer))
  }

  /**
   * The registrations that are wanted, and the cookie by which one goes on. The first page begins at a random one, and the
   * pages go round from there, so that whoever registers many, early and for long, stands before nobody.
   */
  find({ namespace, limit, cookie }: Wanted): { registrations: Registration[]; cookie: Cookie } {
    this.#forgetExpired()
    const { answers, answerBytes } = this.#limits
    const most = Math.min(limit ?? answers, answers)
    const wanted = [...this.#registered.values()].filter(
      (one) => namespace === undefined || one.namespace === namespace,
    )
    // Of another namespace it says nothing: libp2p.
    const { round, next } = cookie?.namespace === namespace && cookie ? cookie : this.#begin(wanted)
    const page = inOrder(wanted, round).filter(({ place }) => place >= next)
    let bytes = 0
    let after = next
    const registrations: Registration[] = []
    for (const { place, one } of page) {
      bytes += one.record.length + one.namespace.length
      if (registrations.length >= most || bytes > answerBytes) break
      registrations.push(this.#shown(one))
      after = place + 1n
    }
    return { registrations, cookie: { round, next: after, namespace } }
  }

  #begin(wanted: readonly Registered[]): Pick<Cookie, 'round' | 'next'> {
    const first = wanted[Math.floor(this.#random() * wanted.length)]?.number ?? 1n
    return { round: { first, last: this.#last }, next: 0n }
  }

  #shown({ namespace, record, expiresAt }: Registered): Registration {
    return { namespace, record, ttl: Math.max(1, Math.floor((expiresAt - this.#clock()) / 1000)) }
  }

  /** Why somebody new does not come under `namespace`; where there is no reason, there is room for it. */
  #refusal({ peer, subnet }: Registrant, namespace: string): Refusal | undefined {
    const { perPeer, perSubnet, registrations } = this.#limits
    const all = [...this.#registered.values()]
    const neighbours = all.filter((one) => one.subnet === subnet)
    if (all.filter((one) => one.peer === peer).length >= perPeer) return 'peer'
    const inShare = neighbours.filter((one) => one.namespace === namespace).length
    if (subnet !== undefined && inShare >= perSubnet) return 'subnet'
    if (all.length < registrations) return undefined
    const has = all.filter((one) => ownerOf(one) === ownerOf({ peer, subnet })).length
    return this.#makeRoom(has + 1) ? undefined : 'full'
  }

  /** Takes the oldest registration of the network or peer that has most, if those are more than `count`. */
  #makeRoom(count: number): boolean {
    const byOwner = Map.groupBy(this.#registered, ([, one]) => ownerOf(one)).values()
    const most = [...byOwner].reduce((one, other) => (other.length > one.length ? other : one), [])
    const [oldest] = most
    return oldest !== undefined && most.length > count && this.#registered.delete(oldest[0])
  }

  #forgetExpired(): void {
    const now = this.#clock()
    for (const [key, { expiresAt }] of this.#registered) if (expiresAt <= now) this.#registered.delete(key)
  }
}

/** Ids cost nothing, a network does. */
function ownerOf({ peer, subnet }: Registrant): string {
  return subnet ?? peer
}

/** Each with its place in a round: from its first one to those that were last when it began, those before it, and later ones. */
function inOrder(all: readonly Registered[], { first, last }: Cookie['round']): { place: bigint; one: Registered }[] {
  const placeOf = (number: bigint): bigint =>
    number > last ? number : number >= first ? number - first : number + last - first
  const placed = all.map((one) => ({ place: placeOf(one.number), one }))
  return placed.sort((one, other) => (one.place < other.place ? -1 : 1))
}

function keyOf(namespace: string, peer: string): string {
  return `${peer} ${namespace}`
}
