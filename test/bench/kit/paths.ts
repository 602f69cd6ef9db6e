/** Messages on their way through a subject, from who sends them to who gets them, and what they cost the subject. */
import type { Bench } from './bench.ts'
import { Load, type Outcome } from './load.ts'
import type { Receive, Send } from './peers.ts'
import { cpuSeconds, residentMiB } from './process.ts'
import { median, percentile } from './statistics.ts'
import type { Subject } from './subject.ts'
import { figure, spread } from './table.ts'

/** A subject with one who sends and some who receive. */
export interface Path {
  readonly subject: Subject
  /** Of each message that come back. */
  readonly copies: number
  /** A new load of this size, in place of the last. */
  load(payloadBytes: number): Load
}

export interface PathOptions {
  readonly source: (bench: Bench, subject: Subject) => Promise<Send>
  readonly sink: (bench: Bench, subject: Subject, receive: Receive) => Promise<void>
  readonly sinks: number
}

export async function openPath(bench: Bench, subject: Subject, { source, sink, sinks }: PathOptions): Promise<Path> {
  let current: Load | undefined
  for (let opened = 0; opened < sinks; opened += 1) await sink(bench, subject, (payload) => current?.received(payload))
  const send = await source(bench, subject)
  return {
    subject,
    copies: sinks,
    load(payloadBytes) {
      current = new Load({ payloadBytes, copies: sinks, send })
      return current
    },
  }
}

/** One run of a load, and the CPU seconds that the subject used meanwhile. */
interface Round extends Outcome {
  readonly cpu: number
  /** Resident after it. */
  readonly mebibytes: number
}

/** What one load was on each path. */
export type Rounds = ReadonlyMap<Path, readonly Round[]>

/** Runs the same on each path in turn, `count` times: whatever else the machine does falls on all of them. */
export async function interleaved(
  paths: readonly Path[],
  count: number,
  run: (path: Path) => Promise<Outcome>,
): Promise<Rounds> {
  const rounds = new Map<Path, Round[]>(paths.map((path) => [path, []]))
  for (let round = 0; round < count; round += 1)
    for (const [path, done] of rounds) done.push(await measured(path.subject, () => run(path)))
  return rounds
}

async function measured({ pid }: Subject, run: () => Promise<Outcome>): Promise<Round> {
  const before = cpuSeconds(pid)
  const outcome = await run()
  return { ...outcome, cpu: cpuSeconds(pid) - before, mebibytes: residentMiB(pid) }
}

/** A row for each path, with medians over its rounds, beside the last, which is of stock parts. */
export function rowsOf(load: string, rounds: Rounds): Record<string, string>[] {
  const [, stock] = [...rounds].at(-1) ?? []
  const base = stock === undefined ? Number.NaN : cpuPerThousand(stock)
  return [...rounds].map(([{ subject }, done]) => ({ load, B: subject.name, ...row(done, base) }))
}

function row(rounds: readonly Round[], base: number): Record<string, string> {
  const middle = (of: (round: Round) => number): number => median(rounds.map(of))
  const sum = (of: (round: Round) => number): number => rounds.reduce((total, round) => total + of(round), 0)
  const cpu = cpuPerThousand(rounds)
  return {
    'messages/s': figure(middle(({ messages, seconds }) => messages / seconds)),
    'B: CPU s per 1,000': figure(cpu),
    'stock / B': figure(base / cpu),
    'p50 / p99 ms': spread(
      middle(({ times }) => percentile(times, 0.5)),
      middle(({ times }) => percentile(times, 0.99)),
    ),
    'MiB resident': middle(({ mebibytes }) => mebibytes).toFixed(0),
    'lost, repeated': `${sum(({ lost }) => lost)}, ${sum(({ repeated }) => repeated)} of ${sum(({ messages }) => messages)}`,
  }
}

function cpuPerThousand(rounds: readonly Round[]): number {
  return median(rounds.map(({ cpu, messages }) => (cpu / messages) * 1000))
}
