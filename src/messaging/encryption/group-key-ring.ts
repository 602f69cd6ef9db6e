/**
 * The keys of one group as a member has them. Written is by the newest, read by whichever a message names. One that another has
 * followed stays for what comes late, is forgotten then, and not taken again. A value, as the ratchets in it are.
 */
import { inspect } from 'node:util'
import type { Milliseconds } from '../../core/time.ts'
import { sameBytes } from '../keys.ts'
import { bytes, field, message, repeated, uint32, uint64 } from '../schema.ts'
import { readStored } from '../stored.ts'
import type { GroupKey } from './group-key.ts'
import {
  type GroupSealed,
  HashRatchet,
  type HashRatchetOpened,
  type HashRatchetRefusal,
  type UnderGroupKey,
} from './hash-ratchet.ts'

/** Keys of one group: the oldest make room. */
export const maxGroupKeysHeld = 64

/** How long a key is kept after another has followed it. */
export const lateFor: Milliseconds = 48 * 60 * 60 * 1000

interface Held {
  /** Of the key, in milliseconds: keys follow each other by it. */
  readonly timestamp: bigint
  readonly ratchet: HashRatchet
  /** When we had a later key; 0 while we have none. */
  readonly followedAt: Milliseconds
}

interface GroupKeyRingState {
  /** The newest first. */
  readonly held: readonly Held[]
  /** The timestamp of the latest key that was forgotten. */
  readonly forgotten: bigint
}

export type GroupOpened =
  | { readonly opened: true; readonly plaintext: Uint8Array; readonly next: GroupKeyRing }
  | { readonly opened: false; readonly why: HashRatchetRefusal | 'no key' }

const version = 1
const heldTable = message('a key of a group', {
  timestamp: field(1, uint64),
  ratchet: field(2, bytes()),
  followedAt: field(3, uint64),
})
const table = message('the keys of a group', {
  version: field(1, uint32),
  held: repeated(2, heldTable, maxGroupKeysHeld),
  forgotten: field(3, uint64),
})

export class GroupKeyRing {
  readonly #state: GroupKeyRingState

  private constructor(state: GroupKeyRingState) {
    this.#state = state
  }

  /** Before the first key. */
  static empty(): GroupKeyRing {
    return new GroupKeyRing({ held: [], forgotten: 0n })
  }

  /** Reads what `toBytes` gave. Throws `session/unreadable`. */
  static fromBytes(stored: Uint8Array): GroupKeyRing {
    const { held, forgotten } = readStored(table, version, stored)
    const read = held.map(({ timestamp, ratchet, followedAt }) => {
      return { timestamp, ratchet: HashRatchet.fromBytes(ratchet), followedAt: Number(followedAt) }
    })
    return new GroupKeyRing({ held: read, forgotten })
  }

  /** The form on disk: it has the secrets. */
  toBytes(): Uint8Array {
    const held = this.#state.held.map(({ timestamp, ratchet, followedAt }) => {
      return { timestamp, ratchet: ratchet.toBytes(), followedAt: BigInt(Math.floor(followedAt)) }
    })
    return table.encode({ version, held, forgotten: this.#state.forgotten })
  }

  /** When the oldest and the newest key were made, by the clock of their owner; undefined without keys. */
  get span(): { readonly oldest: Milliseconds; readonly newest: Milliseconds } | undefined {
    const [newest, oldest] = [this.#state.held[0], this.#state.held.at(-1)]
    return newest && oldest && { oldest: Number(oldest.timestamp), newest: Number(newest.timestamp) }
  }

  /** Messages under the newest key, as far as we know. */
  get sequence(): number {
    return this.#state.held[0]?.ratchet.sequence ?? 0
  }

  has(keyId: Uint8Array): boolean {
    return this.#find(keyId) !== undefined
  }

  #find(keyId: Uint8Array): Held | undefined {
    return this.#state.held.find(({ ratchet }) => sameBytes(ratchet.keyId, keyId))
  }

  /** With a key that came at `now`; the same ring where it is there, or older than what was forgotten. */
  take(key: GroupKey, now: Milliseconds): GroupKeyRing {
    const { held, forgotten } = this.#state
    if (this.has(key.id) || key.timestamp <= forgotten) return this
    const taken: Held = { timestamp: key.timestamp, ratchet: HashRatchet.of(key), followedAt: 0 }
    const [newest, ...others] = [...held, taken].toSorted((one, other) => (one.timestamp < other.timestamp ? 1 : -1))
    const followed = others.map((one) => ({ ...one, followedAt: one.followedAt || now }))
    return new GroupKeyRing({ held: newest ? [newest, ...followed] : [], forgotten }).at(now)
  }

  /** As it is at `now`: without what is past its time. */
  at(now: Milliseconds): GroupKeyRing {
    return this.#forget(
      ({ followedAt }, place) => place >= maxGroupKeysHeld || (followedAt > 0 && followedAt + lateFor <= now),
    )
  }

  /** Without any key: those that come must be later. */
  emptied(): GroupKeyRing {
    return this.#forget(() => true)
  }

  #forget(isGone: (held: Held, place: number) => boolean): GroupKeyRing {
    const gone = this.#state.held.filter(isGone)
    if (gone.length === 0) return this
    const held = this.#state.held.filter((one) => !gone.includes(one))
    const forgotten = gone.reduce(
      (latest, { timestamp }) => (timestamp > latest ? timestamp : latest),
      this.#state.forgotten,
    )
    return new GroupKeyRing({ held, forgotten })
  }

  /** `plaintext` under the newest key; undefined without keys. Keep `next` before `message` goes out. */
  encrypt(plaintext: Uint8Array): { message: GroupSealed; next: GroupKeyRing } | undefined {
    const [newest] = this.#state.held
    if (newest === undefined) return undefined
    const { message: sealed, next } = newest.ratchet.encrypt(plaintext)
    return { message: sealed, next: this.#moved(newest, next) }
  }

  /** What a member wrote. */
  decrypt(sealed: UnderGroupKey): GroupOpened {
    const held = sealed.hashRatchet && this.#find(sealed.hashRatchet.keyId)
    if (held === undefined) return { opened: false, why: 'no key' }
    const result: HashRatchetOpened = held.ratchet.decrypt(sealed)
    return result.opened ? { ...result, next: this.#moved(held, result.next) } : result
  }

  #moved(held: Held, ratchet: HashRatchet): GroupKeyRing {
    if (ratchet === held.ratchet) return this
    const moved = this.#state.held.map((one) => (one === held ? { ...one, ratchet } : one))
    return new GroupKeyRing({ ...this.#state, held: moved })
  }

  toJSON(): { keys: number } {
    return { keys: this.#state.held.length }
  }

  [inspect.custom](): string {
    return `GroupKeyRing ${JSON.stringify(this)}`
  }
}
