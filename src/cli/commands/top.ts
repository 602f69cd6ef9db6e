/** `waypost top`: what the running node does, as it does it. Without a terminal one look is printed. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { messageOf } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import { action, durationOption } from '../action.ts'
import { withNotes } from '../command-tree.ts'
import { interruption } from '../interrupt.ts'
import { MetricsText } from '../metrics-text.ts'
import { type OutputOptions, show } from '../output.ts'
import { type RestClient, type RestOptions, restClient, withRestOptions } from '../rest-client.ts'
import { takeSnapshot } from '../snapshot.ts'
import { figuresOf, type Sample, type TopFigures } from '../top/sample.ts'
import { Screen } from '../top/screen.ts'
import { renderTop } from '../top/view.ts'

interface Options extends RestOptions, OutputOptions {
  readonly once?: boolean
  readonly interval: Milliseconds
}

export function addTop(program: Command): void {
  const command = withRestOptions(program.command('top'))
    .description('Watch the running node: messages, peers, meshes, archive, filter, light push, store, machine')
    .addOption(durationOption('--interval <duration>', 'between two looks; a second at the least', '2s'))
    .option('--once', 'print one look and end; so it is where there is no terminal')
    .option('--json', 'one look as a line of JSON')
    .action(action(top))
  withNotes(command, 'q, Escape or Ctrl-C ends it.')
}

/** The node renders its metrics anew once a second. */
const leastInterval: Milliseconds = 1000

async function top(options: Options): Promise<undefined> {
  const client = restClient(options)
  const interval = Math.max(leastInterval, options.interval)
  const first = await take(client)
  const live = process.stdout.isTTY && process.stdin.isTTY && !options.once && !options.json
  if (live) await watch(client, first, interval)
  else await printOnce(client, first, options)
}

/** Figures per second need two looks. */
async function printOnce(client: RestClient, first: Sample, options: Options): Promise<void> {
  await pause(leastInterval)
  const figures = figuresOf(first, await take(client))
  await show(figures, options, (shown) => renderTop(shown, { columns: 200, rows: 2000 }).join('\n'))
}

async function take(client: RestClient): Promise<Sample> {
  const [snapshot, metrics] = await Promise.all([takeSnapshot(client), client.text('/metrics').catch(() => '')])
  return { at: performance.now(), snapshot, metrics: new MetricsText(metrics) }
}

/** Draws until a key or a signal ends it. A node that does not answer is waited for. */
async function watch(client: RestClient, first: Sample, interval: Milliseconds): Promise<void> {
  let [before, figures] = [first, figuresOf(first, first)]
  let trouble = ''
  using screen = new Screen(() => draw(screen, figures, trouble))
  const ended = AbortSignal.any([interruption(), screen.left])
  draw(screen, figures, trouble)
  while (await passed(interval, ended)) {
    try {
      const now = await take(client)
      figures = figuresOf(before, now)
      before = now
      trouble = ''
    } catch (error) {
      trouble = messageOf(error)
    }
    if (!ended.aborted) draw(screen, figures, trouble)
  }
}

function draw(screen: Screen, figures: TopFigures, trouble: string): void {
  const { columns, rows } = screen.size
  const last = trouble === '' ? 'q quits' : `no answer: ${trouble}`
  const lines = renderTop(figures, { columns, rows: rows - 1 })
  const empty = Array.from({ length: Math.max(0, rows - 1 - lines.length) }, () => '')
  screen.draw([...lines, ...empty, last.slice(0, columns)])
}

/** False when it was ended meanwhile. */
async function passed(interval: Milliseconds, signal: AbortSignal): Promise<boolean> {
  await pause(interval, undefined, { signal }).catch(() => {})
  return !signal.aborted
}
