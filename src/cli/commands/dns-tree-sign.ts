/**
 * `waypost dns-tree sign`: makes the TXT records of a tree. The key is read from a file only, so that it is in no list of
 * processes; beside it stands what was signed last, so that the sequence number never goes back.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { PrivateKey } from '@libp2p/interface'
import { messageOf, systemCode, WaypostError } from '../../core/errors.ts'
import { replaceFile } from '../../files/whole-file.ts'
import { growTree, parseTreeUrl, type Subtrees, signRoot, treeUrlText } from '../../net/discovery/dns/tree.ts'
import { type Enr, enrFromText } from '../../net/discovery/enr.ts'
import { readRecord } from '../../net/discovery/node-record.ts'
import { newNodeKey, readNodeKey, writeNodeKey } from '../../net/identity.ts'
import { type OutputOptions, remark, show } from '../output.ts'
import { restClient } from '../rest-client.ts'
import { zoneFile } from './dns-tree-zone.ts'

export interface SignOptions extends OutputOptions {
  readonly keyFile: string
  readonly newKey?: boolean
  readonly from?: string
  readonly node?: readonly string[]
  readonly link?: readonly string[]
  readonly sequence?: bigint
}

/** Prints the TXT records of a tree at `domain`. */
export async function signTree(domain: string, texts: readonly string[], options: SignOptions): Promise<void> {
  const at = domain.toLowerCase().replace(/\.$/, '')
  const records = await recordsOf(texts, options)
  const links = (options.link ?? []).map(parseTreeUrl)
  const key = await treeKey(options)
  const tree = growTree({ records, links })
  const sequence = await nextSequence(options, at, tree)
  const url = treeUrlText({ publicKey: key.publicKey.raw, domain: at })
  const below = [...tree.entries].map(([hash, text]) => [`${hash}.${at}`, text] as const)
  const txt = new Map([[at, signRoot({ ...tree, sequence }, key.raw)], ...below])
  await show({ url, sequence, nodes: records.length, txt: Object.fromEntries(txt) }, options, () =>
    [`; ${url}`, `; sequence number ${sequence}, ${records.length} node records`, zoneFile(at, txt)].join('\n'),
  )
  remark(`Nodes find the tree with --dns-discovery-url=${url}`)
}

async function recordsOf(texts: readonly string[], { from, node = [] }: SignOptions): Promise<Enr[]> {
  const listed = from === undefined ? [] : linesIn(await readSource(from))
  const asked = await Promise.all(node.map(recordAt))
  const all = [...texts, ...listed, ...asked]
  if (all.length === 0)
    throw new WaypostError('cli/bad-usage', {
      why: 'no node records: give them as arguments, with --from or with --node',
    })
  return all.map(usable)
}

async function readSource(source: string): Promise<string> {
  if (source === '-') return await text(process.stdin)
  try {
    return await readFile(source, 'utf8')
  } catch (error) {
    throw new WaypostError('cli/no-such-file', { path: source, why: systemCode(error) }, { cause: error })
  }
}

function linesIn(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
}

async function recordAt(restUrl: string): Promise<string> {
  const info = await restClient({ restUrl }).json('/debug/v1/info')
  const enr = typeof info === 'object' && info !== null && 'enrUri' in info ? info.enrUri : undefined
  if (typeof enr === 'string') return enr
  throw new WaypostError('cli/node-refused', { url: restUrl, status: 200, reason: 'it tells no node record' })
}

/** A record that leads nowhere would only cost those who read the tree. */
function usable(text: string): Enr {
  const record = enrFromText(text)
  const { addresses, peerId } = readRecord(record)
  if (addresses.length === 0) throw new WaypostError('cli/bad-usage', { why: `the record of ${peerId} has no address` })
  return record
}

async function treeKey({ keyFile, newKey }: SignOptions): Promise<PrivateKey> {
  const file = path.resolve(keyFile)
  const present = await readNodeKey(file)
  if (present !== undefined) return present
  if (newKey !== true)
    throw new WaypostError('cli/no-such-file', { path: file, why: 'there is none; --new-key makes one' })
  const key = await newNodeKey()
  await writeNodeKey(file, key)
  remark(`A new key is in ${file}: keep it, since the URL of the tree is its public half.`)
  return (await readNodeKey(file)) ?? key
}

/** What was signed last, by domain. */
interface Signed {
  readonly sequence: string
  readonly records: string
  readonly links: string
}

/** The number for this tree, written down before anybody sees it. */
async function nextSequence(
  { keyFile, sequence: given }: SignOptions,
  domain: string,
  tree: Subtrees,
): Promise<bigint> {
  const file = `${path.resolve(keyFile)}.trees.json`
  const all = await readSigned(file)
  const last = all[domain]
  const before = BigInt(last?.sequence ?? 0)
  if (given !== undefined && given < before)
    throw new WaypostError('cli/bad-usage', {
      why: `--sequence ${given} is below ${before}, the last one: nodes would refuse the tree`,
    })
  const isSame = last?.records === tree.records && last.links === tree.links
  const sequence = given ?? (isSame ? before : before + 1n)
  const { records, links } = tree
  await writeSigned(file, { ...all, [domain]: { sequence: sequence.toString(), records, links } })
  return sequence
}

async function readSigned(file: string): Promise<Record<string, Signed>> {
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (!isSignedList(content)) throw new Error('not a list of sequence numbers')
    return content
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {}
    throw new WaypostError('cli/no-such-file', { path: file, why: messageOf(error) }, { cause: error })
  }
}

function isSignedList(content: unknown): content is Record<string, Signed> {
  if (typeof content !== 'object' || content === null) return false
  return Object.values(content).every(
    (signed: unknown) =>
      typeof (signed as Signed | null)?.sequence === 'string' && /^\d{1,20}$/.test((signed as Signed).sequence),
  )
}

async function writeSigned(file: string, content: Record<string, Signed>): Promise<void> {
  try {
    await replaceFile(file, `${JSON.stringify(content)}\n`)
  } catch (error) {
    throw new WaypostError('cli/cannot-write', { path: file, why: systemCode(error) }, { cause: error })
  }
}
