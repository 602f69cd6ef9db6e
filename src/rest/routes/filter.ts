/**
 * `/filter/v2`: this node subscribes at a service node, and keeps what it pushes until it is fetched. All answers but
 * the messages are JSON, errors too
 * (https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/rest_api/endpoint/filter/handlers.nim).
 */
import { isWaypostError, WaypostError } from '../../core/errors.ts'
import { pubsubTopicFor, type Sharding } from '../../core/sharding.ts'
import { type Answer, json, text } from '../answer.ts'
import { filteredMessage, messageTold } from '../message.ts'
import type { MessageCache } from '../message-cache.ts'
import { readBody } from '../request.ts'
import type { RestRequest, Route } from '../route.ts'
import { array, described, filled, object, optional, type Shape, string } from '../shape.ts'

/**
 * Filter as a client. Each throws `client/no-peer`, `client/unreachable`, `client/refused`, `client/bad-answer` and
 * `wire/timed-out`.
 */
export interface FilterService {
  readonly sharding: Sharding
  /** Messages that wait to be fetched. */
  readonly cache: MessageCache
  subscribe(pubsubTopic: string, contentTopics: readonly string[]): Promise<void>
  unsubscribe(pubsubTopic: string, contentTopics: readonly string[]): Promise<void>
  unsubscribeAll(): Promise<void>
  ping(): Promise<void>
}

const requestId = described(string, "The client's own text; the answer repeats it.")
const given = object({
  requestId,
  contentFilters: described(filled(string), 'Content topics.'),
  pubsubTopic: optional(described(string, 'Absent or empty: the shards follow from the content topics.')),
})
const givenAll = object({ requestId })
const told = object({ requestId: string, statusDesc: string })

const answers = {
  200: { when: 'the service node did it', shape: told },
  400: { when: 'the body is none, or the service node refuses it', shape: told },
  404: { when: 'the service node has no such subscription', shape: told },
  429: { when: 'the service node was asked too often', shape: told },
  500: { when: 'a content topic has no shard, or the answer of the service node is none', shape: told },
  503: { when: 'no service node is there, or it did not answer in 5 s', shape: told },
  504: { when: 'the service node cannot be reached', shape: told },
}

export const filterRoutes: readonly Route<FilterService>[] = [
  {
    method: 'GET',
    path: '/filter/v2/subscriptions/{requestId}',
    summary: 'Ask the service node whether our subscription lives, and keep it alive',
    params: { requestId: 'Repeated in the answer.' },
    answers,
    handle: (request, filter) => answered(request.param('requestId'), () => filter.ping(), 'Ping timed out'),
  },
  { method: 'POST', path: '/filter/v2/subscriptions', summary: 'Subscribe', body: given, answers, handle: subscribe },
  {
    method: 'PUT',
    path: '/filter/v2/subscriptions',
    summary: 'Subscribe, or keep a subscription alive',
    body: given,
    answers,
    handle: subscribe,
  },
  {
    method: 'DELETE',
    path: '/filter/v2/subscriptions',
    summary: 'End subscriptions',
    body: given,
    answers,
    handle: unsubscribe,
  },
  {
    method: 'DELETE',
    path: '/filter/v2/subscriptions/all',
    summary: 'End all subscriptions, and forget their messages',
    body: givenAll,
    answers,
    handle: (request, filter) => withBody(request, givenAll, (body) => unsubscribeAll(body.requestId, filter)),
  },
  {
    method: 'GET',
    path: '/filter/v2/messages/{contentTopic}',
    summary: 'The messages that were pushed since this was last asked; each is told once',
    params: { contentTopic: 'Percent-encoded, `/` as `%2F`.' },
    answers: {
      200: { when: 'the topic is subscribed', shape: array(messageTold) },
      400: { when: 'it is not' },
    },
    consumes: true,
    handle(request, { cache }) {
      const topic = request.param('contentTopic')
      if (topic === '') return text(400, 'Missing contentTopic')
      const envelopes = cache.takeByContentTopic(topic)
      if (envelopes === undefined) return text(400, `Not subscribed to topic: ${topic}`)
      return json(envelopes.map(({ message }) => filteredMessage(message)))
    },
  },
]

type Given = typeof given extends Shape<infer T> ? T : never

function subscribe(request: RestRequest, filter: FilterService): Promise<Answer> {
  const each = (body: Given) => eachShard(body, filter, (topic, some) => filter.subscribe(topic, some), taken)
  // As in nwaku, also when the service node refused: what it pushes all the same is kept.
  const taken = (topics: readonly string[]) => {
    for (const topic of topics) filter.cache.subscribeContentTopic(topic)
  }
  return withBody(request, given, (body) =>
    answered(body.requestId, () => each(body), 'Subscription request timed out'),
  )
}

function unsubscribe(request: RestRequest, filter: FilterService): Promise<Answer> {
  const each = (body: Given) => eachShard(body, filter, (topic, some) => filter.unsubscribe(topic, some), gone)
  const gone = (topics: readonly string[]) => {
    for (const topic of topics) filter.cache.unsubscribeContentTopic(topic)
  }
  const late = 'Failed to unsubscribe from contentFilters due to timeout!'
  return withBody(request, given, (body) => answered(body.requestId, () => each(body), late))
}

function unsubscribeAll(id: string, filter: FilterService): Promise<Answer> {
  const all = async () => {
    await filter.unsubscribeAll()
    filter.cache.reset()
  }
  return answered(id, all, 'Failed to unsubscribe from all contentFilters due to timeout!')
}

/**
 * One request for each shard. `settled` is told the topics of each that the service node answered, whatever it
 * answered; what it refused last is thrown in the end, and what is no answer at once.
 */
async function eachShard(
  { contentFilters, pubsubTopic }: Given,
  { sharding }: FilterService,
  ask: (pubsubTopic: string, contentTopics: readonly string[]) => Promise<void>,
  settled: (contentTopics: readonly string[]) => void,
): Promise<void> {
  let refusal: WaypostError | undefined
  for (const [topic, some] of byShard(contentFilters, pubsubTopic || undefined, sharding)) {
    try {
      await ask(topic, some)
    } catch (error) {
      if (!isWaypostError(error, 'client/refused')) throw error
      refusal = error
    }
    settled(some)
  }
  if (refusal !== undefined) throw refusal
}

/** Throws `topic/bad-content-topic`, and `filter/criteria-missing` under static sharding. */
function byShard(
  contentTopics: readonly string[],
  pubsubTopic: string | undefined,
  sharding: Sharding,
): ReadonlyMap<string, readonly string[]> {
  return Map.groupBy(contentTopics, (topic) => {
    const shard = pubsubTopic ?? pubsubTopicFor(topic, sharding)
    if (shard === undefined) throw new WaypostError('filter/criteria-missing', {})
    return shard
  })
}

async function withBody<T>(request: RestRequest, shape: Shape<T>, use: (body: T) => Promise<Answer>): Promise<Answer> {
  let body: T
  try {
    body = readBody(request, shape, { onlyJson: true })
  } catch (error) {
    if (!isWaypostError(error)) throw error
    return told400(error)
  }
  return await use(body)
}

function told400(error: WaypostError): Answer {
  const why = error.message.replace('could not decode:', 'could not decode.')
  return json({ requestId: 'unknown', statusDesc: `BAD_REQUEST: Failed to decode request: ${why}` }, 400)
}

/** Does it, and tells how that went; `late` is nwaku's text for an answer that did not come in time. */
async function answered(id: string, act: () => Promise<void>, late: string): Promise<Answer> {
  try {
    await act()
    return json({ requestId: id, statusDesc: 'OK' })
  } catch (error) {
    const { status, reason } = failureOf(error, late)
    return json({ requestId: id, statusDesc: reason }, status)
  }
}

/** Statuses of a service node that are passed on; what else it says is a bad answer. */
const passedOn = [400, 404, 429, 503]

function failureOf(error: unknown, late: string): { readonly status: number; readonly reason: string } {
  if (isWaypostError(error, 'client/no-peer')) return { status: 503, reason: `SERVICE_UNAVAILABLE: ${error.message}` }
  if (isWaypostError(error, 'wire/timed-out')) return { status: 503, reason: `SERVICE_UNAVAILABLE: ${late}` }
  if (isWaypostError(error, 'client/unreachable'))
    return { status: 504, reason: `PEER_DIAL_FAILURE: ${error.data.peer}` }
  if (isWaypostError(error, 'topic/bad-content-topic')) return { status: 500, reason: "can't get shard" }
  if (isWaypostError(error, 'filter/criteria-missing')) return { status: 400, reason: `BAD_REQUEST: ${error.message}` }
  if (isWaypostError(error, 'client/refused')) {
    const status = Number(error.data.status)
    return { status: passedOn.includes(status) ? status : 500, reason: String(error.data.reason) }
  }
  if (isWaypostError(error)) return { status: 500, reason: `BAD_RESPONSE: ${error.message}` }
  throw error
}
