/**
 * `/store/v3/messages`: history, from this node's own archive. Parameters, texts and codes are nwaku's
 * (https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/rest_api/endpoint/store/handlers.nim).
 */
import { isWaypostError, messageOf, WaypostError } from '../../core/errors.ts'
import { hashBytes, type MessageHash } from '../../core/hash.ts'
import {
  maxQueryHashes,
  maxQueryTopics,
  type Page,
  pageLimit,
  type Query,
  type StoredMessage,
} from '../../core/query.ts'
import type { Nanoseconds } from '../../core/time.ts'
import { type Answer, json, text } from '../answer.ts'
import type { Writable } from '../json/write.ts'
import { messageTold, storedMessage } from '../message.ts'
import { decodeText } from '../request.ts'
import type { RestRequest, Route } from '../route.ts'
import { array, object, optional, string, uint32 } from '../shape.ts'

/** History, as REST asks for it. */
export interface StoreService {
  /** Throws `archive/unknown-cursor` and `archive/unavailable`. */
  query(query: Query): Promise<Page>
}

const told = object({
  requestId: string,
  statusCode: uint32,
  statusDesc: string,
  messages: array(object({ messageHash: string, message: optional(messageTold), pubsubTopic: optional(string) })),
  paginationCursor: optional(string),
})

const says = (words: string) => ({ says: words, shape: string })

export const storeRoutes: readonly Route<StoreService>[] = [
  {
    method: 'GET',
    path: '/store/v3/messages',
    summary: 'Stored messages, a page at a time, oldest first in each page',
    query: {
      includeData: says('true: with the messages, not their hashes alone'),
      pubsubTopic: says('messages of this pubsub topic'),
      contentTopics: says('messages of these content topics, comma-separated'),
      startTime: says('nanoseconds, inclusive; 0: from the beginning'),
      endTime: says('nanoseconds, inclusive; 0: to the end'),
      hashes: says('these messages, comma-separated, hexadecimal'),
      cursor: says('the paginationCursor of the page before'),
      ascending: says('true (default): from the oldest page; anything else: from the newest'),
      pageSize: says('messages of a page: 20 unless given, 100 at the most'),
    },
    answers: {
      200: { when: 'the page', shape: told },
      400: { when: 'a parameter cannot be read, or there are too many of it' },
      500: { when: 'the archive refuses the query, for a cursor that it does not know' },
      503: { when: 'the archive cannot be read now' },
    },
    async handle(request, store) {
      try {
        return page(await store.query(queryOf(parametersOf(request))))
      } catch (error) {
        return refusal(error)
      }
    },
  },
]

function page({ messages, cursor }: Page): Answer {
  return json({
    requestId: '',
    statusCode: 200,
    statusDesc: 'OK',
    messages: messages.map(entry),
    paginationCursor: cursor === undefined ? undefined : `0x${cursor}`,
  })
}

function entry({ hash, data }: StoredMessage): Writable {
  const messageHash = `0x${hash}`
  return data === undefined
    ? { messageHash }
    : { messageHash, message: storedMessage(data.bytes), pubsubTopic: data.pubsubTopic }
}

function refusal(error: unknown): Answer {
  if (isWaypostError(error, 'rest/bad-parameter')) return text(400, `${error.data.why}`)
  if (isWaypostError(error, 'archive/unknown-cursor'))
    return text(500, `error in handleSelfStoreRequest: BAD_RESPONSE: archive error: ${error.message}`)
  if (isWaypostError(error, 'archive/unavailable'))
    return text(503, 'error in handleSelfStoreRequest: SERVICE_UNAVAILABLE')
  throw new WaypostError('internal/bug', { why: messageOf(error) }, { cause: error })
}

/** nwaku decodes each text a second time; one that is no percent-encoding then stays as it is. */
function parametersOf({ query }: RestRequest): (name: string) => string | undefined {
  return (name) => {
    const value = query.get(name)
    return value === undefined || value === '' ? undefined : decodedAgain(value)
  }
}

function decodedAgain(value: string): string {
  try {
    return value.includes('%') ? decodeText(value) : value
  } catch {
    return value
  }
}

/** The first parameter that cannot be read is the answer. Throws `rest/bad-parameter`. */
function queryOf(parameter: (name: string) => string | undefined): Query {
  const includeData = booleanOf(parameter('includeData'))
  const start = timeOf(parameter('startTime'))
  const end = timeOf(parameter('endTime'))
  const hashes = listOf(parameter('hashes')).map(hashOf)
  const cursor = parameter('cursor')
  const limit = pageLimit(countOf(parameter('pageSize')))
  const contentTopics = listOf(parameter('contentTopics'))
  if (contentTopics.length > maxQueryTopics) throw bad(`too many content topics: at most ${maxQueryTopics}`)
  if (hashes.length > maxQueryHashes) throw bad(`too many hashes: at most ${maxQueryHashes}`)
  return {
    includeData,
    pubsubTopic: parameter('pubsubTopic'),
    contentTopics,
    start,
    end,
    hashes,
    cursor: cursor === undefined ? undefined : hashOf(cursor),
    direction: (parameter('ascending') ?? 'true') === 'true' ? 'forward' : 'backward',
    limit,
  }
}

function listOf(value: string | undefined): readonly string[] {
  return value === undefined ? [] : value.split(',').filter((part) => part !== '')
}

const yes = ['y', 'yes', 'true', '1', 'on']
const no = ['n', 'no', 'false', '0', 'off']

function booleanOf(value = 'false'): boolean {
  const word = value.toLowerCase()
  if (yes.includes(word)) return true
  if (no.includes(word)) return false
  throw bad(`include data parsing error: cannot interpret as a bool: ${value}`)
}

/** 0 and what is below it count as absent, as in nwaku. */
function timeOf(value: string | undefined): Nanoseconds | undefined {
  if (value === undefined) return undefined
  const time = integerOf(value)
  if (time === undefined) throw bad(`time parsing error: invalid integer: ${value}`)
  return time > 0n ? time : undefined
}

function countOf(value: string | undefined): bigint | undefined {
  if (value === undefined) return undefined
  const count = integerOf(value)
  if (count === undefined || count < 0n) throw bad(`page size parsing error: invalid integer: ${value}`)
  return count
}

function integerOf(value: string): bigint | undefined {
  if (!/^[+-]?\d{1,20}$/.test(value)) return undefined
  const integer = BigInt(value)
  return BigInt.asIntN(64, integer) === integer ? integer : undefined
}

function hashOf(value: string): MessageHash {
  const digits = value.replace(/^0x/i, '')
  if (!/^[0-9a-f]*$/i.test(digits) || digits.length % 2 === 1)
    throw bad('Exception converting hex string to bytes: not hexadecimal')
  if (digits.length !== hashBytes * 2)
    throw bad(`waku message hash parsing error: invalid hash length: ${digits.length / 2}`)
  return digits.toLowerCase()
}

function bad(why: string): WaypostError {
  return new WaypostError('rest/bad-parameter', { why })
}
