/**
 * What is to go out, in rows: written in the transaction that encrypted it, and removed when the network has taken it. A
 * crash sends the same bytes again, never other bytes under the same keys.
 */
import { isWaypostError } from '../../core/errors.ts'
import type { Network } from '../network.ts'
import { bytes, field, message, text } from '../schema.ts'
import type { Database, Rows } from '../storage/rows.ts'
import type { Sealed } from './channels.ts'

const table = message('a message on its way out', { pubsubTopic: field(1, text(256)), encoded: field(2, bytes()) })

const prefix = 'outbox/'
const digits = 16

export class Outbox {
  readonly #database: Database
  readonly #network: Network
  readonly #failed: (error: unknown) => void
  #next = 0
  #waiting = 0
  #sending: Promise<void> | undefined

  private constructor(database: Database, network: Network, failed: (error: unknown) => void) {
    this.#database = database
    this.#network = network
    this.#failed = failed
  }

  /** `failed` is told of what is not the network's: the disk's. */
  static async load(database: Database, network: Network, failed: (error: unknown) => void): Promise<Outbox> {
    const outbox = new Outbox(database, network, failed)
    for await (const { key } of database.scan({ prefix })) {
      outbox.#next = Number(key.slice(prefix.length)) + 1
      outbox.#waiting += 1
    }
    return outbox
  }

  /** Messages that the network has not taken. */
  get waiting(): number {
    return this.#waiting
  }

  put(rows: Rows, { pubsubTopic, encoded }: Sealed): void {
    rows.put(`${prefix}${String(this.#next).padStart(digits, '0')}`, table.encode({ pubsubTopic, encoded }))
    this.#next += 1
    this.#waiting += 1
  }

  /** Sends what waits, the oldest first, until there is none or the network takes none. */
  flush(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async #sendAll(): Promise<void> {
    try {
      for (let sent = 1; sent > 0; ) {
        sent = 0
        for await (const { key, value } of this.#database.scan({ prefix })) {
          await this.#network.publish(...argumentsOf(value))
          await this.#database.transaction(async (rows) => rows.remove(key))
          this.#waiting -= 1
          sent += 1
        }
      }
    } catch (error) {
      // Nobody took it: it is tried again when there is somebody.
      if (!isWaypostError(error) || error.code !== 'messaging/no-network') this.#failed(error)
    }
  }
}

function argumentsOf(stored: Uint8Array): [string, Uint8Array] {
  const { pubsubTopic, encoded } = table.decode(Uint8Array.from(stored))
  return [pubsubTopic, encoded]
}
