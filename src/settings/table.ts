/**
 * Every setting, once. From its row come the flag, the environment variable, the TOML key, the type of its value, its
 * check, the help text and its line in docs/settings.md.
 */
import type { Row } from './row.ts'
import { discovery, mix } from './table/discovery.ts'
import { logs } from './table/logs.ts'
import { node } from './table/node.ts'
import { peers } from './table/peers.ts'
import { relay, rln } from './table/relay.ts'
import { metrics, rest, websocket } from './table/servers.ts'
import { filter, lightpush, store } from './table/services.ts'

const table = {
  ...logs,
  ...node,
  ...peers,
  ...relay,
  ...store,
  ...filter,
  ...lightpush,
  ...rest,
  ...metrics,
  ...websocket,
  ...discovery,
  ...rln,
  ...mix,
} as const

type Table = typeof table

/** The name of a setting: its flag without the dashes. */
export type SettingName = keyof Table

type Camel<Name extends string> = Name extends `${infer Word}-${infer Rest}`
  ? `${Word}${Capitalize<Camel<Rest>>}`
  : Name
type Value<R> = R extends Row<infer T> ? T : never

/** The settings of a node, by name in camel case: `settings.tcpPort` is `--tcp-port`. */
export type Settings = { readonly [Name in SettingName as Camel<Name>]: Value<Table[Name]> }

/** The rows by name, for those who treat all alike. */
export const settingTable: Readonly<Record<SettingName, Row<unknown>>> = table

export const settingNames = Object.keys(table) as readonly SettingName[]

/** The rows by subject, in the order of help and reference page. */
export const settingGroups: Readonly<Record<string, Readonly<Record<string, Row<unknown>>>>> = {
  'Configuration and logs': logs,
  'Node and addresses': node,
  'Peers and connections': peers,
  'Relay and shards': relay,
  Store: store,
  Filter: filter,
  'Light push and rate limits': lightpush,
  REST: rest,
  Metrics: metrics,
  WebSocket: websocket,
  Discovery: discovery,
  RLN: rln,
  Mix: mix,
}

/** `tcp-port` as `tcpPort`. */
export function camelCase(name: SettingName): keyof Settings {
  // What the expression does to the text, `Camel` does to the type.
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as keyof Settings
}

/** True for the name of a setting. */
export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(table, name)
}
