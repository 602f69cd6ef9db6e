/** A step of the archive bench: a script of its own in `steps/`, which is given a task and prints what it measured. */
import { spawn } from 'node:child_process'
import { writeSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { messageOf } from '../../../src/core/errors.ts'
import { percentile } from '../kit/statistics.ts'
import type { HistoryFile } from './history.ts'
import type { Question } from './questions.ts'

export interface Task {
  readonly keeper: string
  /** Where the keeper has its files. */
  readonly folder: string
  /** Where LevelDB alone has the same messages, to measure pages by. */
  readonly rawFolder: string
  /** What is stored, and what is much older. */
  readonly present: HistoryFile
  readonly past: HistoryFile
  /** Of PostgreSQL. */
  readonly url: string
  readonly question?: Question
}

/** Times in ms. */
export interface Spread {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export function spreadOf(times: readonly number[]): Spread {
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), max: percentile(times, 1) }
}

/** To be called by a step. What it measured is on the pipe when this resolves. */
export async function answer(work: (task: Task) => Promise<unknown>): Promise<void> {
  const result = await work(JSON.parse(process.argv[2] ?? '{}'))
  writeSync(1, JSON.stringify(result))
}

/** Seconds that each kind of step took, for whoever waits. */
export const spent = new Map<string, number>()

/** Runs a step in a process with the heap of this one. Throws when it ends without an answer. */
export async function measure<Result>(step: string, task: Task): Promise<Result> {
  const began = performance.now()
  const script = path.join(import.meta.dirname, 'steps', `${step}.js`)
  const args = [...process.execArgv, script, JSON.stringify(task)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const printed = await text(child.stdout)
  spent.set(step, (spent.get(step) ?? 0) + (performance.now() - began) / 1000)
  if (printed === '') throw new Error(`${task.keeper}: no answer from ${step}`)
  return JSON.parse(printed)
}

/** The same of a step whose figures can be missing: a long run is not lost for it, but it fails in the end. */
export async function tryToMeasure<Result>(step: string, task: Task): Promise<Result | undefined> {
  try {
    return await measure<Result>(step, task)
  } catch (error) {
    console.error(messageOf(error))
    process.exitCode = 1
    return undefined
  }
}
