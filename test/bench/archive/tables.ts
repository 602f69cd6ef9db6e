/** What was measured, subject by subject. */
import { figure, printTable, spread } from '../kit/table.ts'
import type { Measured } from './course.ts'
import { keeperNamed } from './keepers.ts'
import { questionNames } from './questions.ts'
import { meanRates, messageBytes } from './ratios.ts'
import type { Spread } from './task.ts'

type Results = ReadonlyMap<string, Measured>
type Row = Readonly<Record<string, string>>

export function printTables(results: Results): void {
  for (const [title, row] of Object.entries(tables)) {
    const rows = Array.from(results, ([name, measured]) => ({ by: keeperNamed(name, '').name, ...row(measured) }))
    printTable(title, rows)
  }
}

const tables: Readonly<Record<string, (measured: Measured) => Row>> = {
  'Storing, every message acknowledged': storing,
  'What it takes': taking,
  'Pages of 100, warm, p50 / p99 ms': (measured) =>
    questionRow(({ asked }, name) => short(asked[name]?.page))(measured),
  'Scans of 100 rows in LevelDB itself, in turns with these, p50 / p99 ms': (measured) =>
    questionRow(({ asked }, name) => short(asked[name]?.scan))(measured),
  'Trips to a thread and back, in turns with these, p50 / p99 ms': (measured) =>
    questionRow(({ asked }, name) => short(asked[name]?.trip))(measured),
  'Pages of 100, cold: process new, no file in memory, the middle of 3, ms': (measured) =>
    questionRow(({ cold }, name) => figure(cold[name] ?? Number.NaN))(measured),
  'While it is written to': writing,
  'Deleting the oldest fifth while pages are read': forgetting,
}

function storing({ rates, loaded, ordered }: Measured): Row {
  const { unsynced, synced } = meanRates(rates)
  return {
    'messages/s': figure(loaded.perSecond),
    'raw beside it, unsynced / synced': spread(unsynced, synced),
    'of raw': spread(loaded.perSecond / unsynced, loaded.perSecond / synced),
    'CPU s per 1,000': figure(loaded.cpuPerThousand),
    'in order': figure(ordered?.inOrder ?? Number.NaN),
    'shuffled in 20 s': figure(ordered?.shuffled ?? Number.NaN),
    'old history imported': figure(ordered?.imported ?? Number.NaN),
  }
}

function taking({ messages, loaded, memory, bytes, opened, openedAfterKill, bytesAfter = Number.NaN }: Measured): Row {
  return {
    'bytes a message': figure(bytes / messages),
    'of bare': figure(bytes / messages / messageBytes),
    'MiB after deletion': figure(bytesAfter / 1024 / 1024),
    'memory MiB, loaded': figure(loaded.ownMiB),
    asked: figure(memory.ownMiB),
    'loop held ms, loading': figure(loaded.held),
    asking: figure(memory.held),
    'open ms, clean': figure(opened.open),
    'after kill -9': figure(openedAfterKill.open),
  }
}

function questionRow(show: (measured: Measured, name: (typeof questionNames)[number]) => string) {
  return (measured: Measured): Row => Object.fromEntries(questionNames.map((name) => [name, show(measured, name)]))
}

function writing({ written }: Measured): Row {
  const [paced, saturated, read] = [written?.paced, written?.saturated, written?.whileRead]
  return {
    'due 20,000/s: messages/s': figure(paced?.perSecond ?? Number.NaN),
    refused: paced === undefined ? '-' : String(paced.refused),
    'acknowledged ms': long(paced),
    'saturated: messages/s': figure(saturated?.perSecond ?? Number.NaN),
    'acknowledged after ms': long(saturated),
    'with 4 readers: messages/s': figure(read?.perSecond ?? Number.NaN),
    'pages ms': long(read?.pages),
  }
}

function forgetting({ forgot }: Measured): Row {
  const { seconds = Number.NaN, messages = Number.NaN } = forgot ?? {}
  return {
    seconds: figure(seconds),
    messages: figure(messages),
    'ms per 1,000': figure((seconds * 1e6) / messages),
    'pages before, p50 / p99 / max ms': long(forgot?.before),
    meanwhile: long(forgot?.meanwhile),
    after: long(forgot?.after),
  }
}

function short(times: Spread | undefined): string {
  return times === undefined ? '-' : spread(times.p50, times.p99)
}

function long(times: Spread | undefined): string {
  return times === undefined ? '-' : `${spread(times.p50, times.p99)} / ${figure(times.max)}`
}
