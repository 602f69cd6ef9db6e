/** `waypost query`: history, page after page, from the running node or from any other. */
import type { Command } from 'commander'
import { openEnvelope } from '../../core/envelope.ts'
import { WaypostError } from '../../core/errors.ts'
import { maxPageMessages, type Query } from '../../core/query.ts'
import type { Nanoseconds } from '../../core/time.ts'
import { peerAddress } from '../../settings/kinds/network.ts'
import { action, argumentOf } from '../action.ts'
import { writeJson } from '../exact-json.ts'
import { type OutputOptions, remark, writeLine } from '../output.ts'
import { type RestOptions, restClient, withRestOptions } from '../rest-client.ts'
import { messageLine, type ShownMessage, shownEnvelope } from '../shown-message.ts'
import { countArgument, hashArgument, pubsubTopicArgument, repeated, timeArgument } from '../topic-options.ts'

interface Options extends RestOptions, OutputOptions {
  readonly contentTopic?: readonly string[]
  readonly pubsubTopic?: string
  readonly since?: Nanoseconds
  readonly until?: Nanoseconds
  readonly hash?: readonly string[]
  readonly newestFirst?: boolean
  readonly hashesOnly?: boolean
  readonly limit?: number
  readonly peer?: string
}

export function addQuery(program: Command): void {
  withRestOptions(program.command('query'))
    .description('Stored messages, all pages of them, oldest first')
    .option('--content-topic <topic>', 'only of this content topic; repeatable', repeated)
    .option('--pubsub-topic <topic>', 'only of this shard: /waku/2/rs/<cluster>/<shard>', pubsubTopicArgument)
    .option('--since <time>', 'from then on: 2h ago, or a date', (text) => timeArgument(text))
    .option('--until <time>', 'up to then', (text) => timeArgument(text))
    .option('--hash <hash>', 'only this message; repeatable', hashArgument)
    .option('--newest-first', 'begin with the newest')
    .option('--limit <n>', 'so many messages at the most', countArgument)
    .option('--hashes-only', 'hashes without the messages')
    .option(
      '--peer <multiaddr>',
      'ask this node, by the store protocol, instead of the one on this machine',
      argumentOf(peerAddress),
    )
    .option('--json', 'a line of JSON for each message')
    .action(action(query))
}

async function query(options: Options): Promise<undefined> {
  const messages = options.peer === undefined ? fromRest(options) : fromPeer(options.peer, options)
  const { limit = Number.POSITIVE_INFINITY } = options
  let count = 0
  for await (const message of messages) {
    if (count >= limit) break
    count += 1
    await writeLine(options.json ? writeJson(message) : messageLine(message))
  }
  if (!options.json) remark(count === 1 ? '1 message' : `${count} messages`)
}

/** An answer of `/store/v3/messages`. */
interface RestPage {
  readonly statusCode: number
  readonly statusDesc: string
  readonly messages: readonly ShownMessage[]
  readonly paginationCursor?: string
}

async function* fromRest(options: Options): AsyncGenerator<ShownMessage> {
  const client = restClient(options)
  const hints = { notServed: 'the node serves no store API' }
  const asked = restQuery(options)
  let cursor: string | undefined
  do {
    if (cursor !== undefined) asked.set('cursor', cursor)
    const page = (await client.json(`/store/v3/messages?${asked}`, hints)) as RestPage
    if (page.statusCode !== 200)
      throw new WaypostError('cli/node-refused', { url: client.url, status: page.statusCode, reason: page.statusDesc })
    yield* inOrder(page.messages, options)
    if (page.paginationCursor === cursor) return
    cursor = page.paginationCursor
  } while (cursor !== undefined)
}

function restQuery(options: Options): URLSearchParams {
  const { contentTopic, pubsubTopic, since, until, hash, newestFirst, hashesOnly } = options
  const entries: readonly [string, string | undefined][] = [
    ['includeData', String(!hashesOnly)],
    ['ascending', String(!newestFirst)],
    ['pageSize', String(pageSize(options))],
    ['pubsubTopic', pubsubTopic],
    ['contentTopics', contentTopic?.join(',')],
    ['startTime', since?.toString()],
    ['endTime', until?.toString()],
    ['hashes', hash?.map((digits) => `0x${digits}`).join(',')],
  ]
  return new URLSearchParams(entries.filter((entry): entry is [string, string] => entry[1] !== undefined))
}

async function* fromPeer(address: string, options: Options): AsyncGenerator<ShownMessage> {
  const { connectPeer } = await import('../peer.ts')
  const { StoreClient } = await import('../../protocols/store/client.ts')
  await using peer = await connectPeer(address)
  const { contentTopic, pubsubTopic, since, until, hash, newestFirst, hashesOnly } = options
  const asked: Query = {
    pubsubTopic,
    contentTopics: contentTopic,
    start: since,
    end: until,
    hashes: hash,
    direction: newestFirst ? 'backward' : 'forward',
    limit: pageSize(options),
    includeData: !hashesOnly,
  }
  for await (const { messages } of new StoreClient({ libp2p: peer.libp2p }).pages(peer.id, asked)) {
    const shown = messages.map(({ hash, data }) =>
      data === undefined ? { messageHash: `0x${hash}` } : shownEnvelope(openEnvelope(data.pubsubTopic, data.bytes, 0)),
    )
    yield* inOrder(shown, options)
  }
}

function pageSize({ limit = maxPageMessages }: Options): number {
  return Math.min(limit, maxPageMessages)
}

/** Within a page the oldest comes first, whichever way the pages go. */
function inOrder(page: readonly ShownMessage[], { newestFirst }: Options): readonly ShownMessage[] {
  return newestFirst ? page.toReversed() : page
}
