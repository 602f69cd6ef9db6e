/** `waypost keys`: the identity of a node. The key itself never stands in what is printed. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { PrivateKey } from '@libp2p/interface'
import type { Command } from 'commander'
import { systemCode, WaypostError } from '../../core/errors.ts'
import { openDataFolder } from '../../node/data-folder.ts'
import { action } from '../action.ts'
import { writeNewFile } from '../new-file.ts'
import { type NodeOptions, nodeSettings, withNodeOptions } from '../node-settings.ts'
import { columns, type OutputOptions, remark, show } from '../output.ts'

type Options = NodeOptions & OutputOptions

export function addKeys(program: Command): void {
  const keys = program.command('keys').description('The key of a node, from which its peer id comes')
  const add = (name: string, help: string): Command =>
    withNodeOptions(keys.command(name).description(help)).option('--json', 'one line of JSON')
  add('show', 'Peer id and public key').action(action(showKey))
  add('export', 'Write the key into a new file: 64 hexadecimal digits, readable by its owner only')
    .requiredOption('--to <file>', 'the file to write')
    .action(action(exportKey))
  add('import', 'Take a key that was exported, from this node or another Waku node')
    .argument('<file>', 'the file with 64 hexadecimal digits, or - for standard input')
    .option('--replace', 'put it in place of a key that is there, which is kept beside it')
    .action(action(importKey))
  add('rotate', 'Give the node a new identity; the old key is kept beside the new one').action(action(rotateKey))
}

// What deals with keys is heavy to load, and needed only when one of these runs.
const identity = () => import('../../net/identity.ts')

async function keyFileOf(options: Options): Promise<string> {
  const { settings } = nodeSettings(options)
  if (settings.nodekey !== undefined)
    remark('waypost: --nodekey is set: it counts when the node runs, not the key file')
  return path.join(settings.dataDir, 'node.key')
}

async function existingKey(file: string): Promise<PrivateKey> {
  const { readNodeKey } = await identity()
  const key = await readNodeKey(file)
  if (key === undefined) throw new WaypostError('cli/no-key', { file })
  return key
}

async function showKey(options: Options): Promise<undefined> {
  const file = await keyFileOf(options)
  await tell(file, await existingKey(file), options)
}

async function exportKey(options: Options & { readonly to: string }): Promise<undefined> {
  const key = await existingKey(await keyFileOf(options))
  const file = path.resolve(options.to)
  await writeNewFile(file, `${Buffer.from(key.raw).toString('hex')}\n`, { what: 'name another with --to' })
  await tell(file, key, options)
  remark('Whoever has this file can be your node: keep it as you keep a password.')
}

async function importKey(source: string, options: Options & { readonly replace?: boolean }): Promise<undefined> {
  const { nodeKeyFromHex, readNodeKey, replaceNodeKey, writeNodeKey } = await identity()
  const file = await keyFileOf(options)
  const key = nodeKeyFromHex(await readSource(source), source === '-' ? 'standard input' : source)
  await openDataFolder(path.dirname(file))
  const present = await readNodeKey(file)
  if (present !== undefined && options.replace !== true)
    throw new WaypostError('cli/exists', {
      path: file,
      what: 'add --replace to put another key there; this one is kept',
    })
  if (present === undefined) await writeNodeKey(file, key)
  else await replaceNodeKey(file, key, await oldName(file, present))
  await tell(file, key, options)
}

async function readSource(source: string): Promise<string> {
  if (source === '-') return await text(process.stdin)
  try {
    return await readFile(source, 'utf8')
  } catch (error) {
    throw new WaypostError('cli/no-such-file', { path: source, why: systemCode(error) }, { cause: error })
  }
}

async function rotateKey(options: Options): Promise<undefined> {
  const { newNodeKey, replaceNodeKey } = await identity()
  const file = await keyFileOf(options)
  const present = await existingKey(file)
  const key = await newNodeKey()
  const old = await oldName(file, present)
  await replaceNodeKey(file, key, old)
  await tell(file, key, options)
  remark(
    `The old key is in ${old}. The new one holds from the next start on; whoever names this node by its peer id needs`,
  )
  remark('the new one: static peers, bootstrap lists, DNS records.')
}

/** `node.key.16Uiu2...`: a key is kept under the name of its peer. */
async function oldName(file: string, key: PrivateKey): Promise<string> {
  return `${file}.${await peerIdOf(key)}`
}

async function peerIdOf(key: PrivateKey): Promise<string> {
  const { peerIdFromPrivateKey } = await import('@libp2p/peer-id')
  return peerIdFromPrivateKey(key).toString()
}

async function tell(file: string, key: PrivateKey, options: OutputOptions): Promise<void> {
  const value = {
    file,
    peerId: await peerIdOf(key),
    publicKey: Buffer.from(key.publicKey.raw).toString('hex'),
  }
  await show(value, options, ({ file, peerId, publicKey }) =>
    columns([
      ['file', file],
      ['peer id', peerId],
      ['public key', publicKey],
    ]),
  )
}
