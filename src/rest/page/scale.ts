/** From figures to places in a plot: axes with round numbers, and the outlines of lines and areas. */

/** What a plot's numbers are, which decides what is round. */
export type Measure = 'rate' | 'count' | 'bytes' | 'delay'

/** Round numbers from 0 to at least `most`, about `wanted` of them. The last one is the top of the axis. */
export function valueTicks(most: number, measure: Measure, wanted = 3): readonly number[] {
  const least = measure === 'count' ? wanted : measure === 'bytes' ? wanted * 1024 : measure === 'delay' ? 10 : 1
  const step = roundStep(Math.max(most, least) / wanted, measure)
  const count = Math.max(1, Math.ceil(Math.max(most, least) / step - 1e-9))
  return Array.from({ length: count + 1 }, (_, index) => index * step)
}

const decimalFactors = [1, 2, 5, 10]
/** Within one unit of bytes; the last is the next unit. */
const byteFactors = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1024]

/** The next round number: 1, 2 or 5 times a power of 10; of bytes, so many KiB or MiB; of counts, a whole one. */
function roundStep(rough: number, measure: Measure): number {
  if (measure === 'bytes') return next(rough, 1024 ** Math.max(0, Math.floor(Math.log2(rough) / 10)), byteFactors)
  const step = next(rough, 10 ** Math.floor(Math.log10(rough)), decimalFactors)
  return measure === 'count' ? Math.max(1, Math.round(step)) : step
}

/** The least of `factors` times `unit` that is not below `rough`. */
function next(rough: number, unit: number, factors: readonly number[]): number {
  return unit * (factors.find((factor) => factor * unit >= rough * (1 - 1e-9)) ?? factors.at(-1)!)
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const timeSteps = [minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute].concat(
  [1, 2, 3, 4, 6, 12].map((count) => count * hour),
  [1, 2, 7].map((count) => count * day),
)

/** Round times within, at most `most` of them; `offset` is how far local time is ahead of UTC, in milliseconds. */
export function timeTicks(start: number, end: number, most: number, offset: number): { step: number; times: number[] } {
  const step = timeSteps.find((one) => (end - start) / one <= most) ?? 7 * day
  const first = Math.ceil((start + offset) / step) * step - offset
  const count = Math.max(0, Math.floor((end - first) / step) + 1)
  return { step, times: Array.from({ length: count }, (_, index) => first + index * step) }
}

/** A place in a plot. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** Runs of points between the places where something is missing. */
export function runs(points: readonly (Point | undefined)[]): readonly (readonly Point[])[] {
  const found: Point[][] = [[]]
  for (const point of points) {
    if (point === undefined) found.push([])
    else found.at(-1)?.push(point)
  }
  return found.filter((run) => run.length > 0)
}

/** The outline of a line, for an SVG path. One point alone is a short dash. */
export function linePath(points: readonly Point[]): string {
  const [first] = points
  if (first === undefined) return ''
  if (points.length === 1) return `M${place(first)}h1`
  return `M${points.map(place).join('L')}`
}

/** The outline of what lies between two lines of as many points. */
export function areaPath(upper: readonly Point[], lower: readonly Point[]): string {
  return upper.length < 2 ? '' : `M${upper.map(place).join('L')}L${lower.toReversed().map(place).join('L')}Z`
}

function place({ x, y }: Point): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`
}

/** The index of the time that is nearest to `time`; -1 when there is none. Times ascend. */
export function nearest(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! < time) low = middle + 1
    else high = middle
  }
  const before = times[low - 1]
  return before !== undefined && time - before < times[low]! - time ? low - 1 : Math.min(low, times.length - 1)
}
