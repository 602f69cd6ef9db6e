/**
 * `/relay/v1/subscriptions` and `/relay/v1/messages`: by pubsub topic. The texts are nwaku's
 * (https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/rest_api/endpoint/relay/handlers.nim): scripts look for them.
 */
import { errorTable, isWaypostError } from '../../core/errors.ts'
import type { Published } from '../../core/publisher.ts'
import type { Sharding } from '../../core/sharding.ts'
import { parsePubsubTopic } from '../../core/topics.ts'
import { type Answer, json, ok, text } from '../answer.ts'
import type { EventStreams } from '../event-streams.ts'
import { encodeGiven, type MessageGiven, messageGiven, messageTold, relayedMessage } from '../message.ts'
import type { MessageCache } from '../message-cache.ts'
import { readBody } from '../request.ts'
import type { Route } from '../route.ts'
import { array, described, string } from '../shape.ts'

/** The relay of a node, as REST uses it. */
export interface RelayService {
  readonly sharding: Sharding
  /** Pubsub topics that the settings name: they are followed whatever is unsubscribed here. */
  readonly configured: ReadonlySet<string>
  /** The pubsub topics followed now. */
  readonly topics: ReadonlySet<string>
  /** Follows a pubsub topic. Throws `relay/topic-not-allowed`. */
  subscribe(pubsubTopic: string): void
  unsubscribe(pubsubTopic: string): void
  /** Publishes an encoded message. Throws `message/malformed`. */
  publish(message: Uint8Array, pubsubTopic: string): Promise<Published>
  /** Messages that wait to be fetched, for both kinds of topic. */
  readonly cache: MessageCache
  /** Those who read messages as they come. */
  readonly events: EventStreams
}

const topics = array(described(string, 'A pubsub topic: /waku/2/rs/<cluster>/<shard>.'))

const done = { when: 'done; text `OK`' }

export const staticRoutes: readonly Route<RelayService>[] = [
  {
    method: 'POST',
    path: '/relay/v1/subscriptions',
    summary: 'Follow pubsub topics, and keep their messages until they are fetched',
    body: topics,
    answers: { 200: done, 400: { when: 'no list of pubsub topics, or a topic that is no shard of this network' } },
    handle(request, relay) {
      if (request.body === undefined) return text(400)
      const wanted = readBody(request, topics)
      return refuseForm(wanted) ?? followAll(wanted, relay)
    },
  },
  {
    method: 'DELETE',
    path: '/relay/v1/subscriptions',
    summary: 'Follow pubsub topics no more',
    body: topics,
    answers: { 200: { when: 'done, or not followed before' }, 400: { when: 'no list of pubsub topics' } },
    handle(request, relay) {
      if (request.body === undefined) return text(400)
      const unwanted = readBody(request, topics)
      return refuseForm(unwanted) ?? leaveAll(unwanted, relay)
    },
  },
  {
    method: 'GET',
    path: '/relay/v1/messages/{pubsubTopic}',
    summary: 'The messages that came since this was last asked; each is told once',
    params: { pubsubTopic: 'Percent-encoded, `/` as `%2F`.' },
    answers: {
      200: { when: 'the topic is subscribed', shape: array(messageTold) },
      404: { when: 'it is not' },
    },
    consumes: true,
    handle(request, { cache }) {
      const envelopes = cache.takeByPubsubTopic(request.param('pubsubTopic'))
      return envelopes === undefined ? text(404) : json(envelopes.map(({ message }) => relayedMessage(message)))
    },
  },
  {
    method: 'POST',
    path: '/relay/v1/messages/{pubsubTopic}',
    summary: 'Publish a message on a pubsub topic that is followed',
    params: { pubsubTopic: 'Percent-encoded, `/` as `%2F`.' },
    body: messageGiven,
    answers: {
      200: { when: 'relayed, or taken without a peer being there; text `OK`' },
      400: { when: 'the topic is not followed, the message is none, or is refused by a validator' },
    },
    async handle(request, relay) {
      const topic = request.param('pubsubTopic')
      if (!relay.topics.has(topic)) return text(400, `Failed to publish: Node not subscribed to topic: ${topic}`)
      if (request.body === undefined) return text(400)
      return await publish(readBody(request, messageGiven), topic, relay)
    },
  },
]

/** Publishes, and answers as nwaku does: also 200 when no peer was there. */
export async function publish(message: MessageGiven, pubsubTopic: string, relay: RelayService): Promise<Answer> {
  const published = await publishEncoded(encodeGiven(message), pubsubTopic, relay)
  return 'reason' in published ? text(400, `Failed to publish: ${published.reason}`) : ok
}

async function publishEncoded(
  message: Uint8Array,
  pubsubTopic: string,
  relay: RelayService,
): Promise<Published | { readonly reason: string }> {
  try {
    return await relay.publish(message, pubsubTopic)
  } catch (error) {
    // A meta that is too long: nwaku's message does not decode.
    if (isWaypostError(error, 'message/malformed')) return { reason: error.message }
    throw error
  }
}

/** One topic that is none refuses all of them; the text is a Nim list. */
function refuseForm(topics: readonly string[]): Answer | undefined {
  const wrong = topics.filter((topic) => parsePubsubTopic(topic) === undefined)
  if (wrong.length === 0) return undefined
  return text(400, `Invalid pubsub topic(s): @[${wrong.map((topic) => JSON.stringify(topic)).join(', ')}]`)
}

function followAll(topics: readonly string[], relay: RelayService): Answer {
  for (const topic of topics) {
    const refusal = follow(topic, relay)
    if (refusal !== undefined) return refusal
    relay.cache.subscribePubsubTopic(topic)
  }
  return ok
}

/** Follows a topic unless it is followed; undefined when that went well. */
export function follow(pubsubTopic: string, relay: RelayService): Answer | undefined {
  try {
    if (!relay.topics.has(pubsubTopic)) relay.subscribe(pubsubTopic)
    return undefined
  } catch (error) {
    if (!isWaypostError(error, 'relay/topic-not-allowed')) throw error
    return text(errorTable[error.code].http ?? 400, `Subscribe failed:${error.message}`)
  }
}

function leaveAll(topics: readonly string[], relay: RelayService): Answer {
  for (const topic of topics) {
    relay.unsubscribe(topic)
    relay.cache.unsubscribePubsubTopic(topic)
  }
  return ok
}
