/** `waypost dns-tree check`: reads a tree as nodes do, from DNS or from the file that is to be published. */
import { readFile } from 'node:fs/promises'
import { systemCode, WaypostError } from '../../core/errors.ts'
import { type FetchedTree, fetchTree, type TreeTrouble } from '../../net/discovery/dns/client.ts'
import { type ResolveTxt, txtResolver } from '../../net/discovery/dns/resolver.ts'
import { parseTreeUrl, type TreeUrl, treeUrlText } from '../../net/discovery/dns/tree.ts'
import type { Enr } from '../../net/discovery/enr.ts'
import { readRecord } from '../../net/discovery/node-record.ts'
import { exits } from '../exit-codes.ts'
import { columns, type OutputOptions, show } from '../output.ts'
import { readZone } from './dns-tree-zone.ts'

export interface CheckOptions extends OutputOptions {
  readonly file?: string
  readonly nameServer?: readonly string[]
}

interface Checked {
  readonly url: string
  readonly sequence: bigint
  readonly nodes: readonly CheckedNode[]
  readonly links: readonly string[]
  readonly troubles: readonly Pick<TreeTrouble, 'code' | 'reason'>[]
}

interface CheckedNode {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly capabilities: readonly string[]
  readonly cluster: number | undefined
  readonly shards: readonly number[]
}

/** Reads the tree at the URL `text` and says what is in it, and what is wrong with it. */
export async function checkTree(text: string, options: CheckOptions): Promise<number> {
  const url = parseTreeUrl(text)
  const resolve = options.file === undefined ? txtResolver(options.nameServer) : await fileResolver(options.file, url)
  const checked = describe(await fetchTree(url, { resolve }))
  await show(checked, options, render)
  return checked.troubles.length === 0 ? exits.ok : exits.failed
}

async function fileResolver(file: string, { domain }: TreeUrl): Promise<ResolveTxt> {
  const records = readZone(await readText(file), domain)
  return async (name) => {
    const texts = records.get(name.toLowerCase())
    if (texts === undefined) throw new WaypostError('dns-tree/look-up-failed', { name, why: `not in ${file}` })
    return texts
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new WaypostError('cli/no-such-file', { path: file, why: systemCode(error) }, { cause: error })
  }
}

function describe({ url, root, records, links, troubles }: FetchedTree): Checked {
  return {
    url: treeUrlText(url),
    sequence: root.sequence,
    nodes: records.map(describeNode),
    links: links.map(treeUrlText),
    troubles: troubles.map(({ code, reason }) => ({ code, reason })),
  }
}

function describeNode(record: Enr): CheckedNode {
  const { peerId, addresses, capabilities, shards } = readRecord(record)
  return {
    peerId: peerId.toString(),
    addresses: addresses.map(String),
    capabilities: [...capabilities],
    cluster: shards?.cluster,
    shards: shards?.shards ?? [],
  }
}

function render({ url, sequence, nodes, links, troubles }: Checked): string {
  return [
    url,
    `sequence number ${sequence}, ${nodes.length} nodes, ${links.length} links`,
    ...(nodes.length > 0 ? [columns([heads, ...nodes.map(rowOf)])] : []),
    ...links.map((link) => `link to ${link}`),
    ...troubles.map(({ reason }) => `wrong: ${reason}`),
  ].join('\n')
}

const heads = ['peer', 'shards', 'serves', 'addresses']

function rowOf({ peerId, addresses, capabilities, cluster, shards }: CheckedNode): string[] {
  const where = cluster === undefined ? '-' : `${cluster}: ${shards.join(' ')}`
  // The peer stands in front; the same at the end of each address says no more.
  const short = addresses.map((address) => address.replace(/\/p2p\/[^/]+$/, ''))
  return [peerId, where, capabilities.join(' ') || '-', short.join(' ')]
}
