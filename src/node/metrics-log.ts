/** One line of key figures every ten minutes (`--metrics-logging`, nwaku's habit), for logs that nobody has a scraper beside. */

import { messageOf } from '../core/errors.ts'
import { type Milliseconds, type Schedule, systemSchedule } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

const interval: Milliseconds = 10 * 60_000

/** What is told, by the name in the line. */
const figures = {
  peers: 'libp2p_peers',
  messages: 'waku_node_messages_total',
  stored: 'waku_archive_messages',
  storeQueries: 'waku_store_queries_total',
  filterSubscribers: 'waku_filter_subscriptions',
  pushes: 'waypost_filter_pushes_total',
} as const satisfies Record<string, Exclude<keyof Metrics, 'registry'>>

export interface MetricsLogParts {
  readonly metrics: Metrics
  readonly log: Log
  readonly schedule?: Schedule
}

export class MetricsLog implements Disposable {
  readonly #parts: Required<MetricsLogParts>
  #cancel = () => {}

  constructor(parts: MetricsLogParts) {
    this.#parts = { schedule: systemSchedule, ...parts }
    this.#wait()
  }

  [Symbol.dispose](): void {
    this.#cancel()
  }

  #wait(): void {
    this.#cancel = this.#parts.schedule(() => {
      this.#wait()
      this.#tell().catch((error) => this.#parts.log.debug({ reason: messageOf(error) }, 'key figures not told'))
    }, interval)
  }

  async #tell(): Promise<void> {
    const { metrics, log } = this.#parts
    const told = Object.entries(figures).map(async ([name, metric]) => [name, await total(metrics[metric])] as const)
    const memory = process.memoryUsage.rss()
    log.info({ ...Object.fromEntries(await Promise.all(told)), memory }, 'key figures')
  }
}

/** The sum over all its labels. */
async function total(metric: Pick<Metrics['libp2p_peers'], 'get'>): Promise<number> {
  const { values } = await metric.get()
  return values.reduce((sum, { value }) => sum + value, 0)
}
