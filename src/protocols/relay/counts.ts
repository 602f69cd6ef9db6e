/** What relay counts of every message. The topics are those that the node may follow, so there are few. */
import type { Verdict } from '../../core/validator.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Tally } from '../../telemetry/tally.ts'

/** Bytes over the network, by topic: `gross` with duplicates, `net` without. */
export class NetworkBytes {
  readonly #metric: Metrics['waku_relay_network_bytes_total']
  readonly #labels: { readonly type: 'gross' | 'net'; readonly direction: 'in' | 'out' }
  readonly #tallies = new Map<string, Tally>()

  constructor({ waku_relay_network_bytes_total: metric }: Metrics, type: 'gross' | 'net', direction: 'in' | 'out') {
    this.#metric = metric
    this.#labels = { type, direction }
  }

  /** As nwaku counts: a message of `length` bytes, and its topic, `copies` times. */
  add(topic: string, length: number, copies = 1): void {
    this.#tally(topic).add(copies * (length + topic.length))
  }

  #tally(topic: string): Tally {
    const known = this.#tallies.get(topic)
    if (known !== undefined) return known
    const tally = this.#metric.tally({ topic, ...this.#labels })
    this.#tallies.set(topic, tally)
    return tally
  }
}

/** Verdicts on what peers sent. */
export class VerdictCounts {
  readonly #tallies: Readonly<Record<Verdict['result'], readonly [Tally, Tally]>>

  constructor(metrics: Metrics) {
    const { waypost_relay_verdicts_total: verdicts } = metrics
    // The second of each is the same under the name of nim-libp2p.
    this.#tallies = {
      accept: [verdicts.tally({ result: 'accept' }), metrics.libp2p_pubsub_validation_success_total.tally()],
      ignore: [verdicts.tally({ result: 'ignore' }), metrics.libp2p_pubsub_validation_ignore_total.tally()],
      reject: [verdicts.tally({ result: 'reject' }), metrics.libp2p_pubsub_validation_failure_total.tally()],
    }
  }

  add({ result }: Verdict): void {
    const [ours, theirs] = this.#tallies[result]
    ours.add()
    theirs.add()
  }
}
