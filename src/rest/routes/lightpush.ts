/**
 * `/lightpush/v1` and `/lightpush/v3`: this node publishes for a script as it does for a light client. nwaku asks
 * another node even when it relays itself; here a node that relays does it, with the same answers.
 */
import { isWaypostError } from '../../core/errors.ts'
import type { Published } from '../../core/publisher.ts'
import { type Answer, json, ok, text } from '../answer.ts'
import { encodeGiven, messageGiven } from '../message.ts'
import { readBody } from '../request.ts'
import type { RestRequest, Route } from '../route.ts'
import { object, optional, string, uint32 } from '../shape.ts'

/** What publishes for others. */
export interface LightPushService {
  /** Without a pubsub topic the shard follows from the content topic. Throws `message/malformed`. */
  publish(message: Uint8Array, pubsubTopic: string | undefined): Promise<Published>
}

const given = object({ pubsubTopic: optional(string), message: messageGiven })
const told = object({ statusDesc: optional(string), relayPeerCount: optional(uint32) })

/** HTTP status and reason of a push that failed: nwaku's, where HTTP has the number. */
interface Failure {
  readonly status: number
  readonly reason: string
}

export const lightPushRoutes: readonly Route<LightPushService>[] = [
  {
    method: 'POST',
    path: '/lightpush/v1/message',
    summary: 'Publish a message, with answers of the older form',
    body: given,
    answers: {
      200: { when: 'a relay peer has it; text `OK`' },
      400: { when: 'the body is none' },
      503: { when: 'it was not published; the text says why' },
    },
    async handle(request, service) {
      const pushed = await push(request, service)
      if ('peers' in pushed) return ok
      return text(
        503,
        `Failed to request a message push: ${pushed.status === 505 ? 'not_published_to_any_peer' : pushed.reason}`,
      )
    },
  },
  {
    method: 'POST',
    path: '/lightpush/v3/message',
    summary: 'Publish a message; the answer says how many relay peers have it',
    body: given,
    answers: {
      200: { when: 'relayed', shape: told },
      400: { when: 'the body is none', shape: told },
      413: { when: 'the message is too large', shape: told },
      421: { when: 'the pubsub topic is not followed', shape: told },
      500: { when: 'a validator refused the message, or it has no shard', shape: told },
      503: { when: 'this node does not relay', shape: told },
      505: { when: 'no relay peer is there', shape: told },
    },
    handle: async (request, service) => answer(await pushV3(request, service)),
  },
]

type Pushed = { readonly peers: number } | Failure

async function push(request: RestRequest, service: LightPushService): Promise<Pushed> {
  const { pubsubTopic, message } = readBody(request, given)
  return resultOf(await service.publish(encodeGiven(message), pubsubTopic || undefined))
}

/** Version 3 says also in JSON that a body is none. */
async function pushV3(request: RestRequest, service: LightPushService): Promise<Pushed> {
  try {
    return await push(request, service)
  } catch (error) {
    if (isWaypostError(error, 'rest/bad-base64')) return { status: 400, reason: `Invalid message! ${error.message}` }
    if (isWaypostError(error, 'message/malformed')) return { status: 400, reason: error.message }
    if (!isWaypostError(error) || !error.code.startsWith('rest/')) throw error
    return { status: 400, reason: `Invalid push request! ${error.message}` }
  }
}

function answer(pushed: Pushed): Answer {
  return 'peers' in pushed ? json({ relayPeerCount: pushed.peers }) : json({ statusDesc: pushed.reason }, pushed.status)
}

function resultOf(published: Published): Pushed {
  switch (published.outcome) {
    case 'relayed':
      return { peers: published.peers }
    case 'no-peers':
      return { status: 505, reason: 'No peers for topic, skipping publish' }
    case 'too-large':
      return { status: 413, reason: published.reason }
    case 'unsupported-topic':
      return { status: 421, reason: published.reason }
    case 'no-relay':
      return { status: 503, reason: published.reason }
    // 420, which HTTP has not: nwaku answers 500 with the same text.
    case 'invalid':
    case 'no-topic':
      return { status: 500, reason: published.reason }
  }
}
