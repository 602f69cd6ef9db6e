/**
 * The form of a panel, and the queries that most of them have. In a query `$i` selects the instances chosen on top of the
 * page, and `$r` is the time over which a rate is taken.
 */

/** Units by Grafana's names. */
type Unit =
  | 'bytes'
  | 'Bps'
  | 'bps'
  | 's'
  | 'short'
  | 'percentunit'
  | 'reqps'
  | 'mps'
  | 'dateTimeFromNow'
  | 'none'
  | 'kbytes'

export interface Panel {
  readonly title: string
  /** What it means, and when to worry. */
  readonly says: string
  readonly unit: Unit
  /** Each with how its lines are named. */
  readonly queries: readonly (readonly [expression: string, legend: string])[]
  /** A number in place of a graph. */
  readonly stat?: true
  /** Green below the first, orange above it, red above the second; the other way round when they fall. */
  readonly limits?: readonly [orange: number, red: number]
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

/** The 50th and the 99th percentile of a histogram. */
export function percentiles(histogram: string, by?: string): Panel['queries'] {
  const groups = by === undefined ? 'le' : `le, ${by}`
  const name = by === undefined ? '' : `{{${by}}} `
  return [0.5, 0.99].map((quantile) => [
    `histogram_quantile(${quantile}, sum by (${groups}) (rate(${histogram}_bucket{$i}[$r])))`,
    `${name}p${quantile * 100}`,
  ])
}

/** How often each value of a label was counted, in a second. */
export function rates(counter: string, ...by: string[]): Panel['queries'] {
  const legend = by.map((label) => `{{${label}}}`).join(' ')
  return [[`sum by (${['instance', ...by].join(', ')}) (rate(${counter}{$i}[$r]))`, legend || '{{instance}}']]
}

export function gauges(gauge: string, legend = '{{instance}}'): Panel['queries'] {
  return [[`${gauge}{$i}`, legend]]
}
