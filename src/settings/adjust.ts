/** What some settings do to others, applied last: consumers read the result and need not know. */
import path from 'node:path'
import { camelCase, type Settings, settingNames, settingTable } from './table.ts'

/** `settings` with ports shifted, and WebSocket on where secure WebSocket is. */
export function adjusted(given: Settings): Settings {
  const settings = { ...given, ...certified(given) }
  return {
    ...settings,
    ...shiftedPorts(settings),
    websocketSupport: settings.websocketSupport || settings.websocketSecureSupport,
  }
}

/** A name that we get a certificate for is served and announced; the files are ours. */
function certified({ acmeDomain, autoTls, dataDir, dns4DomainName }: Settings): Partial<Settings> {
  if (acmeDomain !== undefined)
    return { dns4DomainName: dns4DomainName ?? acmeDomain, ...servedFrom(dataDir, 'certificate') }
  return autoTls ? servedFrom(dataDir, 'auto-tls') : {}
}

function servedFrom(dataDir: string, name: string): Partial<Settings> {
  return {
    websocketSecureSupport: true,
    websocketSecureKeyPath: path.join(dataDir, 'acme', `${name}.key.pem`),
    websocketSecureCertPath: path.join(dataDir, 'acme', `${name}.pem`),
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
