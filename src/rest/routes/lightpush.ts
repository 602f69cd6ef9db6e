/**
 * `/lightpush/v1` and `/lightpush/v3`: this node publishes for a script as it does for a light client. nwaku asks
 * another node even when it relays itself; here a node that relays does it, with the same answers, unless a service
 * node is named (`--lightpushnode`).
 */
import { isWaypostError } from '../../core/errors.ts'
import type { Published } from '../../core/publisher.ts'
import { type Answer, json, ok, text } from '../answer.ts'
import { encodeGiven, messageGiven } from '../message.ts'
import { readBody } from '../request.ts'
import type { RestRequest, Route } from '../route.ts'
import { object, optional, string, uint32 } from '../shape.ts'

/** What a service node made of a push: a status of light push version 3; success says how many peers have the message. */
export interface ServiceNodeAnswer {
  readonly outcome: 'answered'
  readonly status: number
  readonly reason?: string
  readonly peers?: number
}

/** What publishes for others: this node, or a service node that it asks. */
export interface LightPushService {
  /**
   * Without a pubsub topic the shard follows from the content topic. Throws `message/malformed`, and where another node
   * is asked `client/no-peer`, `client/unreachable`, `client/bad-answer` and `wire/timed-out`.
   */
  publish(message: Uint8Array, pubsubTopic: string | undefined): Promise<Published | ServiceNodeAnswer>
}

const given = object({ pubsubTopic: optional(string), message: messageGiven })
const told = object({ statusDesc: optional(string), relayPeerCount: optional(uint32) })

/** HTTP status and reason of a push that failed: nwaku's, where HTTP has the number. */
interface Failure {
  readonly status: number
  readonly reason: string
  /** No service node answered; version 1 says nothing before such a reason. */
  readonly unanswered?: true
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
      429: { when: 'the service node was asked too often' },
      503: { when: 'it was not published; the text says why' },
    },
    handle: pushV1,
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
      429: { when: 'the service node was asked too often', shape: told },
      503: { when: 'this node does not relay and knows no service node, or that does not answer in 5 s', shape: told },
      504: { when: 'the service node could not make an RLN proof', shape: told },
      505: { when: 'no relay peer is there, or the service node cannot be reached', shape: told },
    },
    handle: async (request, service) => answer(await pushV3(request, service)),
  },
]

type Pushed = { readonly peers: number } | Failure

async function push(request: RestRequest, service: LightPushService): Promise<Pushed> {
  const { pubsubTopic, message } = readBody(request, given)
  const encoded = encodeGiven(message)
  try {
    return resultOf(await service.publish(encoded, pubsubTopic || undefined))
  } catch (error) {
    const failure = unanswered(error)
    if (failure === undefined) throw error
    return failure
  }
}

/** A service node that is not there, or says nothing that can be used. */
function unanswered(error: unknown): Failure | undefined {
  if (isWaypostError(error, 'client/no-peer')) return { status: 503, reason: error.message, unanswered: true }
  if (isWaypostError(error, 'wire/timed-out'))
    return { status: 503, reason: 'Push request timed out', unanswered: true }
  if (isWaypostError(error, 'client/unreachable'))
    return { status: 505, reason: `Peer is not accessible: dial_failure - ${error.data.peer}` }
  if (isWaypostError(error, 'client/bad-answer')) return { status: 500, reason: 'decode_rpc_failure' }
  return undefined
}

const noPeers = 'No peers for topic, skipping publish'

/** Version 1 says one thing more of base64. */
async function pushV1(request: RestRequest, service: LightPushService): Promise<Answer> {
  try {
    return legacyAnswer(await push(request, service))
  } catch (error) {
    if (isWaypostError(error, 'rest/bad-base64')) return text(400, `Invalid message: ${error.message}`)
    throw error
  }
}

function legacyAnswer(pushed: Pushed): Answer {
  if ('peers' in pushed) return ok
  const { status, reason, unanswered } = pushed
  // The spelling is nwaku's.
  if (status === 429) return text(429, 'Request rate limmit reached')
  if (unanswered) return text(503, reason)
  const said = reason === noPeers ? 'not_published_to_any_peer' : reason
  return text(503, `Failed to request a message push: ${said}`)
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

function resultOf(published: Published | ServiceNodeAnswer): Pushed {
  switch (published.outcome) {
    case 'answered':
      return published.peers === undefined ? failureOf(published) : { peers: published.peers }
    case 'relayed':
      return { peers: published.peers }
    case 'no-peers':
      return { status: 505, reason: noPeers }
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

/** Statuses of light push that HTTP has too; 420 it has not. */
const httpStatuses = [400, 413, 421, 429, 500, 503, 504, 505]

function failureOf({ status, reason = `status ${status}` }: ServiceNodeAnswer): Failure {
  return { status: httpStatuses.includes(status) ? status : 500, reason }
}
