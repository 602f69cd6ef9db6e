/** The archive of a node: asked of the running node over REST, or, while none runs, opened in its data folder. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { ExportRecord } from '../archive/export/format.ts'
import { isWaypostError, WaypostError } from '../core/errors.ts'
import type { ExportAsked, ImportTold, StoreStats } from '../rest/routes/store-admin.ts'
import type { Settings } from '../settings/table.ts'
import { nodeSettings } from './node-settings.ts'
import { remark } from './output.ts'
import { type RestClient, type RestOptions, restClient } from './rest-client.ts'
import { version } from './version.ts'

export interface StoreOptions extends RestOptions {
  /** Open the data folder without asking for a node. */
  readonly offline?: boolean
}

/** What can be done with an archive, running or not. */
export interface StoreAccess extends AsyncDisposable {
  /** Where it is, for a person. */
  readonly at: string
  readonly running: boolean
  stats(): Promise<StoreStats>
  /** Messages in the order of history, some at a time. */
  export(asked: ExportAsked, signal: AbortSignal): AsyncIterable<readonly ExportRecord[]>
  import(records: readonly ExportRecord[]): Promise<ImportTold>
}

/**
 * Opens what the options name; `own`: whatever they name, it has to be the node of the data folder. Throws what the client throws, `cli/other-node`, `cli/no-such-file`, `archive/locked`.
 */
export async function openStoreAccess(
  options: StoreOptions,
  { create = false, own = false } = {},
): Promise<StoreAccess> {
  const settings = storeSettings(options)
  if (options.offline) return await openClosed(settings, create)
  const client = restClient(readable(options))
  const running = await findNode(client, options, settings, own)
  if (running !== undefined) return running
  remark(`waypost: no node answers at ${client.url}: using the data folder ${settings.dataDir} itself`)
  return await openClosed(settings, create)
}

/** The settings of a node, whatever they say about its archive: one that cannot start has an archive too. */
export function storeSettings(options: StoreOptions): Settings {
  const { settings } = nodeSettings(readable(options))
  const { storeMessageDbUrl: url } = settings
  // A file of nwaku's, which is imported into the archive that takes its place.
  return url?.engine === 'sqlite' && existsSync(url.path) ? { ...settings, storeMessageDbUrl: undefined } : settings
}

function readable(options: StoreOptions): StoreOptions {
  return { ...options, flags: ['--store=false'] }
}

async function findNode(
  client: RestClient,
  { restUrl }: StoreOptions,
  settings: Settings,
  own: boolean,
): Promise<StoreAccess | undefined> {
  try {
    await client.text('/health', { alsoTakes: 503 })
  } catch (error) {
    if (restUrl === undefined && isWaypostError(error, 'cli/node-unreachable')) return undefined
    throw error
  }
  if (own || restUrl === undefined) await checkIsOurs(client, settings)
  const { RunningStore } = await import('./running-store.ts')
  return new RunningStore(client)
}

/** Where the settings lead to another node, its messages would pass for those of this folder. */
async function checkIsOurs(client: RestClient, settings: Settings): Promise<void> {
  const { listenAddresses = [] } = (await client.json('/info')) as { listenAddresses?: readonly string[] }
  const found = /\/p2p\/([^/]+)$/.exec(listenAddresses[0] ?? '')?.[1]
  const own = await ownPeerId(settings)
  if (found !== undefined && own !== undefined && found !== own)
    throw new WaypostError('cli/other-node', { url: client.url, found, own, folder: settings.dataDir })
}

async function ownPeerId({ nodekey, dataDir }: Settings): Promise<string | undefined> {
  const { nodeKeyFromHex, readNodeKey } = await import('../net/identity.ts')
  const { peerIdFromPrivateKey } = await import('@libp2p/peer-id')
  const key = nodekey === undefined ? await readNodeKey(keyFileIn(dataDir)) : nodeKeyFromHex(nodekey, '--nodekey')
  return key && peerIdFromPrivateKey(key).toString()
}

export function keyFileIn(dataDir: string): string {
  return path.join(dataDir, 'node.key')
}

/** Opens the archive of a node that does not run, for this process alone. */
export async function openClosed(settings: Settings, create: boolean): Promise<StoreAccess> {
  const { openClosedStore } = await import('./closed-store.ts')
  return await openClosedStore(settings, { create, version })
}
