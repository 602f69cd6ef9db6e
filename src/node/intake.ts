/**
 * A valid envelope goes to each taker: archive, filter subscribers, caches. Gossip waits for none of them; a client
 * that published waits until each has it, for a limited time.
 */
import type { Envelope } from '../core/envelope.ts'
import { messageOf } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** Takes an envelope at once and does not throw. What must still happen (a disk write) is the promise it returns. */
export type Taker = (envelope: Envelope) => Promise<unknown> | undefined

export type Source = 'relay' | 'lightpush' | 'rest'

export interface IntakeParts {
  readonly takers: readonly Taker[]
  readonly metrics: Metrics
  readonly log: Log
  /** How long a publisher waits for the takers. */
  readonly settleTimeout: Milliseconds
}

const bytesPerKilobyte = 1000

export class Intake {
  readonly #parts: IntakeParts

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Hands over a message from gossip. */
  deliver(envelope: Envelope): void {
    this.#count(envelope, 'relay')
    for (const take of this.#parts.takers) take(envelope)?.catch((error) => this.#failed(error))
  }

  /** Hands over a client's message and settles when the takers have it, one of them failed, or the time is up. */
  async deliverSettled(envelope: Envelope, source: Source): Promise<void> {
    this.#count(envelope, source)
    const { takers, settleTimeout } = this.#parts
    const pending = takers.map((take) => take(envelope)?.catch((error) => this.#failed(error)))
    await settledWithin(pending, settleTimeout)
  }

  #count({ message }: Envelope, type: Source): void {
    const { metrics } = this.#parts
    metrics.waku_node_messages_total.inc({ type })
    metrics.waku_histogram_message_size.observe(message.payload.length / bytesPerKilobyte)
  }

  #failed(error: unknown): void {
    this.#parts.log.debug({ reason: messageOf(error) }, 'message not taken')
  }
}

async function settledWithin(pending: readonly unknown[], limit: Milliseconds): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limit)
  void Promise.allSettled(pending).then(() => resolve())
  await promise
  clearTimeout(timer)
}
