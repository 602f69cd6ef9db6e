/** The device of a person that a command works on: its folder, its password, and the nodes by which it reaches others. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { WaypostError } from '../../core/errors.ts'
import type { Messenger, OpenOptions } from '../../messaging/messenger/messenger.ts'
import type { OutputOptions } from '../output.ts'
import { askSecret, asNew, passwordIn } from '../password.ts'
import { nobody, WatchedNetwork } from './watched-network.ts'

export interface DeviceOptions extends OutputOptions {
  readonly folder?: string
  readonly passwordFile?: string
}

export interface NetworkOptions extends DeviceOptions {
  readonly node?: readonly string[]
}

/** What stands in the environment. src/settings/environment.ts knows that they are no settings of the node. */
const variables = { password: 'WAYPOST_MESSAGE_PASSWORD', nodes: 'WAYPOST_MESSAGE_NODES' } as const

/** The file of the account, which src/messaging/messenger makes. */
const accountFile = 'account.json'

export function folderOf({ folder }: DeviceOptions): string {
  return path.resolve(folder ?? defaultFolder())
}

/** Where data of programs belongs (XDG Base Directory Specification). */
function defaultFolder(): string {
  const { XDG_DATA_HOME = '' } = process.env
  const base = path.isAbsolute(XDG_DATA_HOME) ? XDG_DATA_HOME : path.join(homedir(), '.local', 'share')
  return path.join(base, 'waypost', 'messages')
}

function hasIdentity(folder: string): boolean {
  return existsSync(path.join(folder, accountFile))
}

async function passwordOf({ passwordFile }: DeviceOptions): Promise<string> {
  if (passwordFile !== undefined) return await passwordIn(passwordFile)
  const { [variables.password]: held = '' } = process.env
  return held === '' ? await ask('Password: ') : held
}

function ask(question: string): Promise<string> {
  return askSecret(
    question,
    `there is no terminal to ask for the password: take --password-file or ${variables.password}`,
  )
}

/** The nodes that are named, by options or in the environment. Throws `cli/bad-usage` when none is. */
export function nodesOf({ node = [] }: NetworkOptions): readonly string[] {
  const { [variables.nodes]: held = '' } = process.env
  const nodes = node.length > 0 ? node : held.split(/[\s,]+/).filter((one) => one !== '')
  if (nodes.length > 0) return nodes
  throw badUsage(`name a node with --node <multiaddr>, or in ${variables.nodes}: waypost status prints its addresses`)
}

/** Makes a device, and gives it. Nothing of it is told to the network yet. Throws `key-file/exists`, `mnemonic/invalid`. */
export async function newDevice(options: DeviceOptions, who: Pick<OpenOptions, 'words' | 'name'>): Promise<OpenDevice> {
  const folder = folderOf(options)
  if (hasIdentity(folder)) throw new WaypostError('key-file/exists', { file: path.join(folder, accountFile) })
  const isAsked = options.passwordFile === undefined && !process.env[variables.password]
  const password = await asNew(await passwordOf(options), isAsked ? () => ask('Once more: ') : undefined)
  const { open } = await import('../../messaging/messenger/messenger.ts')
  const me = await open({ folder, password, network: nobody, ...who })
  return { me, [Symbol.asyncDispose]: () => me[Symbol.asyncDispose]() }
}

export interface OpenDevice extends AsyncDisposable {
  readonly me: Messenger
}

/** The device as it is on disk: for what needs no network. Throws `cli/no-identity`, `key-file/*`, `storage/*`. */
export async function deviceHere(options: DeviceOptions): Promise<OpenDevice> {
  const { open } = await import('../../messaging/messenger/messenger.ts')
  const me = await open({ ...(await opening(options)), network: nobody })
  return { me, [Symbol.asyncDispose]: () => me[Symbol.asyncDispose]() }
}

async function opening(options: DeviceOptions): Promise<{ folder: string; password: string }> {
  const folder = folderOf(options)
  if (!hasIdentity(folder)) throw new WaypostError('cli/no-identity', { folder })
  return { folder, password: await passwordOf(options) }
}

/** A device that reaches others. */
export interface ConnectedDevice extends OpenDevice {
  /** Asks stores for what came while it was away. Throws `messaging/no-network`. */
  catchUp(): Promise<void>
  /** Resolves when a node is reached for the first time; what came meanwhile is asked for then. */
  readonly online: Promise<void>
  /** Resolves when a node has taken all that was said so far. Throws `messaging/no-network`. */
  handedOver(): Promise<void>
  /** Aborted, with the reason, when the disk fails. */
  readonly failed: AbortSignal
}

export interface Connecting {
  /** What the person is called from now on. */
  readonly name?: string
  /** The address of a node that was started for this person, asked with none but those of options: what it cannot relay yet waits. */
  readonly own?: string
}

/** The device, connected to its nodes. Throws as `deviceHere`, and `client/bad-address`. */
export async function connectedDevice(
  options: NetworkOptions,
  { name, own }: Connecting = {},
): Promise<ConnectedDevice> {
  const nodes = own === undefined ? nodesOf(options) : [own, ...(options.node ?? [])]
  const held = await opening(options)
  const { connect } = await import('../../client/client.ts')
  const { open } = await import('../../messaging/messenger/messenger.ts')
  const { statusMaxMessageBytes } = await import('../../messaging/segmentation/split.ts')
  await using parts = new AsyncDisposableStack()
  const keptIsEnough = own === undefined
  const client = parts.use(await connect({ nodes, maxMessageBytes: statusMaxMessageBytes, keptIsEnough }))
  const network = new WatchedNetwork(client)
  const failure = new AbortController()
  const onFailure = (error: unknown): void => failure.abort(error)
  const me = parts.use(await open({ ...held, network, onFailure, ...(name !== undefined && { name }) }))
  const opened = parts.move()
  return {
    me,
    failed: failure.signal,
    online: network.online,
    async catchUp() {
      await me.fetch()
      // Who we are is published from then on, and what came meanwhile is asked for once more.
      await network.online
      await me.fetch()
      failure.signal.throwIfAborted()
    },
    async handedOver() {
      await me.settled()
      failure.signal.throwIfAborted()
      network.throwIfRefused()
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** What a command does with a device that has caught up; what it says is with the nodes when this resolves. */
export async function onNetwork<Result>(
  options: NetworkOptions,
  work: (device: ConnectedDevice) => Promise<Result>,
): Promise<Result> {
  await using device = await connectedDevice(options)
  await device.catchUp()
  const result = await work(device)
  await device.handedOver()
  return result
}

function badUsage(why: string): WaypostError {
  return new WaypostError('cli/bad-usage', { why })
}
