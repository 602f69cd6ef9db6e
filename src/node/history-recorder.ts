/** Takes a sample of the figures that have a history, every few seconds, from the metrics and from the process. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { messageOf } from '../core/errors.ts'
import { type Clock, type Milliseconds, type Schedule, systemSchedule } from '../core/time.ts'
import { type HistoryFigure, type HistoryOverview, historyFigures, type OverviewQuery } from '../rest/overview.ts'
import { fineRing, History } from '../telemetry/history.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { figure } from './figures.ts'

/** How often the event loop is looked at: the delay that is seen is above this. */
const delayResolution: Milliseconds = 20
const nanosecondsPerMillisecond = 1e6

export interface HistoryRecorderParts {
  readonly metrics: Metrics
  readonly log: Log
  readonly clock: Clock
  /** Milliseconds since any moment; nobody sets it. */
  readonly monotonic?: Clock
  readonly schedule?: Schedule
}

/** Samples until it is disposed of. */
export class HistoryRecorder implements Disposable {
  readonly #parts: HistoryRecorderParts
  readonly #schedule: Schedule
  readonly #monotonic: Clock
  readonly #history = new History(historyFigures)
  readonly #delay = monitorEventLoopDelay({ resolution: delayResolution })
  /** What the counters were at the last sample, and when that was. */
  #before: { readonly at: Milliseconds; readonly counts: Counts } | undefined
  #cancel: () => void
  #stopped = false

  constructor(parts: HistoryRecorderParts) {
    const { schedule = systemSchedule, monotonic = () => performance.now() } = parts
    this.#parts = parts
    this.#schedule = schedule
    this.#monotonic = monotonic
    this.#delay.enable()
    this.#cancel = this.#next()
  }

  read({ range, since }: OverviewQuery): HistoryOverview {
    const { interval, times, values } = this.#history.read(range, Math.max(since, this.#parts.clock() - range))
    const rounded = Object.entries(values).map(([name, column]) => [name, column.map(shorten)])
    // The names are those of the history.
    return { interval, times, values: Object.fromEntries(rounded) as HistoryOverview['values'] }
  }

  [Symbol.dispose](): void {
    this.#stopped = true
    this.#cancel()
    this.#delay.disable()
  }

  #next(): () => void {
    return this.#schedule(() => void this.#sampled(), fineRing.interval)
  }

  async #sampled(): Promise<void> {
    try {
      await this.#sample()
    } catch (error) {
      this.#parts.log.debug({ reason: messageOf(error) }, 'no sample for the history')
    }
    if (!this.#stopped) this.#cancel = this.#next()
  }

  async #sample(): Promise<void> {
    const { metrics, clock } = this.#parts
    const at = this.#monotonic()
    const counts = await readCounts(metrics)
    const seconds = (at - (this.#before?.at ?? Number.NaN)) / 1000
    const rates = mapValues(counts, (count, name) => (count - (this.#before?.counts[name] ?? Number.NaN)) / seconds)
    this.#history.add(clock(), { ...rates, ...(await readAmounts(metrics)), delay: this.#longestDelay() })
    this.#before = { at, counts }
  }

  #longestDelay(): Milliseconds {
    const longest = this.#delay.max / nanosecondsPerMillisecond - delayResolution
    this.#delay.reset()
    return Math.max(0, longest)
  }
}

type CountedFigure = 'relay' | 'lightpush' | 'rest' | 'pushed' | 'storeQueries'
type Counts = Readonly<Record<CountedFigure, number>>

async function readCounts(metrics: Metrics): Promise<Counts> {
  const { waku_node_messages_total: messages, waypost_filter_pushes_total, waku_store_queries_total } = metrics
  return {
    relay: await figure(messages, { type: 'relay' }),
    lightpush: await figure(messages, { type: 'lightpush' }),
    rest: await figure(messages, { type: 'rest' }),
    pushed: await figure(waypost_filter_pushes_total),
    storeQueries: await figure(waku_store_queries_total),
  }
}

type Amounts = Readonly<Record<Exclude<HistoryFigure, CountedFigure | 'delay'>, number>>

async function readAmounts(metrics: Metrics): Promise<Amounts> {
  return {
    peers: await figure(metrics.libp2p_peers),
    subscribers: await figure(metrics.waku_filter_subscriptions),
    storeMessages: await figure(metrics.waku_archive_messages),
    storeBytes: await figure(metrics.waypost_archive_stored_bytes),
    memory: process.memoryUsage.rss(),
  }
}

function mapValues<Name extends string>(
  values: Readonly<Record<Name, number>>,
  change: (value: number, name: Name) => number,
): Record<Name, number> {
  const entries = (Object.keys(values) as Name[]).map((name) => [name, change(values[name], name)])
  // The names are those of `values`.
  return Object.fromEntries(entries) as Record<Name, number>
}

/** Three decimals; JSON has no NaN. */
function shorten(value: number): number | null {
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 : null
}
