/**
 * `/store/v1/messages`: history with the parameters and answers of store version 2 (2.0.0-beta4), for scripts that know
 * no other. Texts and codes are nwaku's
 * (https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/rest_api/endpoint/legacy_store/handlers.nim).
 */
import { isWaypostError } from '../../core/errors.ts'
import { givenDigest, type LegacyCursor, type LegacyPage, type LegacyQuery } from '../../core/legacy-query.ts'
import { decodeMessage } from '../../core/message.ts'
import { type Answer, json, text } from '../answer.ts'
import { fromBase64, toBase64 } from '../base64.ts'
import { legacyStoredMessage, messageTold } from '../message.ts'
import type { RestRequest, Route } from '../route.ts'
import { array, int64, object, optional, string } from '../shape.ts'
import { badParameter, integerOf, type Parameters, parametersOf, queryOf } from '../store-parameters.ts'
import { ownRefusal, type StoreService, unasked } from './store.ts'

/** History in the terms of version 2. */
export interface LegacyStoreService {
  /** This node's own archive; absent when it keeps none. Throws what `StoreService.own` does, and `store/bad-query`. */
  readonly own: { query(query: LegacyQuery): Promise<LegacyPage> } | undefined
  /** Another node's, by version 2 where it speaks that. Throws what `StoreService.ask` does, and `store/bad-query`. */
  ask(query: LegacyQuery, peerAddr?: string): Promise<LegacyPage>
}

const told = object({
  messages: array(messageTold),
  cursor: optional(
    object({ pubsubTopic: string, senderTime: int64, storeTime: int64, digest: object({ data: string }) }),
  ),
  errorMessage: optional(string),
})

const says = (words: string) => ({ says: words, shape: string })

export const legacyStoreRoutes: readonly Route<StoreService>[] = [
  {
    method: 'GET',
    path: '/store/v1/messages',
    summary: 'Stored messages, as store version 2 tells them',
    query: {
      peerAddr: says('the node to ask, a multiaddr with /p2p/ and its id; our own archive unless given'),
      pubsubTopic: says('messages of this pubsub topic'),
      contentTopics: says('messages of these content topics, comma-separated'),
      startTime: says('nanoseconds, inclusive; 0: from the beginning'),
      endTime: says('nanoseconds, inclusive; 0: to the end'),
      pageSize: says('messages of a page: 20 unless given, 100 at the most'),
      ascending: says('true (default): from the oldest page; anything else: from the newest'),
      senderTime: says('of the cursor, which counts only with all four'),
      storeTime: says('of the cursor'),
      digest: says('of the cursor, base64'),
    },
    answers: {
      200: { when: 'the page', shape: told },
      400: { when: 'a parameter cannot be read, or there are too many of it' },
      412: { when: 'there is no archive here, and no node to ask' },
      500: { when: 'the cursor is none; or another node refuses the query, or does not answer' },
      503: { when: 'the archive cannot be read now' },
    },
    handle,
  },
]

async function handle(request: RestRequest, { legacy }: StoreService): Promise<Answer> {
  const parameter = legacyWords(parametersOf(request))
  const query = legacyQuery(parameter)
  // Given but empty, nwaku does not ask its own archive either.
  return legacy.own !== undefined && !request.query.has('peerAddr')
    ? await askOwn(legacy.own, query)
    : await askOther(legacy, query, parameter('peerAddr'))
}

async function askOwn(own: NonNullable<LegacyStoreService['own']>, query: LegacyQuery): Promise<Answer> {
  try {
    return page(await own.query(query))
  } catch (error) {
    if (isWaypostError(error, 'store/bad-query'))
      return text(500, `error in handleSelfStoreRequest: BAD_REQUEST: ${error.data.why}`)
    return ownRefusal(error)
  }
}

async function askOther(legacy: LegacyStoreService, query: LegacyQuery, peerAddr: string | undefined): Promise<Answer> {
  try {
    return page(await legacy.ask(query, peerAddr))
  } catch (error) {
    const answer = unasked(error)
    if (answer !== undefined) return answer
    return text(500, `Error occurred in queryFut.read() [legacy store client query error: ${failureOf(error)}]`)
  }
}

/** What nwaku says of another node that gives no page. */
function failureOf(error: unknown): string {
  if (isWaypostError(error, 'client/refused')) return String(error.data.reason)
  if (isWaypostError(error, 'client/unreachable')) return `PEER_DIAL_FAILURE: ${error.data.peer}`
  if (isWaypostError(error, 'client/bad-answer')) return `BAD_RESPONSE: ${error.data.why}`
  if (isWaypostError(error, 'store/bad-query')) return `BAD_REQUEST: ${error.data.why}`
  throw error
}

function page({ messages, cursor }: LegacyPage): Answer {
  return json({
    messages: messages.map((bytes) => legacyStoredMessage(decodeMessage(bytes))),
    cursor: cursor && { ...cursor, digest: { data: toBase64(cursor.digest) } },
  })
}

/** The query; what cannot be read has words of its own here. Throws `rest/bad-parameter` and `rest/bad-base64`. */
function legacyQuery(parameter: Parameters): LegacyQuery {
  try {
    const { pubsubTopic, contentTopics, start, end, direction, limit } = queryOf(parameter)
    return { pubsubTopic, contentTopics, start, end, direction, limit, cursor: cursorOf(parameter, pubsubTopic) }
  } catch (error) {
    if (!isWaypostError(error, 'rest/bad-parameter')) throw error
    throw badParameter(
      String(error.data.why).replace(/^(time|page size) parsing error: (.*)$/s, 'Problem parsing $1 [$2]'),
    )
  }
}

/** Only with all four parts there is a cursor. Throws `rest/bad-base64`. */
function cursorOf(parameter: Parameters, pubsubTopic: string | undefined): LegacyCursor | undefined {
  const senderTime = integerOf(parameter('senderTime') ?? '')
  const storeTime = integerOf(parameter('storeTime') ?? '')
  const digest = parameter('digest')
  if (pubsubTopic === undefined || senderTime === undefined || storeTime === undefined || digest === undefined)
    return undefined
  // Encoded once only, a plus has become a blank.
  return { pubsubTopic, senderTime, storeTime, digest: givenDigest(fromBase64(digest.replaceAll(' ', '+'))) }
}

/** Version 2 has no hashes, no cursor of version 3, and always the messages themselves. */
function legacyWords(parameter: Parameters): Parameters {
  return (name) => (['includeData', 'hashes', 'cursor'].includes(name) ? undefined : parameter(name))
}
