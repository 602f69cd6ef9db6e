/** What a node is for, in one word: settings that hold where no source gives them; they count before those of a preset. Plain data. */
import type { Given } from './given.ts'
import type { ModeName } from './table/node.ts'
import { modeNames } from './table/node.ts'
import type { SettingName } from './table.ts'

export interface Mode {
  /** For the reference page. */
  readonly about: string
  readonly values: Readonly<Partial<Record<SettingName, string>>>
}

export const modes: Readonly<Record<ModeName, Mode>> = {
  core: { about: 'Carries messages for others. What it serves is said setting by setting.', values: {} },
  edge: {
    about:
      'A light client with a REST API: it relays and serves nothing, and uses filter, light push and store of several nodes that it finds, the next when one fails.',
    values: {
      relay: 'false',
      store: 'false',
      filter: 'false',
      lightpush: 'false',
      'circuit-relay': 'false',
      'peer-persistence': 'true',
    },
  },
}

/** What the mode gives that the strongest of `layers` names. A name that does not fit is reported with its setting. */
export function modeLayer(layers: readonly (readonly Given[])[]): Given[] {
  const named = layers.map((layer) => layer.findLast(({ name }) => name === 'mode')).find((one) => one !== undefined)
  const mode = modeNames.find((name) => name === named?.text.trim().toLowerCase())
  if (mode === undefined) return []
  // The keys of a mode's values are names of settings.
  return Object.entries(modes[mode].values).map(([name, text]) => ({
    name: name as SettingName,
    text,
    origin: { from: 'mode', mode },
  }))
}
