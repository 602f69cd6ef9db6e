/**
 * The prekeys of this device. One is handed out for a day, and kept for a month more, for messages that were written with it and come
 * late; then it is forgotten, and with it what opens first messages that somebody recorded. A clock that was ahead and is set right
 * delays neither: what was made ahead of the time counts as made at that time, and the next prekey is handed out at once.
 *
 * A `PrekeyRing` is a value: to turn it gives the next one.
 */
import { inspect } from 'node:util'
import { KeyPair, sameBytes, secretKeyBytes } from '../keys.ts'
import { bytes, field, int64, message, repeated, uint32 } from '../schema.ts'
import { readStored, unreadable } from '../stored.ts'
import { prekeyProtocolVersion } from './bundle.ts'
import type { SignedPrekey } from './protocol-message.ts'

const day = 24n * 60n * 60n * 1_000_000_000n

/** Nanoseconds for which a prekey is handed out (status-go). */
export const prekeyLifetime = day

/** Nanoseconds for which it is kept after that. A store may hold a message for a month; status-go keeps prekeys for ever. */
export const prekeyGrace = 31n * day

/** Prekeys of a ring: one a day through the grace, with room for clocks that were set. */
const maxPrekeys = 64

/** As in status-go, where 0 is a device that was never seen. */
const firstVersion = 1

interface OwnPrekey {
  readonly pair: KeyPair
  /** Counts up from 1. */
  readonly version: number
  /** Nanoseconds. The one before it was handed out until then. */
  readonly madeAt: bigint
}

const version = 1
const ringTable = message('the prekeys of a device', {
  version: field(1, uint32),
  prekeys: repeated(
    2,
    message('a prekey of a device', {
      secret: field(1, bytes(secretKeyBytes)),
      version: field(2, uint32),
      madeAt: field(3, int64),
    }),
    maxPrekeys,
  ),
})

export class PrekeyRing {
  /** The newest first; one at least. */
  readonly #prekeys: readonly OwnPrekey[]

  private constructor(prekeys: readonly OwnPrekey[]) {
    this.#prekeys = prekeys
  }

  /** A ring with its first prekey. `now` in nanoseconds. */
  static create(now: bigint): PrekeyRing {
    return new PrekeyRing([nextPrekey(firstVersion, now)])
  }

  /** Reads what `toBytes` gave. Throws `session/unreadable`. */
  static fromBytes(stored: Uint8Array): PrekeyRing {
    const { prekeys } = readStored(ringTable, version, stored)
    if (prekeys.length === 0) throw unreadable('there are no prekeys')
    try {
      return new PrekeyRing(prekeys.map(({ secret, ...rest }) => ({ ...rest, pair: KeyPair.fromSecret(secret) })))
    } catch {
      throw unreadable('a prekey is damaged')
    }
  }

  /** The form on disk: it has every secret of the ring. */
  toBytes(): Uint8Array {
    const prekeys = this.#prekeys.map(({ pair, ...rest }) => ({ ...rest, secret: pair.secretBytes() }))
    return ringTable.encode({ version, prekeys })
  }

  /**
   * The ring as it has to be at `now`: a new prekey where the newest is a day old, or was made by a clock that was ahead, and none
   * that is past its grace.
   */
  turn(now: bigint): PrekeyRing {
    const { version, madeAt } = this.#newest
    const isDue = now < madeAt || now - madeAt >= prekeyLifetime
    const prekeys = isDue
      ? [nextPrekey(version + 1, now), ...this.#prekeys.map((one) => madeBy(one, now))]
      : this.#prekeys
    // Each was handed out until the one before it in the list was made.
    const kept = prekeys.filter((_, index) => now - (prekeys[index - 1]?.madeAt ?? now) < prekeyGrace)
    return isDue || kept.length < prekeys.length ? new PrekeyRing(kept.slice(0, maxPrekeys)) : this
  }

  /** What others are told of the newest. */
  get current(): SignedPrekey {
    const { pair, version } = this.#newest
    return { key: pair.publicKey, version, protocolVersion: prekeyProtocolVersion }
  }

  /** The pair whose public key somebody used; undefined where it is not ours, or was forgotten. */
  find(prekey: Uint8Array): KeyPair | undefined {
    return this.#prekeys.find(({ pair }) => sameBytes(pair.publicKey, prekey))?.pair
  }

  get size(): number {
    return this.#prekeys.length
  }

  get #newest(): OwnPrekey {
    // A ring is made with one, and the newest is never dropped.
    return this.#prekeys[0]!
  }

  toJSON(): { size: number } {
    return { size: this.size }
  }

  [inspect.custom](): string {
    return `PrekeyRing of ${this.size}`
  }
}

function nextPrekey(version: number, madeAt: bigint): OwnPrekey {
  return { pair: KeyPair.generate(), version, madeAt }
}

function madeBy(prekey: OwnPrekey, now: bigint): OwnPrekey {
  return prekey.madeAt > now ? { ...prekey, madeAt: now } : prekey
}
