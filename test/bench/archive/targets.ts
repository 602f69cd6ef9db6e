/** Our targets, and what this run has to say to each. Ratios are between what was measured side by side. */
import { figure, printTable } from '../kit/table.ts'
import type { Measured } from './course.ts'
import { meanRates, messageBytes } from './ratios.ts'
import type { Forgot } from './steps/forget.ts'

/** What is compared: each absent when it was not part of the run. */
interface Run {
  readonly waypost: Measured | undefined
  readonly oneDatabase: Measured | undefined
  readonly nwaku: Measured | undefined
  readonly best: Measured | undefined
}

interface Target {
  readonly what: string
  readonly atLeast?: number
  readonly atMost?: number
  readonly unit?: string
  readonly of: (run: Run) => number | undefined
}

export function printTargets(results: ReadonlyMap<string, Measured>, messages: number): void {
  const run: Run = {
    waypost: results.get('waypost'),
    oneDatabase: results.get('one-database'),
    nwaku: results.get('sqlite-nwaku'),
    best: results.get('sqlite-best'),
  }
  printTable(
    `Targets, at ${messages} messages`,
    targets.map((target) => row(target, run)),
  )
}

function row({ what, atLeast, atMost, unit = '', of }: Target, run: Run): Readonly<Record<string, string>> {
  const value = of(run) ?? Number.NaN
  const isMet = value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY)
  const hasGoal = (atLeast ?? atMost) !== undefined && Number.isFinite(value)
  return {
    what,
    target: atLeast !== undefined ? `>= ${atLeast}${unit}` : atMost !== undefined ? `<= ${atMost}${unit}` : '-',
    figure: figure(value, unit),
    met: hasGoal ? (isMet ? 'yes' : 'NO') : '-',
  }
}

const page = (run: Run) => run.waypost?.asked['content topic']
const rare = (measured: Measured | undefined) => measured?.asked['rare content topic']?.page.p50
const crowded = (run: Run) => run.waypost?.networked?.crowded

function over(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one / other
}

/** Milliseconds to delete a thousand. */
function deletion({ seconds, messages }: Partial<Forgot> = {}): number | undefined {
  return over(seconds === undefined ? undefined : seconds * 1e6, messages)
}

const targets: readonly Target[] = [
  {
    what: 'stored, all synced / raw batch write',
    atLeast: 0.45,
    of: ({ waypost }) => waypost && waypost.loaded.perSecond / meanRates(waypost.rates).unsynced,
  },
  {
    what: 'stored, all synced / raw batch write, synced',
    of: ({ waypost }) => waypost && waypost.loaded.perSecond / meanRates(waypost.rates).synced,
  },
  {
    what: "stored, all synced / SQLite, nwaku's schema, not synced",
    atLeast: 4,
    of: ({ waypost, nwaku }) => over(waypost?.loaded.perSecond, nwaku?.loaded.perSecond),
  },
  {
    what: 'stored, all synced / SQLite, best index, not synced',
    atLeast: 4,
    of: ({ waypost, best }) => over(waypost?.loaded.perSecond, best?.loaded.perSecond),
  },
  { what: 'stored, all synced', atLeast: 20_000, unit: '/s', of: ({ waypost }) => waypost?.loaded.perSecond },
  {
    what: 'due at 20,000/s: stored',
    atLeast: 19_900,
    unit: '/s',
    of: ({ waypost }) => waypost?.written?.paced?.perSecond,
  },
  { what: 'due at 20,000/s: acknowledged, p50', unit: ' ms', of: ({ waypost }) => waypost?.written?.paced?.p50 },
  { what: 'due at 20,000/s: acknowledged, p99', unit: ' ms', of: ({ waypost }) => waypost?.written?.paced?.p99 },
  {
    what: 'due at 20,000/s: synced by LevelDB itself, p99',
    unit: ' ms',
    of: ({ waypost }) => waypost && meanRates(waypost.rates).pacedP99,
  },
  {
    what: 'due at 20,000/s: added to that, p99',
    atMost: 25,
    unit: ' ms',
    of: ({ waypost }) => waypost?.written?.paced && waypost.written.paced.p99 - meanRates(waypost.rates).pacedP99,
  },
  { what: 'saturated: acknowledged, p50', unit: ' ms', of: ({ waypost }) => waypost?.written?.saturated?.p50 },
  { what: 'saturated: acknowledged, p99', unit: ' ms', of: ({ waypost }) => waypost?.written?.saturated?.p99 },
  {
    what: 'stored while 4 clients page / stored alone',
    of: ({ waypost }) => over(waypost?.written?.whileRead.perSecond, waypost?.loaded.perSecond),
  },
  { what: 'page while it is stored to, p99', unit: ' ms', of: ({ waypost }) => waypost?.written?.whileRead.pages.p99 },
  {
    what: 'shuffled within 20 s / in order',
    of: ({ waypost }) => over(waypost?.ordered?.shuffled, waypost?.ordered?.inOrder),
  },
  {
    what: 'old history imported / in order',
    of: ({ waypost }) => over(waypost?.ordered?.imported, waypost?.ordered?.inOrder),
  },
  {
    what: 'page by content topic / raw scan, p50',
    atMost: 1.7,
    of: (run) => over(page(run)?.page.p50, page(run)?.scan.p50),
  },
  {
    what: 'page by content topic / raw scan, p99',
    atMost: 3,
    of: (run) => over(page(run)?.page.p99, page(run)?.scan.p99),
  },
  { what: 'page by content topic, p99', atMost: 10, unit: ' ms', of: (run) => page(run)?.page.p99 },
  { what: 'page by content topic, cold', unit: ' ms', of: ({ waypost }) => waypost?.cold['content topic'] },
  { what: 'one hash, p99', atMost: 1, unit: ' ms', of: ({ waypost }) => waypost?.asked['one hash']?.page.p99 },
  {
    what: 'a trip to a thread and back, in turns with that, p99',
    unit: ' ms',
    of: ({ waypost }) => waypost?.asked['one hash']?.trip.p99,
  },
  {
    what: "rare topic: SQLite, nwaku's schema / Waypost, p50",
    atLeast: 20,
    of: ({ nwaku, waypost }) => over(rare(nwaku), rare(waypost)),
  },
  {
    what: 'deletion by key / of partitions, for as many',
    atLeast: 20,
    of: ({ waypost, oneDatabase }) => over(deletion(oneDatabase?.forgot), deletion(waypost?.forgot)),
  },
  { what: 'deletion of partitions, a thousand', unit: ' ms', of: ({ waypost }) => deletion(waypost?.forgot) },
  {
    what: 'page while partitions are deleted / before, p50',
    atMost: 2,
    of: ({ waypost }) => over(waypost?.forgot?.meanwhile?.p50, waypost?.forgot?.before?.p50),
  },
  {
    what: 'page while partitions are deleted / before, p99',
    atMost: 2,
    of: ({ waypost }) => over(waypost?.forgot?.meanwhile?.p99, waypost?.forgot?.before?.p99),
  },
  {
    what: 'relay hop with 50 paging clients / without, p50',
    of: (run) => over(crowded(run)?.amid.relay.p50, crowded(run)?.alone.relay.p50),
  },
  { what: 'relay hop with 50 paging clients, p99', unit: ' ms', of: (run) => crowded(run)?.amid.relay.p99 },
  { what: 'relay hop without, p99', unit: ' ms', of: (run) => crowded(run)?.alone.relay.p99 },
  {
    what: 'filter push with 50 paging clients / without, p50',
    of: (run) => over(crowded(run)?.amid.filter.p50, crowded(run)?.alone.filter.p50),
  },
  { what: 'filter push with 50 paging clients, p99', unit: ' ms', of: (run) => crowded(run)?.amid.filter.p99 },
  { what: 'filter push without, p99', unit: ' ms', of: (run) => crowded(run)?.alone.filter.p99 },
  { what: 'messages lost meanwhile', atMost: 0, of: (run) => crowded(run)?.amid.lost },
  {
    what: 'event loop of the node held, 50 paging clients',
    atMost: 50,
    unit: ' ms',
    of: (run) => crowded(run)?.amid.held,
  },
  { what: 'event loop of the node held, without', atMost: 50, unit: ' ms', of: (run) => crowded(run)?.alone.held },
  { what: 'pages that the 50 clients got', unit: '/s', of: (run) => crowded(run)?.walkers.perSecond },
  {
    what: 'page over the network / by a call, p50',
    atMost: 3,
    of: ({ waypost }) => over(waypost?.networked?.overNetwork.p50, waypost?.networked?.byCall.p50),
  },
  {
    what: 'page over the network / by a call, p99',
    of: ({ waypost }) => over(waypost?.networked?.overNetwork.p99, waypost?.networked?.byCall.p99),
  },
  {
    what: 'bytes on disk / payload, topics and hash',
    of: ({ waypost }) => waypost && waypost.bytes / waypost.messages / messageBytes,
  },
  { what: 'memory after loading', unit: ' MiB', of: ({ waypost }) => waypost?.loaded.ownMiB },
  { what: 'memory after the questions', unit: ' MiB', of: ({ waypost }) => waypost?.memory.ownMiB },
  { what: 'opened after a clean end', unit: ' ms', of: ({ waypost }) => waypost?.opened.open },
  { what: 'opened after kill -9', unit: ' ms', of: ({ waypost }) => waypost?.openedAfterKill.open },
]
