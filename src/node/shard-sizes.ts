/** How many bytes of payload each shard carries: the sum, the largest, the mean. */
import type { Envelope } from '../core/envelope.ts'
import { parsePubsubTopic } from '../core/topics.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Taker } from './intake.ts'

interface Sizes {
  messages: number
  total: number
  largest: number
}

/** Takes every message, keeps three figures for each pubsub topic, and nothing else. */
export class ShardSizes implements Taker {
  /** As many as there are topics that this node may follow: nothing else is delivered. */
  readonly #sizes = new Map<string, Sizes>()

  offer({ pubsubTopic, message: { payload } }: Envelope): undefined {
    const sizes = this.#sizes.get(pubsubTopic) ?? { messages: 0, total: 0, largest: 0 }
    sizes.messages += 1
    sizes.total += payload.length
    sizes.largest = Math.max(sizes.largest, payload.length)
    this.#sizes.set(pubsubTopic, sizes)
  }

  put(envelope: Envelope): undefined {
    this.offer(envelope)
  }

  /** Shows the figures of each shard. */
  measure(metrics: Metrics): void {
    for (const [topic, { messages, total, largest }] of this.#sizes) {
      const shard = parsePubsubTopic(topic)?.shard
      if (shard === undefined) continue
      metrics.waku_relay_total_msg_bytes_per_shard.set({ shard }, total)
      metrics.waku_relay_max_msg_bytes_per_shard.set({ shard }, largest)
      metrics.waku_relay_avg_msg_bytes_per_shard.set({ shard }, total / messages)
    }
  }
}
