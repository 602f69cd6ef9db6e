/**
 * A valid envelope goes to each taker: archive, filter subscribers, caches. Gossip waits for none of them; a client
 * that published waits until each has it, for a limited time.
 */
import type { Envelope } from '../core/envelope.ts'
import { messageOf } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Tally } from '../telemetry/tally.ts'

/** Wants each valid message. Neither way throws. */
export interface Taker {
  /** Takes a message from gossip, and waits for nothing. */
  offer(envelope: Envelope): void
  /** Takes a message of a client; settles when it is safe here. Undefined: it is already. */
  put(envelope: Envelope): Promise<unknown> | undefined
}

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
  readonly #counts: Readonly<Record<Source, Tally>>

  constructor(parts: IntakeParts) {
    this.#parts = parts
    const { waku_node_messages_total: messages } = parts.metrics
    this.#counts = {
      relay: messages.tally({ type: 'relay' }),
      lightpush: messages.tally({ type: 'lightpush' }),
      rest: messages.tally({ type: 'rest' }),
    }
  }

  /** Hands over a message from gossip. */
  deliver(envelope: Envelope): void {
    this.#count(envelope, 'relay')
    for (const taker of this.#parts.takers) taker.offer(envelope)
  }

  /** Hands over a client's message and settles when the takers have it, one of them failed, or the time is up. */
  async deliverSettled(envelope: Envelope, source: Source): Promise<void> {
    this.#count(envelope, source)
    const { takers, settleTimeout } = this.#parts
    const pending = takers.map((taker) => taker.put(envelope)?.catch((error) => this.#failed(error)))
    await settledWithin(pending, settleTimeout)
  }

  #count({ message }: Envelope, type: Source): void {
    this.#counts[type].add()
    this.#parts.metrics.waku_histogram_message_size.observe(message.payload.length / bytesPerKilobyte)
  }

  #failed(error: unknown): void {
    this.#parts.log.debug({ reason: messageOf(error) }, 'message of a client not kept')
  }
}

async function settledWithin(pending: readonly unknown[], limit: Milliseconds): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limit)
  void Promise.allSettled(pending).then(() => resolve())
  await promise
  clearTimeout(timer)
}
