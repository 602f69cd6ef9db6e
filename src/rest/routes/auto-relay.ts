/**
 * `/relay/v1/auto`: by content topic; the shard follows from it (autosharding). Texts and codes are nwaku's, a bad
 * content topic in a subscription being a 500 among them.
 */
import { isWaypostError } from '../../core/errors.ts'
import { pubsubTopicFor } from '../../core/sharding.ts'
import { type Answer, json, ok, text } from '../answer.ts'
import { encodeGiven, messageGiven, messageTold, relayedMessage } from '../message.ts'
import { readBody } from '../request.ts'
import type { Route } from '../route.ts'
import { array, described, string } from '../shape.ts'
import { follow, publish, type RelayService } from './relay.ts'

const topics = array(described(string, 'A content topic: /<application>/<version>/<name>/<encoding>.'))

/** The shard of a content topic, or why there is none. */
type Found = { readonly pubsubTopic: string } | { readonly why: string }

const staticSharding = 'Static sharding is used, relay subscriptions must specify a pubsub topic'

export const autoRoutes: readonly Route<RelayService>[] = [
  {
    method: 'POST',
    path: '/relay/v1/auto/subscriptions',
    summary: 'Follow the shards of content topics, and keep their messages until they are fetched',
    body: topics,
    answers: {
      200: { when: 'done; text `OK`' },
      400: { when: 'no list of content topics' },
      500: { when: 'a content topic has no shard; those before it in the list are subscribed' },
    },
    handle: (request, relay) => firstRefusal(readBody(request, topics), (topic) => subscribe(topic, relay)),
  },
  {
    method: 'DELETE',
    path: '/relay/v1/auto/subscriptions',
    summary: 'Keep the messages of content topics no more, and leave shards that no other of them needs',
    body: topics,
    answers: {
      200: { when: 'done, or not subscribed before' },
      400: { when: 'no list of content topics' },
      500: { when: 'a content topic has no shard' },
    },
    handle: (request, relay) => firstRefusal(readBody(request, topics), (topic) => unsubscribe(topic, relay)),
  },
  {
    method: 'GET',
    path: '/relay/v1/auto/messages/{contentTopic}',
    summary: 'The messages that came since this was last asked; each is told once',
    params: { contentTopic: 'Percent-encoded, `/` as `%2F`.' },
    answers: {
      200: { when: 'the topic is subscribed, or a message of it came', shape: array(messageTold) },
      404: { when: 'it is not; the text is the topic' },
    },
    consumes: true,
    handle(request, { cache }) {
      const topic = request.param('contentTopic')
      const envelopes = cache.takeByContentTopic(topic)
      return envelopes === undefined ? text(404, topic) : json(envelopes.map(({ message }) => relayedMessage(message)))
    },
  },
  {
    method: 'POST',
    path: '/relay/v1/auto/messages',
    summary: 'Publish a message on the shard of its content topic, followed or not',
    body: messageGiven,
    answers: {
      200: { when: 'relayed, or taken without a peer being there; text `OK`' },
      400: { when: 'the message is none, has no shard, or is refused by a validator' },
    },
    async handle(request, relay) {
      if (request.body === undefined) return text(400)
      const message = readBody(request, messageGiven)
      if (!isEncodable(message)) return text(400)
      if (relay.sharding.shardCount === 0) return text(400, 'Failed to publish. Autosharding is disabled')
      const found = shardOf(message.contentTopic, relay)
      if ('why' in found) return text(400, `Failed to publish. ${found.why}`)
      return await publish(message, found.pubsubTopic, relay)
    },
  },
]

/** Base64 that is none has no text here. */
function isEncodable(message: Parameters<typeof encodeGiven>[0]): boolean {
  try {
    encodeGiven(message)
    return true
  } catch (error) {
    if (isWaypostError(error, 'rest/bad-base64')) return false
    throw error
  }
}

function firstRefusal(topics: readonly string[], each: (topic: string) => Answer | undefined): Answer {
  for (const topic of topics) {
    const refusal = each(topic)
    if (refusal !== undefined) return refusal
  }
  return ok
}

function subscribe(contentTopic: string, relay: RelayService): Answer | undefined {
  const found = shardOf(contentTopic, relay)
  if ('why' in found) return text(500, `Subscribe failed:${found.why}`)
  const refusal = follow(found.pubsubTopic, relay)
  if (refusal === undefined) relay.cache.subscribeContentTopic(contentTopic)
  return refusal
}

/** nwaku leaves the shard also when other content topics need it; here those go on. */
function unsubscribe(contentTopic: string, relay: RelayService): Answer | undefined {
  const found = shardOf(contentTopic, relay)
  if ('why' in found) return text(500, `Unsubscribe failed:${found.why}`)
  if (!relay.cache.wantsContentTopic(contentTopic)) return undefined
  relay.cache.unsubscribeContentTopic(contentTopic)
  if (!isNeeded(found.pubsubTopic, relay)) relay.unsubscribe(found.pubsubTopic)
  return undefined
}

function isNeeded(pubsubTopic: string, { cache, sharding, configured }: RelayService): boolean {
  if (configured.has(pubsubTopic)) return true
  return cache.wantedContentTopics().some((topic) => pubsubTopicFor(topic, sharding) === pubsubTopic)
}

function shardOf(contentTopic: string, { sharding }: RelayService): Found {
  try {
    const pubsubTopic = pubsubTopicFor(contentTopic, sharding)
    return pubsubTopic === undefined ? { why: staticSharding } : { pubsubTopic }
  } catch (error) {
    if (isWaypostError(error, 'topic/bad-content-topic')) return { why: `Autosharding error: ${error.data.why}` }
    throw error
  }
}
