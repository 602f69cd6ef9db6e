/** The form of a check: what is looked at, what is found, and what to do. */
import type { Settings } from '../../settings/table.ts'
import type { RunningNode } from './running-node.ts'

/** `ok` as it should be; `warn` works, but not for long or not for all; `fail` does not work; `skip` cannot be told. */
export type Level = 'ok' | 'warn' | 'fail' | 'skip'

export interface Finding {
  readonly level: Level
  /** What was found, in a sentence. */
  readonly says: string
  /** What to do about it: a command where there is one. */
  readonly advice?: string
}

/** What the checks look at. */
export interface Examined {
  readonly settings: Settings
  /** The node that runs with these settings, if one answers. */
  readonly node: RunningNode | undefined
  /** A node that may be asked what it sees: `--peer`. Without it nobody but our own node and its database is contacted. */
  readonly peer: string | undefined
  /** Whether names may be looked up: `--look-up`. */
  readonly lookUp: boolean
}

/** A check has a name, and finds something, or several things. It throws nothing that it expects. */
export interface Check {
  readonly name: string
  readonly run: (examined: Examined) => Finding[] | Promise<Finding[]>
}

export function ok(says: string): Finding {
  return { level: 'ok', says }
}

export function warn(says: string, advice: string): Finding {
  return { level: 'warn', says, advice }
}

export function fail(says: string, advice: string): Finding {
  return { level: 'fail', says, advice }
}

export function skip(says: string): Finding {
  return { level: 'skip', says }
}
