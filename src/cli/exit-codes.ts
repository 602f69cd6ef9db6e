/**
 * With what the program ends, for scripts. Below 64 each command has its own meaning; from there on codes are those of
 * sysexits.h, whatever the command. docs/commands.md has this table.
 */
import { errorTable, isWaypostError } from '../core/errors.ts'

interface ExitRow {
  readonly code: number
  /** When the program ends with it. */
  readonly when: string
}

const table = {
  ok: { code: 0, when: 'done; what was looked at is as it should be' },
  failed: { code: 1, when: 'not done, or what was looked at is not as it should be; the reason is on standard error' },
  usage: { code: 64, when: 'a command, argument or option is not understood' },
  badInput: { code: 65, when: 'a file that was given is damaged, or not of the form that is wanted' },
  noInput: { code: 66, when: 'a file or folder that was given is not there' },
  unavailable: { code: 69, when: 'the node does not answer, or a port or address cannot be had' },
  bug: { code: 70, when: 'a fault in Waypost' },
  cannotCreate: { code: 73, when: 'a file or folder cannot be made, or is there already and is not overwritten' },
  damaged: { code: 74, when: 'files of the archive are damaged' },
  inUse: { code: 75, when: 'another process has the archive open' },
  noPermission: { code: 77, when: 'not permitted: a token is missing or wrong, or a secret is open to other users' },
  badSettings: { code: 78, when: 'settings or key are not valid, or data is of a later release' },
  interrupted: { code: 130, when: 'interrupted (Ctrl-C) before the work was done' },
} as const satisfies Record<string, ExitRow>

type Name = keyof typeof table

/** The table, for the reference page. */
export const exitTable: Readonly<Record<Name, ExitRow>> = table

/** The codes by name. */
export const exits = Object.fromEntries(Object.entries(table).map(([name, { code }]) => [name, code])) as {
  // What fromEntries does to the values, this says of their types.
  readonly [N in Name]: (typeof table)[N]['code']
}

/** The code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  return isWaypostError(error) ? (errorTable[error.code].exit ?? exits.failed) : exits.failed
}
