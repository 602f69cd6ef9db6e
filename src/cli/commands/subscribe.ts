/** `waypost subscribe`: messages as they come, until Ctrl-C. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Envelope } from '../../core/envelope.ts'
import { messageOf, WaypostError } from '../../core/errors.ts'
import { pubsubTopicFor } from '../../core/sharding.ts'
import type { Milliseconds } from '../../core/time.ts'
import { peerAddress } from '../../settings/kinds/network.ts'
import { integer } from '../../settings/kinds/plain.ts'
import { action, argumentOf } from '../action.ts'
import { parseJson, writeJson } from '../exact-json.ts'
import { exits } from '../exit-codes.ts'
import { interruption } from '../interrupt.ts'
import { type OutputOptions, remark, writeLine } from '../output.ts'
import type { ConnectedPeer } from '../peer.ts'
import { type RestClient, type RestOptions, restClient, withRestOptions } from '../rest-client.ts'
import { messageLine, type ShownMessage, shownEnvelope } from '../shown-message.ts'
import { countArgument, pubsubTopicArgument, repeated } from '../topic-options.ts'

interface Options extends RestOptions, OutputOptions {
  readonly contentTopic?: readonly string[]
  readonly pubsubTopic?: string
  readonly count?: number
  readonly peer?: string
  readonly numShardsInNetwork: number
}

type Messages = AsyncIterable<ShownMessage>

export function addSubscribe(program: Command): void {
  withRestOptions(program.command('subscribe'))
    .description('Messages as they come, until Ctrl-C')
    .option('--content-topic <topic>', 'of this content topic; repeatable', repeated)
    .option('--pubsub-topic <topic>', 'of this shard: /waku/2/rs/<cluster>/<shard>', pubsubTopicArgument)
    .option('--count <n>', 'end after so many messages', countArgument)
    .option('--peer <multiaddr>', 'subscribe at this node, by the filter protocol', argumentOf(peerAddress))
    .option(
      '--num-shards-in-network <n>',
      'with --peer: over how many shards content topics are spread',
      argumentOf(integer(0, 1024)),
      1,
    )
    .option('--json', 'a line of JSON for each message')
    .action(action(subscribe))
}

async function subscribe(options: Options): Promise<number> {
  const signal = interruption()
  const messages = options.peer === undefined ? fromRest(options, signal) : fromPeer(options.peer, options, signal)
  let left = options.count ?? Number.POSITIVE_INFINITY
  try {
    for await (const message of messages) {
      await writeLine(options.json ? writeJson(message) : messageLine(message))
      left -= 1
      if (left <= 0) return exits.ok
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  if (signal.aborted) return exits.ok
  remark('waypost: the node has ended the stream')
  return exits.unavailable
}

async function* fromRest(options: Options, signal: AbortSignal): Messages {
  const client = restClient(options)
  const { contentTopic = [], pubsubTopic } = options
  const asked = new URLSearchParams()
  if (pubsubTopic !== undefined) asked.set('pubsubTopic', pubsubTopic)
  if (contentTopic.length > 0) asked.set('contentTopics', contentTopic.join(','))
  const lines = await client.lines(`/relay/v1/events?${asked}`, signal)
  yield* lines === undefined ? polled(client, options, signal) : eventsIn(lines)
}

/** Server-sent events, of which ours have one line of data each. */
async function* eventsIn(lines: AsyncIterable<string>): Messages {
  for await (const line of lines)
    if (line.startsWith('data:')) yield parseJson(line.slice('data:'.length)) as ShownMessage
}

/** Between two looks into the cache of a node without events: nwaku. */
const pollInterval: Milliseconds = 1000

/** The cache gives each message once, without its hash; what others fetch meanwhile is lost to us. */
async function* polled(client: RestClient, options: Options, signal: AbortSignal): Messages {
  const { contentTopic = [], pubsubTopic } = options
  const [group, topics] = pubsubTopic === undefined ? ['auto/', contentTopic] : ['', [pubsubTopic]]
  if (topics.length === 0)
    throw new WaypostError('cli/bad-usage', {
      why: 'this node has no event stream: name --content-topic or --pubsub-topic',
    })
  await client.post(`/relay/v1/${group}subscriptions`, topics, { notServed: 'the node does not relay' })
  while (!signal.aborted) {
    for (const topic of topics) {
      const path = `/relay/v1/${group}messages/${encodeURIComponent(topic)}`
      const found = (await client.json(path)) as readonly NonNullable<ShownMessage['message']>[]
      for (const message of found)
        if (contentTopic.length === 0 || contentTopic.includes(message.contentTopic))
          yield { messageHash: '-', pubsubTopic, message }
    }
    await pause(pollInterval, undefined, { signal })
  }
}

/** At least once a minute (12/WAKU2-FILTER); more often, since networks forget idle connections. */
const pingInterval: Milliseconds = 30_000

async function* fromPeer(address: string, options: Options, signal: AbortSignal): Messages {
  const { connectPeer } = await import('../peer.ts')
  const { FilterClient } = await import('../../protocols/filter/client.ts')
  const { silentLog } = await import('../../telemetry/log.ts')
  const { defaultMaxMessageBytes } = await import('../../core/message.ts')
  await using peer = await connectPeer(address)
  const queue = new Arrivals(signal)
  await using client = await FilterClient.open({
    libp2p: peer.libp2p,
    maxMessageBytes: defaultMaxMessageBytes,
    log: silentLog(),
    receive: (envelope) => queue.add(envelope),
  })
  const subscribeAll = async (): Promise<void> => {
    for (const [pubsubTopic, topics] of topicsByShard(peer, options))
      await client.subscribe(peer.id, pubsubTopic, topics)
  }
  await subscribeAll()
  const keeping = setInterval(() => {
    client
      .ping(peer.id)
      .catch(() => subscribeAll())
      .catch((error: unknown) => queue.fail(error))
  }, pingInterval)
  try {
    for await (const envelope of queue) yield shownEnvelope(envelope)
  } finally {
    clearInterval(keeping)
  }
}

/** Filter is asked by shard: content topics under the shard that was named, or that they belong to. */
function topicsByShard({ ours }: ConnectedPeer, options: Options): ReadonlyMap<string, readonly string[]> {
  const { contentTopic = [], pubsubTopic, numShardsInNetwork: shardCount } = options
  if (contentTopic.length === 0) throw new WaypostError('cli/bad-usage', { why: '--peer needs --content-topic' })
  const sharding = { cluster: ours().cluster ?? 0, shardCount }
  const shard = (topic: string): string => {
    const found = pubsubTopic ?? pubsubTopicFor(topic, sharding)
    if (found === undefined) throw new WaypostError('cli/bad-usage', { why: 'static sharding needs --pubsub-topic' })
    return found
  }
  return Map.groupBy(contentTopic, shard)
}

/** Messages that wait to be written, at the most: a terminal that stands still must not fill the memory. */
const maxWaiting = 10_000

/** What has arrived, in order, until the signal ends it. */
class Arrivals {
  readonly #waiting: Envelope[] = []
  #ended: { readonly error?: Error } | undefined
  #wake = (): void => {}

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.#end({}))
  }

  add(envelope: Envelope): void {
    if (this.#waiting.length >= maxWaiting) this.#waiting.shift()
    this.#waiting.push(envelope)
    this.#wake()
  }

  fail(error: unknown): void {
    this.#end({ error: error instanceof Error ? error : new Error(messageOf(error)) })
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Envelope> {
    for (;;) {
      const next = this.#waiting.shift()
      if (next !== undefined) yield next
      else if (this.#ended?.error !== undefined) throw this.#ended.error
      else if (this.#ended !== undefined) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #end(ended: { readonly error?: Error }): void {
    this.#ended ??= ended
    this.#wake()
  }
}
