/**
 * What is to go out, in rows: written in the transaction that encrypted it, and removed when the network has taken it. A
 * crash sends the same payload again, never another one under the same keys.
 */
import { isWaypostError } from '../../core/errors.ts'
import { decodeMessage, encodeMessage } from '../../core/message.ts'
import { type Clock, distance, type Milliseconds, systemClock, toNanoseconds } from '../../core/time.ts'
import type { Network } from '../network.ts'
import { bytes, field, message, text } from '../schema.ts'
import type { Database, Rows } from '../storage/rows.ts'
import type { Sealed } from './channels.ts'

const table = message('a message on its way out', { pubsubTopic: field(1, text(256)), encoded: field(2, bytes()) })

const prefix = 'outbox/'

/** How old a message may go out under the time at which it was sealed: half of what stores take. */
const freshFor: Milliseconds = 10_000
const digits = 16

/** From when the network took none to the next try. Who comes is told of; who is there with nobody to relay to says no more. */
const pause: Milliseconds = 5000

export interface OutboxParts {
  readonly database: Database
  readonly network: Network
  /** Told of what is not the network's: the disk's. */
  readonly failed: (error: unknown) => void
  readonly clock?: Clock
}

export class Outbox {
  readonly #clock: Clock
  readonly #database: Database
  readonly #network: Network
  readonly #failed: (error: unknown) => void
  #next = 0
  #waiting = 0
  #sending: Promise<void> | undefined
  #isAsked = false
  #dueAt: Milliseconds | undefined

  private constructor({ database, network, failed, clock = systemClock }: OutboxParts) {
    this.#clock = clock
    this.#database = database
    this.#network = network
    this.#failed = failed
  }

  static async load(parts: OutboxParts): Promise<Outbox> {
    const outbox = new Outbox(parts)
    for await (const { key } of parts.database.scan({ prefix })) {
      outbox.#next = Number(key.slice(prefix.length)) + 1
      outbox.#waiting += 1
    }
    return outbox
  }

  /** Messages that the network has not taken. */
  get waiting(): number {
    return this.#waiting
  }

  /** When what the network did not take is to be tried again. */
  get dueAt(): Milliseconds | undefined {
    return this.#dueAt
  }

  put(rows: Rows, { pubsubTopic, encoded }: Sealed): void {
    rows.put(`${prefix}${String(this.#next).padStart(digits, '0')}`, table.encode({ pubsubTopic, encoded }))
    this.#next += 1
    this.#waiting += 1
  }

  /** Sends what waits, the oldest first, until there is none or the network takes none. */
  flush(): Promise<void> {
    // What was put in since the rows were last looked at must not wait for the next call.
    this.#isAsked = true
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async #sendAll(): Promise<void> {
    this.#dueAt = undefined
    try {
      while (this.#isAsked) {
        this.#isAsked = false
        for await (const { key, value } of this.#database.scan({ prefix })) {
          await this.#network.publish(...argumentsOf(value, this.#clock()))
          await this.#database.transaction(async (rows) => rows.remove(key))
          this.#waiting -= 1
        }
      }
    } catch (error) {
      if (isWaypostError(error, 'messaging/no-network')) this.#dueAt = this.#clock() + pause
      else this.#failed(error)
    }
  }
}

/**
 * The payload as it was sealed, under the time of its sending where it waited: stores and relays refuse what seems old, and
 * the time is no part of what is encrypted.
 */
function argumentsOf(stored: Uint8Array, now: Milliseconds): [string, Uint8Array] {
  const { pubsubTopic, encoded } = table.decode(Uint8Array.from(stored))
  const message = decodeMessage(encoded)
  const isFresh = distance(message.timestamp ?? 0n, now) < freshFor
  return [pubsubTopic, isFresh ? encoded : encodeMessage({ ...message, timestamp: toNanoseconds(now) })]
}
