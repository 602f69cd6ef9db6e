/** Asks other nodes for their history. What they answer is checked before it is passed on. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { openEnvelope } from '../../core/envelope.ts'
import { messageOf, WaypostError } from '../../core/errors.ts'
import { hashToBytes } from '../../core/hash.ts'
import { defaultMaxMessageBytes } from '../../core/message.ts'
import type { Page, Query, StoredMessage } from '../../core/query.ts'
import { type RequestOptions, request } from '../../net/exchange.ts'
import { answersRequest, newRequestId } from '../request-id.ts'
import { decodeStoreResponse, encodeStoreRequest, Status, type StoreResponse, storeProtocol } from './codec.ts'
import { storeAnswerLimits } from './limits.ts'

export interface StoreClientParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol'>
  /** M: bytes of the largest encoded message of the network; 150 KiB if absent. */
  readonly maxMessageBytes?: number
}

export interface AskOptions extends Partial<Pick<RequestOptions, 'timeout' | 'signal'>> {
  /** One of our own unless it is given. */
  readonly requestId?: string
}

/** Characters of a node's reason that are passed on: a sentence. */
const maxReasonLength = 200

export class StoreClient {
  readonly #libp2p: Pick<Libp2p, 'dialProtocol'>
  readonly #limits: Pick<RequestOptions, 'responseBytes' | 'timeout'>

  constructor({ libp2p, maxMessageBytes = defaultMaxMessageBytes }: StoreClientParts) {
    this.#libp2p = libp2p
    this.#limits = storeAnswerLimits(maxMessageBytes)
  }

  /**
   * One page of what `peer` has for `query`; each message hashes to its hash. Throws `client/refused` when the node
   * says no, `client/bad-answer` when its answer is none, and what `request` throws: `wire/...` or a failed dial.
   */
  async query(
    peer: PeerId | Multiaddr,
    query: Query,
    { requestId = newRequestId(), ...options }: AskOptions = {},
  ): Promise<Page> {
    const body = encodeStoreRequest({
      ...query,
      requestId,
      contentTopics: query.contentTopics ?? [],
      hashes: (query.hashes ?? []).map(hashToBytes),
      cursor: query.cursor === undefined ? undefined : hashToBytes(query.cursor),
      forward: query.direction === 'forward',
      limit: BigInt(query.limit),
    })
    const answer = await request(this.#libp2p, peer, storeProtocol, body, { ...this.#limits, ...options })
    return pageOf(answer, requestId, query.includeData)
  }

  /**
   * All pages from `query` on, in its direction; a page may be empty and still have a cursor. Throws as `query` does,
   * also when the node's cursor stands still.
   */
  async *pages(peer: PeerId | Multiaddr, query: Query, options: AskOptions = {}): AsyncGenerator<Page> {
    let { cursor } = query
    do {
      const page = await this.query(peer, { ...query, cursor }, options)
      yield page
      if (page.cursor !== undefined && page.cursor === cursor) throw bad('its cursor stands still')
      cursor = page.cursor
    } while (cursor !== undefined)
  }
}

/** The page in an answer. Exported for its test. */
export function pageOf(answer: Uint8Array, requestId: string, includeData: boolean): Page {
  const response = read(answer)
  const { status, messages, cursor } = response
  if (!answersRequest(response.requestId, requestId)) throw bad('it belongs to another request')
  if (status !== Status.success) {
    const reason = response.reason.slice(0, maxReasonLength)
    throw new WaypostError('client/refused', { protocol: storeProtocol, status, reason })
  }
  if (includeData) for (const message of messages) check(message)
  return { messages: includeData ? messages : messages.map(({ hash }) => ({ hash })), cursor }
}

function read(answer: Uint8Array): StoreResponse {
  try {
    return decodeStoreResponse(answer)
  } catch (error) {
    throw bad(messageOf(error), error)
  }
}

/** A node may leave messages out, but not make any up: the bytes must be those that the hash names. */
function check({ hash, data }: StoredMessage): void {
  if (data === undefined) throw bad(`message ${hash} came without its data`)
  if (hashOf(data) !== hash) throw bad(`message ${hash} does not hash to that`)
}

function hashOf({ pubsubTopic, bytes }: NonNullable<StoredMessage['data']>): string {
  try {
    return openEnvelope(pubsubTopic, bytes, 0).hash
  } catch (error) {
    throw bad(messageOf(error), error)
  }
}

function bad(why: string, cause?: unknown): WaypostError {
  return new WaypostError('client/bad-answer', { protocol: storeProtocol, why }, { cause })
}
