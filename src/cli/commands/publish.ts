/** `waypost publish`: one message, through the running node or through any other that serves light push. */
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import { systemCode, WaypostError } from '../../core/errors.ts'
import { encodeMessage } from '../../core/message.ts'
import { toNanoseconds } from '../../core/time.ts'
import { parseContentTopic } from '../../core/topics.ts'
import { peerAddress } from '../../settings/kinds/network.ts'
import { action, argumentOf } from '../action.ts'
import { type OutputOptions, show } from '../output.ts'
import { type RestOptions, restClient, withRestOptions } from '../rest-client.ts'
import { pubsubTopicArgument } from '../topic-options.ts'

interface Options extends RestOptions, OutputOptions {
  readonly contentTopic: string
  readonly pubsubTopic?: string
  readonly payloadFile?: string
  readonly ephemeral?: boolean
  readonly peer?: string
}

export function addPublish(program: Command): void {
  withRestOptions(program.command('publish'))
    .description('Publish a message. It goes out as it is given: encrypt before, what is to stay secret.')
    .argument('[text]', 'the payload as text')
    .requiredOption('--content-topic <topic>', '/application/version/name/encoding')
    .option(
      '--pubsub-topic <topic>',
      'its shard: /waku/2/rs/<cluster>/<shard>; found by the node otherwise',
      pubsubTopicArgument,
    )
    .option('--payload-file <file>', 'the payload from a file, or - for standard input')
    .option('--ephemeral', 'relayed, never stored')
    .option('--peer <multiaddr>', 'publish through this node, by light push', argumentOf(peerAddress))
    .option('--json', 'one line of JSON')
    .action(action(publish))
}

async function publish(text: string | undefined, options: Options): Promise<undefined> {
  // A wrong topic is told before anything is read or sent.
  parseContentTopic(options.contentTopic)
  const payload = await readPayload(text, options)
  const timestamp = toNanoseconds(Date.now())
  const peers = options.peer === undefined ? undefined : await byPeer(options.peer, payload, timestamp, options)
  if (options.peer === undefined) await byRest(payload, timestamp, options)
  const { contentTopic, pubsubTopic } = options
  const value = { published: true, contentTopic, pubsubTopic, timestamp, bytes: payload.length, relayPeers: peers }
  await show(value, options, () =>
    peers === undefined ? 'published' : `published, ${peers} relay ${peers === 1 ? 'peer has' : 'peers have'} it`,
  )
}

async function readPayload(text: string | undefined, { payloadFile }: Options): Promise<Buffer> {
  if ((text === undefined) === (payloadFile === undefined))
    throw new WaypostError('cli/bad-usage', {
      why: 'publish takes a payload, either as an argument or from --payload-file',
    })
  if (payloadFile === undefined) return Buffer.from(text ?? '')
  try {
    return payloadFile === '-' ? await buffer(process.stdin) : await readFile(payloadFile)
  } catch (error) {
    throw new WaypostError('cli/no-such-file', { path: payloadFile, why: systemCode(error) }, { cause: error })
  }
}

async function byRest(payload: Buffer, timestamp: bigint, options: Options): Promise<void> {
  const { contentTopic, pubsubTopic, ephemeral } = options
  const path =
    pubsubTopic === undefined ? '/relay/v1/auto/messages' : `/relay/v1/messages/${encodeURIComponent(pubsubTopic)}`
  const message = { payload: payload.toString('base64'), contentTopic, timestamp, ephemeral }
  const notServed = 'the node does not relay; --peer publishes through another one'
  await restClient(options).post(path, message, { notServed })
}

/** Gives the number of relay peers that have the message; undefined where the node does not tell. */
async function byPeer(
  address: string,
  payload: Buffer,
  timestamp: bigint,
  options: Options,
): Promise<number | undefined> {
  const { connectPeer } = await import('../peer.ts')
  const { push } = await import('../../protocols/lightpush/client.ts')
  const { contentTopic, pubsubTopic, ephemeral } = options
  const message = encodeMessage({ payload, contentTopic, timestamp, ephemeral })
  await using peer = await connectPeer(address)
  const pushed = await push(peer.libp2p, peer.id, message, pubsubTopic)
  if (pushed.outcome === 'relayed') return pushed.peers
  const { status, reason } = pushed
  // It may have been either version.
  throw new WaypostError('client/refused', { protocol: 'light push', status, reason })
}
