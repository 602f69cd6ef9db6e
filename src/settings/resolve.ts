/**
 * The settings of a node, out of all their sources: flag, environment, file, mode, preset, default; the strongest that gives a
 * setting counts. Every problem is found before any is reported.
 */
import path from 'node:path'
import { messageOf, WaypostError } from '../core/errors.ts'
import { adjusted } from './adjust.ts'
import { readFlags } from './argv.ts'
import { check } from './checks.ts'
import { readEnvironment } from './environment.ts'
import { readSecretFile, readSettingsFile } from './file.ts'
import { type Findings, type Given, type Origin, showOrigin } from './given.ts'
import { Misfit } from './kinds/kind.ts'
import { modeLayer } from './modes.ts'
import { presetLayer } from './presets.ts'
import type { Row } from './row.ts'
import { camelCase, type SettingName, type Settings, settingNames, settingTable } from './table.ts'

export interface Sources {
  /** The arguments after the sub-command. */
  readonly argv?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Where relative paths start. */
  readonly cwd?: string
}

export type Origins = Readonly<Record<SettingName, Origin>>

export interface Resolved {
  readonly settings: Settings
  /** Where each value comes from. */
  readonly origins: Origins
  /** One line each, to be logged at the start. */
  readonly warnings: readonly string[]
}

/** Throws `settings/invalid` with a line for every problem. */
export function resolveSettings({ argv = [], env = {}, cwd = process.cwd() }: Sources): Resolved {
  const findings: Findings = { problems: [], warnings: [] }
  const explicit = readSources(argv, env, cwd, findings)
  const unknowns = findings.problems.length
  const { settings, origins } = readRows([...explicit, modeLayer(explicit), presetLayer(explicit)], cwd, findings)
  // What settings have to do with each other can be told when each of them could be read; unknown names do not matter.
  if (findings.problems.length === unknowns) check(settings, origins, findings)
  if (findings.problems.length > 0) throw invalid(findings.problems)
  return { settings: adjusted(settings), origins, warnings: findings.warnings }
}

function invalid(problems: readonly string[]): WaypostError<'settings/invalid'> {
  return new WaypostError('settings/invalid', { problems: problems.map((line) => `\n  ${line}`).join('') })
}

/** What each source gives, the strongest first. */
type Layers = readonly (readonly Given[])[]

function readSources(
  argv: readonly string[],
  env: NonNullable<Sources['env']>,
  cwd: string,
  findings: Findings,
): Layers {
  const layers = [readFlags(argv, findings), ...readEnvironment(env, findings)]
  const file = strongest(layers, 'config-file').at(-1)?.text
  return file ? [...layers, readSettingsFile(path.resolve(cwd, file), findings)] : layers
}

/** What the strongest source that has the setting gives for it. */
function strongest(layers: Layers, name: SettingName): readonly Given[] {
  for (const layer of layers) {
    const given = layer.filter((one) => one.name === name)
    if (given.length > 0) return given
  }
  return []
}

function readRows(layers: Layers, cwd: string, findings: Findings): Pick<Resolved, 'settings' | 'origins'> {
  const settings: Partial<Record<keyof Settings, unknown>> = {}
  const origins: Partial<Record<SettingName, Origin>> = {}
  for (const name of settingNames) {
    const given = strongest(layers, name)
    settings[camelCase(name)] = readRow(settingTable[name], given, cwd, findings)
    origins[name] = given.at(-1)?.origin ?? { from: 'default' }
  }
  // Filled from the table row by row, so they have the table's shape.
  return { settings: settings as Settings, origins: origins as Origins }
}

/** The value of one setting; where that cannot be read, its default, and the problem in `findings`. */
function readRow(row: Row<unknown>, given: readonly Given[], cwd: string, findings: Findings): unknown {
  const counted = row.kind.join === undefined ? given.slice(-1) : given
  const values = counted.map((one) => {
    const value = readGiven(row, one, cwd)
    if (value instanceof Misfit) findings.problems.push(`${showOrigin(one.origin)}: ${value.why}`)
    else judge(row, value, one, cwd, findings)
    return value
  })
  if (values.length === 0 || values.some((value) => value instanceof Misfit)) return defaultOf(row, cwd)
  return row.kind.join === undefined || values.includes(undefined) ? values.at(-1) : row.kind.join(values)
}

/** An empty text unsets a setting that may be unset. */
function readGiven(row: Row<unknown>, { text, inFile }: Given, cwd: string): unknown {
  if (text === '' && isOptional(row)) return undefined
  if (!inFile) return row.kind.parse(text, cwd)
  try {
    return row.kind.parse(readSecretFile(path.resolve(cwd, text)), cwd)
  } catch (error) {
    return new Misfit(`cannot be read: ${messageOf(error)}`)
  }
}

function isOptional({ kind, default: text, optional }: Row<unknown>): boolean {
  return text === undefined && (kind.join === undefined || optional === true)
}

/** The value of a setting that nothing gives. */
export function defaultOf(row: Row<unknown>, cwd: string): unknown {
  return isOptional(row) ? undefined : row.kind.parse(row.default ?? '', cwd)
}

/** Tells of a value that is refused, has no effect, or can be seen by others. */
function judge(row: Row<unknown>, value: unknown, given: Given, cwd: string, { problems, warnings }: Findings): void {
  const { treatment, kind } = row
  const at = showOrigin(given.origin)
  if (kind.secret === 'whole' && given.origin.from === 'flag' && !given.inFile) warnings.push(exposed(given))
  if (
    treatment.is === 'implemented' ||
    given.origin.from === 'preset' ||
    given.origin.from === 'mode' ||
    value === undefined
  )
    return
  if (treatment.as !== undefined && value === kind.parse(treatment.as, cwd)) return
  if (treatment.is === 'refused') problems.push(`${at}: refused: ${treatment.why}`)
  else warnings.push(`${at}: accepted without effect: ${treatment.why}`)
}

function exposed({ name, origin }: Given): string {
  return `${showOrigin(origin)}: every user of this machine can see it in the process list; --${name}-file takes it from a file`
}
