/**
 * The trees as they were read last, kept in a file: a node that starts while its name servers are away still finds its
 * network, and a tree cannot go back behind what was seen before the restart.
 */
import { open } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { messageOf, systemCode } from '../../../core/errors.ts'
import { replaceFile } from '../../../files/whole-file.ts'
import type { Log } from '../../../telemetry/log.ts'
import { type Enr, enrFromText, enrToText } from '../enr.ts'
import { lastGoodBytes } from './limits.ts'

/** What is known of a tree. */
export interface GoodTree {
  readonly sequence: bigint
  readonly records: readonly Enr[]
}

/** Of the form of the file. */
const version = 1

/** Records whose signatures are checked before others get their turn. */
const slice = 16

interface StoredTree {
  readonly url: string
  readonly sequence: string
  readonly records: readonly string[]
}

/** The trees in `file`, by URL. None when it is missing, or not what we wrote: the network will tell. */
export async function readLastGood(file: string, log: Log): Promise<Map<string, GoodTree>> {
  const trees = new Map<string, GoodTree>()
  try {
    for (const { url, sequence, records } of stored(await readBounded(file)))
      trees.set(url, { sequence: BigInt(sequence), records: await recordsOf(records) })
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') log.info({ file, reason: messageOf(error) }, 'kept node records not read')
  }
  return trees
}

/** Puts `trees` into `file`, whole or not at all. Throws what the file system says. */
export async function writeLastGood(file: string, trees: ReadonlyMap<string, GoodTree>): Promise<void> {
  const list = Array.from(trees, ([url, { sequence, records }]) => ({
    url,
    sequence: sequence.toString(),
    records: records.map(enrToText),
  }))
  await replaceFile(file, JSON.stringify({ version, trees: list }))
}

async function readBounded(file: string): Promise<string> {
  await using handle = await open(file)
  const { size } = await handle.stat()
  if (size > lastGoodBytes) throw new Error(`larger than ${lastGoodBytes} bytes`)
  return await handle.readFile('utf8')
}

function stored(text: string): readonly StoredTree[] {
  const content: unknown = JSON.parse(text)
  const trees = isObject(content) && content.version === version ? content.trees : undefined
  if (!Array.isArray(trees) || !trees.every(isStored)) throw new Error('not of the form of this release')
  return trees
}

function isStored(tree: unknown): tree is StoredTree {
  if (!isObject(tree) || typeof tree.url !== 'string' || !Array.isArray(tree.records)) return false
  const isNumber = typeof tree.sequence === 'string' && /^\d{1,20}$/.test(tree.sequence)
  return isNumber && tree.records.every((record) => typeof record === 'string')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** The records whose signatures fit: one that cannot be read is left out, and takes no others with it. */
async function recordsOf(texts: readonly string[]): Promise<Enr[]> {
  const records: Enr[] = []
  for (const [index, text] of texts.entries()) {
    records.push(...recordIn(text))
    if (index % slice === slice - 1) await setImmediate()
  }
  return records
}

function recordIn(text: string): Enr[] {
  try {
    return [enrFromText(text)]
  } catch {
    return []
  }
}
