/** `waypost backup`: all that makes a node, in a folder that can be checked and restored. */
import path from 'node:path'
import type { PrivateKey } from '@libp2p/interface'
import type { Command } from 'commander'
import { WaypostError } from '../../core/errors.ts'
import type { Settings } from '../../settings/table.ts'
import { action } from '../action.ts'
import { createBackup } from '../backup/create.ts'
import type { Manifest } from '../backup/manifest.ts'
import { newPassword, type PasswordOptions, passwordOf } from '../backup/password.ts'
import { restoreBackup } from '../backup/restore.ts'
import { Sealer } from '../backup/seal.ts'
import { readManifest, type Verified, verifyBackup } from '../backup/verify.ts'
import { exits } from '../exit-codes.ts'
import { interruption } from '../interrupt.ts'
import { type NodeOptions, nodeSettings, withNodeOptions } from '../node-settings.ts'
import { columns, type OutputOptions, remark, show } from '../output.ts'
import { withRestOptions } from '../rest-client.ts'
import { showBytes } from '../snapshot.ts'
import { keyFileIn, openStoreAccess, type StoreOptions, storeSettings } from '../store-access.ts'

interface CreateOptions extends StoreOptions, PasswordOptions, OutputOptions {
  readonly to: string
  /** `--without-key` makes it false. */
  readonly withoutKey?: boolean
}

interface VerifyOptions extends PasswordOptions, OutputOptions {
  readonly peerId?: string
}

interface RestoreOptions extends VerifyOptions, NodeOptions {
  readonly replace?: boolean
}

export function addBackup(program: Command): void {
  const backup = program.command('backup').description('Backups of a node: its messages, key, token and settings')
  withPassword(withRestOptions(backup.command('create')))
    .description('Make a backup, whether the node runs or not. It holds the key of the node: keep it as you keep a key')
    .requiredOption('--to <folder>', 'the folder to make')
    .option('--offline', 'open the data folder itself; the node must not run')
    .option('--without-key', 'leave the key out: what is restored from it is another node')
    .option('--json', 'one line of JSON')
    .action(action(create))
  withPassword(backup.command('verify'))
    .description('Check a backup: signature, digests, every message. Exit code 0 when it is whole')
    .argument('<folder>', 'the backup')
    .option('--peer-id <id>', 'whose it has to be')
    .option('--json', 'one line of JSON')
    .action(action(verify))
  withPassword(withNodeOptions(backup.command('restore')))
    .description('Put a backup into a data folder that is empty or not there; all of it, or nothing')
    .argument('<folder>', 'the backup')
    .option('--peer-id <id>', 'whose it has to be')
    .option('--replace', 'move a data folder that is there aside, and keep it')
    .option('--json', 'one line of JSON')
    .action(action(restore))
}

function withPassword(command: Command): Command {
  return command
    .option('--password-file <file>', 'the file with the password under which key, token and settings are sealed')
    .option('--ask-password', 'ask for that password')
}

async function create(options: CreateOptions): Promise<number> {
  const settings = storeSettings(options)
  const key = await nodeKeyOf(settings)
  const password = await newPassword(options)
  const signal = interruption()
  const to = path.resolve(options.to)
  const configFile = path.resolve(options.configFile ?? path.join(settings.dataDir, 'waypost.toml'))
  const withKey = options.withoutKey !== true
  const sealer = password === undefined ? undefined : new Sealer(password)
  await using access = await openStoreAccess(options, { own: true })
  const made = await createBackup(access, to, { key, withKey, dataDir: settings.dataDir, configFile, sealer }, signal)
  if (made === undefined) return interrupted('nothing was made')
  const { totals, files } = made
  const { messages, bytes } = totals
  const told = { backup: to, peerId: await peerIdOf(key), messages, bytes, sealed: sealer !== undefined, files }
  await show(told, options, () =>
    columns([
      ['backup', to],
      ['peer id', told.peerId],
      ['messages', `${messages}, ${showBytes(bytes)}; from ${access.at}`],
      ...files.map(({ name, size }, index) => [index === 0 ? 'files' : '', `${name}, ${showBytes(size)}`]),
    ]),
  )
  if (withKey && sealer === undefined)
    remark(
      'waypost: the key of the node is in it, unsealed: whoever has this folder can be your node (--ask-password seals)',
    )
  return exits.ok
}

async function nodeKeyOf({ nodekey, dataDir }: Settings): Promise<PrivateKey> {
  const { nodeKeyFromHex, readNodeKey } = await import('../../net/identity.ts')
  if (nodekey !== undefined) return nodeKeyFromHex(nodekey, '--nodekey')
  const file = keyFileIn(dataDir)
  const key = await readNodeKey(file)
  if (key === undefined) throw new WaypostError('cli/no-key', { file })
  return key
}

async function peerIdOf(key: PrivateKey): Promise<string> {
  const { peerIdFromPrivateKey } = await import('@libp2p/peer-id')
  return peerIdFromPrivateKey(key).toString()
}

async function checked(folder: string, options: VerifyOptions): Promise<Verified> {
  const password = await passwordOf(options)
  const sealer = password === undefined ? undefined : new Sealer(password)
  return await verifyBackup(folder, { peerId: options.peerId, sealer })
}

async function verify(given: string, options: VerifyOptions): Promise<undefined> {
  const folder = path.resolve(given)
  const { manifest, opened, sealed } = await checked(folder, options)
  const told = { backup: folder, whole: true, ...summaryOf(manifest), sealed, opened: [...opened.keys()] }
  await show(told, options, () =>
    columns([['backup', `${folder} is whole`], ...rowsOf(manifest), ['key', keyText(sealed, opened)]]),
  )
}

function summaryOf({ peerId, waypost, createdAt, messages }: Manifest) {
  const { count, bytes, oldest, newest } = messages
  return { peerId, waypost, createdAt, messages: count, bytes, oldest, newest }
}

function rowsOf({ peerId, createdAt, waypost, messages: { count, bytes } }: Manifest): string[][] {
  return [
    ['peer id', peerId],
    ['made', `${createdAt} by waypost ${waypost}`],
    ['messages', `${count}, ${showBytes(bytes)}`],
  ]
}

function keyText(sealed: boolean, opened: Verified['opened']): string {
  if (opened.has('node.key')) return 'in it, and the right one'
  return sealed ? 'sealed: not looked at without the password' : 'not in it'
}

async function restore(given: string, options: RestoreOptions): Promise<number> {
  const folder = path.resolve(given)
  const { dataDir } = nodeSettings({ ...options, flags: ['--store=false'] }).settings
  const signal = interruption()
  const verified = await checked(folder, await withAsked(folder, options))
  const restored = await restoreBackup(folder, verified, dataDir, { replace: options.replace === true, signal })
  if (restored === undefined) return interrupted('nothing was changed')
  const { peerId } = verified.manifest
  const { messages, aside } = restored
  await show({ dataDir, peerId, messages, aside, files: [...verified.opened.keys()] }, options, () =>
    columns([
      ['data', dataDir],
      [
        'peer id',
        verified.opened.has('node.key') ? peerId : 'a new one at the next start: the key is not in the backup',
      ],
      ['messages', String(messages)],
      ...(aside === undefined ? [] : [['before', `kept in ${aside}`]]),
      ['run', runLine(dataDir, verified)],
    ]),
  )
  return exits.ok
}

/** A restore needs what is sealed: without a password it is asked for. */
async function withAsked(folder: string, options: RestoreOptions): Promise<RestoreOptions> {
  if (options.passwordFile !== undefined || options.askPassword === true) return options
  const { files } = await readManifest(folder)
  return { ...options, askPassword: files.some(({ name }) => name.endsWith('.sealed')) }
}

function runLine(dataDir: string, { opened }: Verified): string {
  const config = opened.has('waypost.toml') ? ` --config-file=${path.join(dataDir, 'waypost.toml')}` : ''
  return `waypost run${config} --data-dir=${dataDir}`
}

function interrupted(what: string): number {
  remark(`waypost: interrupted: ${what}`)
  return exits.interrupted
}
