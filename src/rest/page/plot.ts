/**
 * A plot of a few figures over time: drawn as SVG to the width that there is, read with the pointer, a finger or the arrow
 * keys, and told as a table to who wants numbers. All plots of the page share one moment: what happened elsewhere at the
 * same time is seen at once.
 */
import type { HistoryFigure } from '../overview.ts'
import { byId, element, setText, svg } from './dom.ts'
import { dayName, minuteTime, moment } from './format.ts'
import { areaPath, linePath, type Measure, nearest, type Point, runs, timeTicks, valueTicks } from './scale.ts'
import { type Column, gaps, type Series } from './series.ts'

export interface PlotRow {
  readonly id: string
  readonly title: string
  /** What the numbers are of: `per second`. */
  readonly unit: string
  readonly measure: Measure
  readonly show: (value: number) => string
  readonly axis: (value: number) => string
  /** Bottom first; several are stacked, and their sum is the number that is shown. */
  readonly lines: readonly { readonly figure: HistoryFigure; readonly name: string }[]
}

/** What is shown: the samples, and the time from left to right. */
export interface Window {
  readonly series: Series
  readonly start: number
  readonly end: number
}

const height = 132
/** Left of the plot stand the numbers of its axis. */
const margin = { top: 6, bottom: 20, left: 48, right: 2 }
/** Pixels between two labels of the time axis, at the least. */
const labelWidth = 76
/** Rows of the table at the most. */
const maxTableRows = 24
const day = 86_400_000

export class Plot {
  readonly #row: PlotRow
  readonly #figure: HTMLElement
  readonly #value = element('b', { class: 'value' })
  readonly #when = element('span', { class: 'when' })
  readonly #legend: readonly HTMLElement[]
  readonly #chart: HTMLElement
  readonly #table = element('div', { class: 'figures', hidden: true, tabindex: 0, role: 'region' })
  readonly #onMoment: (time: number | undefined) => void
  #window: Window | undefined
  #moment: number | undefined

  /** `onMoment` is told which time a person points at; undefined: none any more. */
  constructor(row: PlotRow, onMoment: (time: number | undefined) => void) {
    this.#row = row
    this.#onMoment = onMoment
    this.#legend = row.lines.map(() => element('b'))
    this.#chart = this.#makeChart()
    this.#table.setAttribute('aria-label', `${row.title}, as a table`)
    const caption = element('figcaption', {}, this.#heading(), ...this.#legendList())
    this.#figure = element('figure', { class: 'plot', id: `plot-${row.id}` }, caption, this.#chart, this.#table)
    byId('plots').append(this.#figure)
    new ResizeObserver(() => this.#draw()).observe(this.#chart)
  }

  set hidden(hidden: boolean) {
    this.#figure.hidden = hidden
  }

  set asTable(asTable: boolean) {
    this.#chart.hidden = asTable
    this.#table.hidden = !asTable
    this.#draw()
  }

  show(window: Window): void {
    this.#window = window
    this.#draw()
  }

  /** Shows what was at `time` in place of what is. */
  pointAt(time: number | undefined): void {
    this.#moment = time
    this.#draw()
  }

  #heading(): HTMLElement {
    const { title, unit } = this.#row
    const now = element('p', { class: 'now' }, this.#value, ' ', element('span', { class: 'unit' }, unit))
    return element('div', { class: 'heading' }, element('h3', {}, title, this.#when), now)
  }

  #legendList(): HTMLElement[] {
    const { lines } = this.#row
    if (lines.length === 1) return []
    const items = lines.map(({ name }, index) =>
      element('li', {}, element('i', { class: `key s${index}` }), `${name} `, this.#legend[index]),
    )
    return [element('ul', { class: 'legend' }, ...items.toReversed())]
  }

  /** To a screen reader it is a slider through time, whose value is what was at that time. */
  #makeChart(): HTMLElement {
    const label = `${this.#row.title}: move through time with the arrow keys`
    const chart = element('div', { class: 'chart', role: 'slider', tabindex: 0, 'aria-label': label })
    chart.addEventListener('pointermove', ({ offsetX }) => this.#onMoment(this.#timeAt(offsetX)))
    chart.addEventListener('pointerdown', ({ offsetX }) => this.#onMoment(this.#timeAt(offsetX)))
    chart.addEventListener('pointerleave', () => this.#onMoment(undefined))
    chart.addEventListener('focus', () => chart.matches(':focus-visible') && this.#step(0))
    chart.addEventListener('blur', () => this.#onMoment(undefined))
    chart.addEventListener('keydown', (event) => this.#key(event))
    return chart
  }

  #key(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -12,
      PageUp: 12,
      Home: Number.NEGATIVE_INFINITY,
      End: Number.POSITIVE_INFINITY,
    }
    const step = steps[event.key]
    if (step === undefined) return
    event.preventDefault()
    this.#step(step)
  }

  #step(step: number): void {
    const times = this.#window?.series.times ?? []
    const place = Math.min(Math.max(0, this.#place() + step), times.length - 1)
    this.#onMoment(times[place])
  }

  /** The sample that is pointed at, else the last one. */
  #place(): number {
    const times = this.#window?.series.times ?? []
    return this.#moment === undefined ? times.length - 1 : nearest(times, this.#moment)
  }

  #timeAt(x: number): number | undefined {
    if (this.#window === undefined) return undefined
    const { start, end, series } = this.#window
    const share = (x - margin.left) / (this.#chart.clientWidth - margin.left - margin.right)
    return series.times[nearest(series.times, start + share * (end - start))]
  }

  #draw(): void {
    if (this.#window === undefined || this.#figure.hidden) return
    this.#tell(this.#window)
    if (this.#chart.hidden) this.#drawTable(this.#window)
    else this.#drawChart(this.#window)
  }

  /** The numbers of the moment, in the heading and for a screen reader. */
  #tell({ series, end }: Window): void {
    const place = this.#place()
    const { lines, show, unit } = this.#row
    const values = lines.map(({ figure }) => series.values[figure][place] ?? Number.NaN)
    const total = show(values.reduce((sum, value) => sum + value, 0))
    const time = series.times[place]
    setText(this.#value, total)
    setText(this.#when, this.#moment === undefined || time === undefined ? '' : moment(time, end))
    for (const [index, value] of values.entries()) setText(this.#legend[index]!, show(value))
    const parts = lines.length === 1 ? [] : lines.map(({ name }, index) => `${name} ${show(values[index]!)}`)
    const words =
      time === undefined ? 'no samples yet' : [`${moment(time, end)}: ${total} ${unit}`, ...parts].join(', ')
    this.#chart.setAttribute('aria-valuemin', '0')
    this.#chart.setAttribute('aria-valuemax', String(Math.max(0, series.times.length - 1)))
    this.#chart.setAttribute('aria-valuenow', String(Math.max(0, place)))
    this.#chart.setAttribute('aria-valuetext', words)
  }

  #drawChart(window: Window): void {
    const width = this.#chart.clientWidth
    if (width === 0) return
    const { measure, lines } = this.#row
    const stacked = stack(lines.map(({ figure }) => window.series.values[figure]))
    const most = Math.max(0, ...stacked.at(-1)!.map((value) => value ?? 0))
    const ticks = valueTicks(most, measure)
    const frame = new Frame(window, width, ticks.at(-1)!)
    const picture = svg('svg', { width, height, 'aria-hidden': 'true' })
    picture.append(...this.#axes(frame, ticks), ...this.#shapes(frame, stacked), ...this.#cursor(frame, stacked))
    if (window.series.times.length < 2) picture.append(emptyNote(width))
    this.#chart.replaceChildren(picture)
  }

  #axes(frame: Frame, ticks: readonly number[]): SVGElement[] {
    const lines = ticks.map((tick) => svg('line', { class: tick === 0 ? 'base' : 'grid', ...frame.level(tick) }))
    const labels = ticks
      .slice(1)
      .map((tick) => svg('text', { class: 'tick', x: 0, y: frame.y(tick) + 4 }, this.#row.axis(tick)))
    return [...lines, ...labels, ...timeAxis(frame)]
  }

  #shapes(frame: Frame, stacked: readonly Column[]): SVGElement[] {
    const broken = gaps(frame.window.series)
    return stacked.flatMap((column, index) => {
      const upper = runs(frame.points(column, broken))
      const below = stacked[index - 1] ?? column.map((value) => (value === null ? null : 0))
      const lower = runs(frame.points(below, broken))
      const areas = upper.map((run, at) => svg('path', { class: `area s${index}`, d: areaPath(run, lower[at] ?? []) }))
      const line = upper.map(linePath).join('')
      return [...areas, svg('path', { class: `line s${index}`, d: line })]
    })
  }

  #cursor(frame: Frame, stacked: readonly Column[]): SVGElement[] {
    const place = this.#moment === undefined ? -1 : this.#place()
    const time = frame.window.series.times[place]
    if (time === undefined) return []
    const x = frame.x(time)
    const dots = stacked.flatMap((column, index) => {
      const value = column[place]
      return value == null ? [] : [svg('circle', { class: `dot s${index}`, cx: x, cy: frame.y(value), r: 3.5 })]
    })
    return [svg('line', { class: 'cursor', x1: x, x2: x, y1: margin.top, y2: height - margin.bottom }), ...dots]
  }

  #drawTable({ series, end }: Window): void {
    const { title, lines, show, unit } = this.#row
    const every = Math.max(1, Math.ceil(series.times.length / maxTableRows))
    const places = series.times
      .map((_, index) => index)
      .filter((index) => (series.times.length - 1 - index) % every === 0)
    const head = element(
      'tr',
      {},
      ...['Time', ...lines.map(({ name }) => name)].map((text) => element('th', { scope: 'col' }, text)),
    )
    const rows = places
      .toReversed()
      .map((place) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, moment(series.times[place]!, end)),
          ...lines.map(({ figure }) => element('td', {}, show(series.values[figure][place] ?? Number.NaN))),
        ),
      )
    const caption = element('caption', { class: 'unseen' }, `${title}, ${unit}`)
    this.#table.replaceChildren(
      element('table', {}, caption, element('thead', {}, head), element('tbody', {}, ...rows)),
    )
  }
}

/** Where a time and a value stand. */
class Frame {
  readonly window: Window
  readonly width: number
  readonly #top: number

  constructor(window: Window, width: number, top: number) {
    this.window = window
    this.width = width
    this.#top = top
  }

  x(time: number): number {
    const { start, end } = this.window
    return margin.left + ((time - start) / (end - start)) * (this.width - margin.left - margin.right)
  }

  y(value: number): number {
    return margin.top + (1 - value / this.#top) * (height - margin.top - margin.bottom)
  }

  /** A line across, at a value; on a pixel, so that it is sharp. */
  level(value: number): Record<string, number> {
    const y = Math.round(this.y(value)) + 0.5
    return { x1: margin.left, x2: this.width - margin.right, y1: y, y2: y }
  }

  /** The place of each sample, with nothing between two that do not follow each other. */
  points(column: Column, broken: readonly boolean[]): (Point | undefined)[] {
    const { times } = this.window.series
    return column.flatMap((value, index) => {
      const point = value === null ? undefined : { x: this.x(times[index]!), y: this.y(value) }
      return broken[index] ? [undefined, point] : [point]
    })
  }
}

function timeAxis(frame: Frame): SVGElement[] {
  const { start, end } = frame.window
  const offset = -new Date(end).getTimezoneOffset() * 60_000
  const { step, times } = timeTicks(start, end, Math.max(2, (frame.width - margin.left) / labelWidth), offset)
  const text = step >= day ? dayName : minuteTime
  return times.flatMap((time) => {
    const x = frame.x(time)
    // A label that would be cut off is left out; its mark stands.
    const fits = x > margin.left + 4 && x < frame.width - 16
    const mark = svg('line', {
      class: 'base',
      x1: x,
      x2: x,
      y1: height - margin.bottom,
      y2: height - margin.bottom + 4,
    })
    const label = svg('text', { class: 'tick', x, y: height - 4, 'text-anchor': 'middle' }, text(time))
    return fits ? [mark, label] : [mark]
  })
}

function emptyNote(width: number): SVGElement {
  const place = { class: 'empty', x: (width + margin.left) / 2, y: height / 2, 'text-anchor': 'middle' }
  return svg('text', place, 'The first samples come in a few seconds')
}

/** Each column on top of those before it. */
function stack(columns: readonly Column[]): readonly Column[] {
  return columns.map((column, index) =>
    column.map((value, place) => {
      if (value === null) return null
      return columns.slice(0, index).reduce((sum, below) => sum + (below[place] ?? 0), value)
    }),
  )
}
