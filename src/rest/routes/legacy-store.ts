/**
 * `/store/v1/messages`: history with the parameters and answers of store version 2 (2.0.0-beta4), for scripts that know
 * no other. The cursor there is a message by its time and digest; it is looked up, and goes on as a hash.
 */
import { createHash } from 'node:crypto'
import { isWaypostError } from '../../core/errors.ts'
import { decodeMessage, type WakuMessage } from '../../core/message.ts'
import { maxPageMessages, type Page, type Query, type StoredMessage } from '../../core/query.ts'
import { type Answer, json, text } from '../answer.ts'
import { fromBase64, toBase64 } from '../base64.ts'
import { legacyStoredMessage, messageTold } from '../message.ts'
import type { RestRequest, Route } from '../route.ts'
import { array, int64, object, optional, string } from '../shape.ts'
import { badParameter, integerOf, type Parameters, parametersOf, queryOf } from '../store-parameters.ts'
import { ownRefusal, type StoreService, unasked } from './store.ts'

type Stored = NonNullable<StoredMessage['data']>

/** Where a page goes on, as version 2 has it. */
interface LegacyCursor {
  readonly pubsubTopic: string
  readonly senderTime: bigint
  readonly digest: Buffer
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
      500: { when: 'the archive refuses the query, for a cursor that it does not know' },
      503: { when: 'the archive cannot be read now' },
    },
    handle,
  },
]

type History = (query: Query) => Promise<Page>

async function handle(request: RestRequest, store: StoreService): Promise<Answer> {
  const parameter = legacyWords(parametersOf(request))
  const query = legacyQuery(parameter)
  const cursor = cursorOf(parameter, query.pubsubTopic)
  const peerAddr = parameter('peerAddr')
  const { own } = store
  // Given but empty, nwaku does not ask its own archive either.
  if (own !== undefined && !request.query.has('peerAddr'))
    return await answer((asked) => own.query(asked), query, cursor, ownRefusal)
  return await answer((asked) => store.ask(asked, peerAddr), query, cursor, otherRefusal)
}

async function answer(
  history: History,
  query: Query,
  cursor: LegacyCursor | undefined,
  refusal: (error: unknown) => Answer,
): Promise<Answer> {
  try {
    const from = cursor && (await find(history, cursor))
    if (cursor !== undefined && from === undefined) return unknownCursor
    return told200(await history({ ...query, cursor: from }), query)
  } catch (error) {
    return refusal(error)
  }
}

const unknownCursor = text(500, 'error in handleSelfStoreRequest: BAD_RESPONSE: archive error: cursor not found')

function otherRefusal(error: unknown): Answer {
  const answer = unasked(error)
  if (answer !== undefined) return answer
  if (isWaypostError(error)) return text(500, `Error occurred in queryFut.read() [${error.message}]`)
  throw error
}

function told200({ messages, cursor }: Page, { direction }: Query): Answer {
  const stored = messages.flatMap(({ data }) => (data === undefined ? [] : [data]))
  const last = direction === 'forward' ? stored.at(-1) : stored[0]
  return json({
    messages: stored.map(({ bytes }) => legacyStoredMessage(decodeMessage(bytes))),
    cursor: cursor === undefined || last === undefined ? undefined : cursorAt(last),
  })
}

/** The time at which a message was stored is not kept: its own stands for it. */
function cursorAt({ pubsubTopic, bytes }: Stored) {
  const message = decodeMessage(bytes)
  const time = message.timestamp ?? 0n
  return { pubsubTopic, senderTime: time, storeTime: time, digest: { data: toBase64(digestOf(message)) } }
}

/** The digest of store version 2: it covers neither time nor pubsub topic. */
function digestOf({ contentTopic, payload }: WakuMessage): Buffer {
  return createHash('sha256').update(contentTopic).update(payload).digest()
}

/** Pages that are read for one cursor at the most: so many messages of one nanosecond are no history. */
const maxPagesForCursor = 10

/** The hash of the message that `cursor` names; undefined when there is none. */
async function find(history: History, { pubsubTopic, senderTime, digest }: LegacyCursor): Promise<string | undefined> {
  const at = { pubsubTopic, start: senderTime, end: senderTime }
  let cursor: string | undefined
  for (let pages = 0; pages < maxPagesForCursor; pages += 1) {
    const page = await history({ ...at, cursor, direction: 'forward', limit: maxPageMessages, includeData: true })
    const found = page.messages.find(({ data }) => data && digestOf(decodeMessage(data.bytes)).equals(digest))
    if (found !== undefined || page.cursor === undefined) return found?.hash
    cursor = page.cursor
  }
  return undefined
}

/** Only with all four parts there is a cursor. Throws `rest/bad-base64`. */
function cursorOf(parameter: Parameters, pubsubTopic: string | undefined): LegacyCursor | undefined {
  const senderTime = integerOf(parameter('senderTime') ?? '')
  const storeTime = integerOf(parameter('storeTime') ?? '')
  const digest = parameter('digest')
  if (pubsubTopic === undefined || senderTime === undefined || storeTime === undefined || digest === undefined)
    return undefined
  // Encoded once only, a plus has become a blank.
  return { pubsubTopic, senderTime, digest: fromBase64(digest.replaceAll(' ', '+')) }
}

/** The query; what cannot be read has words of its own here. */
function legacyQuery(parameter: Parameters): Query {
  try {
    return { ...queryOf(parameter), includeData: true }
  } catch (error) {
    if (!isWaypostError(error, 'rest/bad-parameter')) throw error
    throw badParameter(
      String(error.data.why).replace(/^(time|page size) parsing error: (.*)$/s, 'Problem parsing $1 [$2]'),
    )
  }
}

/** Version 2 has no hashes, no cursor of version 3, and always the messages themselves. */
function legacyWords(parameter: Parameters): Parameters {
  return (name) => (['includeData', 'hashes', 'cursor'].includes(name) ? undefined : parameter(name))
}
