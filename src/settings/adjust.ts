/** What some settings do to others, applied last: consumers read the result and need not know. */
import { camelCase, type Settings, settingNames, settingTable } from './table.ts'

/** `settings` with ports shifted, and WebSocket on where secure WebSocket is. */
export function adjusted(settings: Settings): Settings {
  return {
    ...settings,
    ...shiftedPorts(settings),
    websocketSupport: settings.websocketSupport || settings.websocketSecureSupport,
  }
}

function shiftedPorts(settings: Settings): Partial<Settings> {
  const shifted = portsOf(settings).map(([name, port]) => [name, port + settings.portsShift])
  return Object.fromEntries(shifted)
}

/** The ports that `ports-shift` moves: all but those that the system chooses. */
export function portsOf(settings: Settings): (readonly [keyof Settings, number])[] {
  const names = settingNames.filter((name) => settingTable[name].shifted).map(camelCase)
  return names.map((name) => [name, Number(settings[name])] as const).filter(([, port]) => port !== 0)
}
