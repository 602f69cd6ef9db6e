/** What one source gives: a setting by name, with the text of its values, and where that stood. */
import { nearest } from './nearest.ts'
import { isSettingName, type SettingName, settingNames, settingTable } from './table.ts'

/** Where a value comes from. */
export type Origin =
  | { readonly from: 'flag'; readonly flag: string }
  | { readonly from: 'environment'; readonly variable: string }
  | { readonly from: 'file'; readonly path: string; readonly key: string; readonly line?: number }
  | { readonly from: 'preset'; readonly preset: string }
  | { readonly from: 'mode'; readonly mode: string }
  | { readonly from: 'default' }

/** A setting given by a source, as text. A source that repeats a setting gives it several times. */
export interface Given {
  readonly name: SettingName
  readonly text: string
  readonly origin: Origin
  /** The text is the path of a file that holds the value (`--nodekey-file`). */
  readonly inFile?: true
}

/** What the settings of one source, or of all, come to beside their values. Each entry is one line for a person. */
export interface Findings {
  readonly problems: string[]
  readonly warnings: string[]
}

/** `--tcp-port`, `WAYPOST_TCP_PORT`, `node.toml:3 tcp-port`, `preset twn`, `mode edge` or `default`. */
export function showOrigin(origin: Origin): string {
  switch (origin.from) {
    case 'flag':
      return `--${origin.flag}`
    case 'environment':
      return origin.variable
    case 'file':
      return `${origin.path}${origin.line === undefined ? '' : `:${origin.line}`} ${origin.key}`
    case 'preset':
      return `preset ${origin.preset}`
    case 'mode':
      return `mode ${origin.mode}`
    case 'default':
      return 'default'
  }
}

const fileSuffix = '-file'

/** Which setting a name means: its own, or `<name>-file` for a secret that stands in a file. */
export function settingNamed(name: string): { readonly name: SettingName; readonly inFile?: true } | undefined {
  if (isSettingName(name)) return { name }
  const secret = name.endsWith(fileSuffix) ? name.slice(0, -fileSuffix.length) : ''
  return isSettingName(secret) && settingTable[secret].kind.secret ? { name: secret, inFile: true } : undefined
}

/** Every name that a source may use. */
export const allNames: readonly string[] = settingNames.flatMap((name) =>
  settingTable[name].kind.secret ? [name, name + fileSuffix] : [name],
)

/** What other nodes call our settings; named in the answer to an unknown one, not taken (several differ in their values). */
const namesElsewhere: Readonly<Record<string, SettingName>> = {
  address: 'listen-address',
  host: 'listen-address',
  port: 'tcp-port',
  'ws-port': 'websocket-port',
  'wss-port': 'websocket-port',
  'websocket-secure-port': 'websocket-port',
  'persist-peers': 'peer-persistence',
  'ext-ip': 'nat',
  'log-encoding': 'log-format',
  'protected-topic': 'protected-shard',
  'pubsub-topic': 'shard',
  topic: 'content-topic',
  'filter-timeout': 'filter-subscription-timeout',
  'store-message-retention-time': 'store-message-retention-policy',
  'store-message-retention-capacity': 'store-message-retention-policy',
  'dns-discovery-name-server': 'dns-addrs-name-server',
  'rln-relay-cred-index': 'rln-relay-membership-index',
  'key-file': 'data-dir',
}

/** `no such setting`, and the one that was meant, written by `write` as the source writes it. */
export function unknown(name: string, write: (name: string) => string): string {
  const plain = name.toLowerCase().replaceAll('_', '-')
  const elsewhere = Object.hasOwn(namesElsewhere, plain) ? namesElsewhere[plain] : undefined
  const meant = elsewhere ?? nearest(plain, allNames)
  return meant === undefined ? 'no such setting' : `no such setting; did you mean ${write(meant)}?`
}
