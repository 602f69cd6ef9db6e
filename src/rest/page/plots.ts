/** The plots of the page, in their order. */
import type { RunningOverview } from '../overview.ts'
import { bytes, compact, delay, rate, whole } from './format.ts'
import { Plot, type PlotRow, type Window } from './plot.ts'

const rows: readonly PlotRow[] = [
  {
    id: 'in',
    title: 'Messages in',
    unit: 'per second',
    measure: 'rate',
    show: rate,
    axis: compact,
    lines: [
      { figure: 'relay', name: 'Relay' },
      { figure: 'lightpush', name: 'Light push' },
      { figure: 'rest', name: 'REST' },
    ],
  },
  { ...perSecond('out', 'Filter pushes'), lines: [{ figure: 'pushed', name: 'Pushes' }] },
  { ...counting('peers', 'Peers', 'connected'), lines: [{ figure: 'peers', name: 'Peers' }] },
  { ...counting('subscribers', 'Subscribers', 'by filter'), lines: [{ figure: 'subscribers', name: 'Subscribers' }] },
  { ...sized('store', 'Store', 'on disk'), lines: [{ figure: 'storeBytes', name: 'Size' }] },
  { ...perSecond('queries', 'Store queries'), lines: [{ figure: 'storeQueries', name: 'Queries' }] },
  { ...sized('memory', 'Memory', 'of the process'), lines: [{ figure: 'memory', name: 'Memory' }] },
  {
    id: 'delay',
    title: 'Longest wait',
    unit: 'in the event loop',
    measure: 'delay',
    show: delay,
    axis: delay,
    lines: [{ figure: 'delay', name: 'Wait' }],
  },
]

/** Plots that only a node with the service has. */
const needs: Readonly<Record<string, (running: RunningOverview) => boolean>> = {
  out: ({ filter }) => filter !== undefined,
  subscribers: ({ filter }) => filter !== undefined,
  store: ({ store }) => store !== undefined,
  queries: ({ store }) => store !== undefined,
}

type Kind = Omit<PlotRow, 'lines'>

function perSecond(id: string, title: string): Kind {
  return { id, title, unit: 'per second', measure: 'rate', show: rate, axis: compact }
}

function counting(id: string, title: string, unit: string): Kind {
  return { id, title, unit, measure: 'count', show: whole, axis: compact }
}

function sized(id: string, title: string, unit: string): Kind {
  return { id, title, unit, measure: 'bytes', show: bytes, axis: bytes }
}

/** All plots, which share the moment that a person points at. */
export class Plots {
  readonly #plots: readonly Plot[]

  constructor() {
    this.#plots = rows.map((row) => new Plot(row, (time) => this.#point(time)))
  }

  show(window: Window, running: RunningOverview | undefined): void {
    for (const [index, plot] of this.#plots.entries()) {
      const wanted = needs[rows[index]!.id]
      plot.hidden = running !== undefined && wanted !== undefined && !wanted(running)
      plot.show(window)
    }
  }

  set asTables(asTables: boolean) {
    for (const plot of this.#plots) plot.asTable = asTables
  }

  #point(time: number | undefined): void {
    for (const plot of this.#plots) plot.pointAt(time)
  }
}
