/** A node beside a chat, in its process: one of the network, which relays and keeps for others too. */
import { isIPv6 } from 'node:net'
import { startNode, type WaypostNode } from '../../node/node.ts'
import { resolveSettings } from '../../settings/resolve.ts'
import type { Settings } from '../../settings/table.ts'
import { silentLog } from '../../telemetry/log.ts'
import { remark } from '../output.ts'
import { version } from '../version.ts'

/** What the person needs of it, and what others kept meanwhile; servers for operators nobody would look for here. */
const services = ['--relay=true', '--store=true', '--store-resume=true', '--filter=true', '--lightpush=true']
const noServers = ['--rest=false', '--metrics-server=false']

export interface OwnNode extends AsyncDisposable {
  /** By which this process reaches it, with its id. */
  readonly address: string
}

/**
 * Starts a node with the settings of a file, its data in `folder` unless the settings say where. Throws `settings/invalid`, and as
 * `startNode`.
 */
export async function startOwnNode(configFile: string, folder: string): Promise<OwnNode> {
  const { settings, warnings } = settingsOf(configFile, folder)
  for (const warning of warnings) remark(`waypost: ${warning}`)
  const node = await startNode({ settings, version, log: silentLog() })
  return { address: addressOf(node, settings), [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]() }
}

function settingsOf(configFile: string, folder: string) {
  const argv = [`--config-file=${configFile}`, ...services, ...noServers]
  const resolved = resolveSettings({ argv, env: process.env })
  if (resolved.origins['data-dir'].from !== 'default') return resolved
  return resolveSettings({ argv: [...argv, `--data-dir=${folder}`], env: process.env })
}

/** It announces where others reach it, which need not be reached from here. */
function addressOf({ addresses, peerId }: WaypostNode, { listenAddress, tcpPort }: Settings): string {
  const port = tcpPort === 0 ? /\/tcp\/(\d+)\/p2p\//.exec(addresses.join(' '))?.[1] : tcpPort
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[listenAddress] ?? listenAddress
  return `/${isIPv6(host) ? 'ip6' : 'ip4'}/${host}/tcp/${port}/p2p/${peerId}`
}
