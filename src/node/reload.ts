/**
 * Reload: the settings are read again from their sources, and what a running node can change is changed. All or nothing:
 * everything that the new settings name is read before any of it counts.
 */
import { isDeepStrictEqual } from 'node:util'
import { isWaypostError, messageOf } from '../core/errors.ts'
import type { Change, ReloadReport } from '../rest/routes/reload.ts'
import { camelCase, type SettingName, type Settings, settingNames, settingTable } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { LivePart, Prepared } from './live.ts'

export interface ReloadParts {
  /** What the node was started with. */
  readonly settings: Settings
  /** Reads the settings again. Throws `settings/invalid`. */
  readonly read: () => Settings
  readonly live: readonly LivePart[]
  readonly log: Log
}

/** A subject with what changes in it. */
interface Due extends Prepared {
  readonly changes: readonly Change[]
  readonly settings: readonly SettingName[]
}

export class Reload {
  readonly #parts: ReloadParts
  /** What is in force, setting by setting. */
  #running: Settings
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: ReloadParts) {
    this.#parts = parts
    this.#running = parts.settings
  }

  /** The settings in force. */
  get running(): Settings {
    return this.#running
  }

  /** Reads and applies. One reload ends before the next begins. Does not throw. */
  run(): Promise<ReloadReport> {
    const done = this.#last.then(() => this.#runOnce())
    this.#last = done
    return done
  }

  async #runOnce(): Promise<ReloadReport> {
    const { read, live, log } = this.#parts
    try {
      const settings = read()
      const due = await Promise.all(live.map((part) => this.#prepare(part, settings)))
      const report = this.#apply(due, settings)
      tell(report, log)
      return report
    } catch (error) {
      const problems = problemsOf(error)
      for (const problem of problems) log.warn({ problem }, 'settings not reloaded, nothing has changed')
      return { applied: [], needsRestart: [], problems }
    }
  }

  async #prepare(part: LivePart, settings: Settings): Promise<Due> {
    const prepared = await part.prepare(settings)
    const changes = this.#changed(settings, part.settings)
    const [first = ''] = part.settings
    const news = changes.length > 0 || prepared.news === undefined ? [] : [{ setting: first, says: prepared.news }]
    return { apply: () => prepared.apply(), settings: part.settings, changes: [...changes, ...news] }
  }

  #apply(due: readonly Due[], settings: Settings): ReloadReport {
    const wanted = due.filter(({ changes }) => changes.length > 0)
    for (const { apply } of wanted) apply()
    const live = new Set(due.flatMap((part) => part.settings))
    const needsRestart = this.#changed(
      settings,
      settingNames.filter((name) => !live.has(name)),
    )
    this.#running = { ...this.#running, ...pick(settings, live) }
    return { applied: wanted.flatMap(({ changes }) => changes), needsRestart, problems: [] }
  }

  #changed(settings: Settings, names: readonly SettingName[]): readonly Change[] {
    const differs = (name: SettingName): boolean =>
      !isDeepStrictEqual(settings[camelCase(name)], this.#running[camelCase(name)])
    const says = (name: SettingName): string => `${shown(name, this.#running)} -> ${shown(name, settings)}`
    return names.filter(differs).map((setting) => ({ setting, says: says(setting) }))
  }
}

/** A value as one would write it, without what is secret. */
function shown(name: SettingName, settings: Settings): string {
  const value: unknown = settings[camelCase(name)]
  const text = value === undefined ? '' : settingTable[name].kind.show(value)
  return text === '' ? 'not set' : text
}

function pick(settings: Settings, names: ReadonlySet<SettingName>): Partial<Settings> {
  return Object.fromEntries([...names].map((name) => [camelCase(name), settings[camelCase(name)]]))
}

/** One line for each change. */
function tell({ applied, needsRestart }: ReloadReport, log: Log): void {
  for (const { setting, says } of applied) log.info({ setting, change: says }, 'setting changed')
  for (const { setting, says } of needsRestart)
    log.info({ setting, change: says }, 'setting changed, which takes effect with the next start')
  log.info({ applied: applied.length, needsRestart: needsRestart.length }, 'settings reloaded')
}

/** The settings tell all that is wrong with them at once, a line each. */
function problemsOf(error: unknown): readonly string[] {
  if (!isWaypostError(error, 'settings/invalid')) return [messageOf(error)]
  return String(error.data.problems)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
