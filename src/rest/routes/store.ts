/**
 * `/store/v3/messages`: history, of this node's own archive, or of another node when it keeps none or `peerAddr` names
 * one. Texts and codes are nwaku's
 * (https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/rest_api/endpoint/store/handlers.nim).
 */
import { isWaypostError } from '../../core/errors.ts'
import type { Page, Query, StoredMessage } from '../../core/query.ts'
import { type Answer, json, text } from '../answer.ts'
import type { Writable } from '../json/write.ts'
import { messageTold, storedMessage } from '../message.ts'
import type { Route } from '../route.ts'
import { array, object, optional, string, uint32 } from '../shape.ts'
import { parametersOf, queryOf } from '../store-parameters.ts'
import type { LegacyStoreService } from './legacy-store.ts'

/** A page of another node. */
export interface AskedPage extends Page {
  readonly requestId: string
}

/** History, as REST asks for it. */
export interface StoreService {
  /** This node's own archive; absent when it keeps none. Throws `archive/unknown-cursor` and `archive/unavailable`. */
  readonly own: { query(query: Query): Promise<Page> } | undefined
  /**
   * Another node's: that of `peerAddr`, else one that the settings name or that is connected. Throws
   * `rest/bad-parameter` for an address that is none, `client/no-peer`, `client/unreachable`, `client/refused`,
   * `client/bad-answer` and `wire/timed-out`.
   */
  ask(query: Query, peerAddr?: string): Promise<AskedPage>
  /** The same, as version 2 has it. */
  readonly legacy: LegacyStoreService
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
      peerAddr: says('the node to ask, a multiaddr with /p2p/ and its id; our own archive unless given'),
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
      200: { when: 'the page; or what another node says instead of one, under its statusCode', shape: told },
      400: { when: 'a parameter cannot be read, or there are too many of it' },
      412: { when: 'there is no archive here, and no node to ask' },
      429: { when: 'the other node was asked too often' },
      500: { when: 'our archive refuses the query, for a cursor that it does not know; the other does not answer' },
      503: { when: 'the archive cannot be read now' },
    },
    async handle(request, store) {
      const parameter = parametersOf(request)
      const query = queryOf(parameter)
      const peerAddr = parameter('peerAddr')
      return store.own !== undefined && peerAddr === undefined
        ? await askOwn(store.own, query)
        : await askOther(store, query, peerAddr)
    },
  },
]

async function askOwn(own: NonNullable<StoreService['own']>, query: Query): Promise<Answer> {
  try {
    return page({ requestId: '', ...(await own.query(query)) })
  } catch (error) {
    return ownRefusal(error)
  }
}

async function askOther(store: StoreService, query: Query, peerAddr: string | undefined): Promise<Answer> {
  try {
    return page(await store.ask(query, peerAddr))
  } catch (error) {
    return otherRefusal(error)
  }
}

function page({ requestId, messages, cursor }: AskedPage): Answer {
  return json({
    requestId,
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

/** What is said when our own archive gives no page. */
export function ownRefusal(error: unknown): Answer {
  if (isWaypostError(error, 'archive/unknown-cursor'))
    return text(500, `error in handleSelfStoreRequest: BAD_RESPONSE: archive error: ${error.message}`)
  if (isWaypostError(error, 'archive/unavailable'))
    return text(503, 'error in handleSelfStoreRequest: SERVICE_UNAVAILABLE')
  throw error
}

/** What is said when no node could be asked; undefined when one was. */
export function unasked(error: unknown): Answer | undefined {
  if (isWaypostError(error, 'rest/bad-parameter'))
    return text(400, `Failed parsing remote peer info: ${error.data.why}`)
  if (isWaypostError(error, 'client/no-peer')) return text(412, error.message)
  if (isWaypostError(error, 'wire/timed-out')) return text(500, 'No history response received (timeout)')
  return undefined
}

/** nwaku's codes for nodes that give no page. */
const badResponse = 300
const dialFailure = 504

/** Whatever else another node says is a 200 with its status inside: clients look there. */
function otherRefusal(error: unknown): Answer {
  const answer = unasked(error)
  if (answer !== undefined) return answer
  if (isWaypostError(error, 'client/unreachable')) return refused(dialFailure, `PEER_DIAL_FAILURE: ${error.data.peer}`)
  if (isWaypostError(error, 'client/bad-answer')) return refused(badResponse, `BAD_RESPONSE: ${error.data.why}`)
  if (!isWaypostError(error, 'client/refused')) throw error
  const status = Number(error.data.status)
  return status === 429 ? text(429, 'Request rate limit reached') : refused(status, String(error.data.reason))
}

function refused(statusCode: number, statusDesc: string): Answer {
  return json({ requestId: '', statusCode, statusDesc, messages: [] })
}
