/** The settings in words, for `--help`, `config show` and the reference page. */
import { variableOf } from './environment.ts'
import { type Origin, showOrigin } from './given.ts'
import type { Resolved } from './resolve.ts'
import type { Row } from './row.ts'
import { camelCase, settingGroups, settingNames, settingTable } from './table.ts'

/** One setting as a person reads of it. */
export interface SettingText {
  /** `tcp-port`: the flag without its dashes, and the key in a settings file. */
  readonly name: string
  /** `--tcp-port=<port>`. */
  readonly flag: string
  /** `WAYPOST_TCP_PORT`. */
  readonly variable: string
  /** What fits. */
  readonly form: string
  /** The default as one would write it, or in words what holds when the setting is not given. */
  readonly default: { readonly text: string; readonly isValue: boolean }
  readonly help: string
  /** What else is to be known: how we differ from nwaku, and whether the setting has an effect. */
  readonly notes: readonly string[]
}

export interface SettingGroup {
  readonly title: string
  readonly settings: readonly SettingText[]
}

/** Every setting by subject, in the order of the table. */
export function describeSettings(): readonly SettingGroup[] {
  return Object.entries(settingGroups).map(([title, rows]) => ({
    title,
    settings: Object.entries(rows).map(([name, row]) => describe(name, row)),
  }))
}

function describe(name: string, row: Row<unknown>): SettingText {
  const { kind, help } = row
  return {
    name,
    flag: kind.type === 'bool' ? `--${name}` : `--${name}=<${kind.type}>`,
    variable: variableOf(name),
    form: kind.form,
    default: defaultText(row),
    help,
    notes: [...effectNotes(row), ...originNotes(name, row)],
  }
}

function defaultText(row: Row<unknown>): SettingText['default'] {
  if (row.default !== undefined) return { text: row.default, isValue: true }
  return { text: row.unset ?? (row.kind.join === undefined ? 'not set' : 'none'), isValue: false }
}

function effectNotes({ treatment }: Row<unknown>): string[] {
  if (treatment.is === 'implemented') return []
  if (treatment.is === 'refused') return [`Refused unless ${treatment.as}: ${treatment.why}.`]
  return [`Accepted without effect: ${treatment.why}.`]
}

function originNotes(name: string, { kind, nwaku, ours, live }: Row<unknown>): string[] {
  return [
    ...(kind.secret ? [`Also from a file: --${name}-file=<path>.`] : []),
    ...(nwaku === undefined ? [] : [`Differs: nwaku has ${nwaku}.`]),
    ...(ours ? ['Not in nwaku.'] : []),
    ...(live ? ['Live.'] : []),
  ]
}

/** A setting as it holds for a node, without what is secret. */
export interface ShownSetting {
  readonly name: string
  readonly value: string | undefined
  readonly origin: Origin
  /** `--tcp-port`, `node.toml:3 tcp-port`, `default`. */
  readonly from: string
}

/** Every setting with its value and where that comes from. */
export function showSettings({ settings, origins }: Pick<Resolved, 'settings' | 'origins'>): readonly ShownSetting[] {
  return settingNames.map((name) => {
    const value: unknown = settings[camelCase(name)]
    const shown = value === undefined ? undefined : settingTable[name].kind.show(value)
    return { name, value: shown, origin: origins[name], from: showOrigin(origins[name]) }
  })
}
