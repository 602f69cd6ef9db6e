/** Asks other nodes for their history by store version 2, for those that speak nothing else. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { messageOf, WaypostError } from '../../core/errors.ts'
import type { LegacyPage, LegacyQuery } from '../../core/legacy-query.ts'
import { decodeMessage } from '../../core/message.ts'
import { type RequestOptions, request } from '../../net/exchange.ts'
import { answersRequest, newRequestId } from '../request-id.ts'
import type { AskOptions } from './client.ts'
import {
  decodeLegacyResponse,
  encodeLegacyRequest,
  LegacyError,
  type LegacyStoreResponse,
  legacyStoreProtocol,
} from './legacy-codec.ts'
import { storeAnswerLimits } from './limits.ts'

/** What an error of version 2 is as a status of version 3, and in nwaku's words. */
const refusals: Readonly<Record<number, { readonly status: number; readonly reason: string }>> = {
  [LegacyError.tooManyRequests]: { status: 429, reason: 'TOO_MANY_REQUESTS' },
  [LegacyError.serviceUnavailable]: { status: 503, reason: 'SERVICE_UNAVAILABLE' },
}
const invalidCursor = { status: 400, reason: 'BAD_REQUEST: invalid cursor' }

/**
 * One page of what `peer` has for `query`. Version 2 names no hashes, so what comes cannot be checked as that of version
 * 3 is: only that each is a message. Throws as `StoreClient.query` does.
 */
export async function queryLegacy(
  libp2p: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId | Multiaddr,
  query: LegacyQuery,
  maxMessageBytes: number,
  { requestId = newRequestId(), ...options }: AskOptions = {},
): Promise<LegacyPage> {
  const limits: RequestOptions = { ...storeAnswerLimits(maxMessageBytes), ...options }
  const body = encodeLegacyRequest({ requestId, query })
  return legacyPageOf(await request(libp2p, peer, legacyStoreProtocol, body, limits), requestId)
}

/** The page in an answer. Exported for its test. */
export function legacyPageOf(answer: Uint8Array, asked: string): LegacyPage {
  const { requestId, error, messages, cursor } = read(answer)
  if (!answersRequest(requestId, asked)) throw bad('it belongs to another request')
  if (error !== LegacyError.none) {
    const { status, reason } = refusals[error] ?? invalidCursor
    throw new WaypostError('client/refused', { protocol: legacyStoreProtocol, status, reason })
  }
  return { messages, cursor }
}

function read(answer: Uint8Array): LegacyStoreResponse {
  try {
    const response = decodeLegacyResponse(answer)
    for (const message of response.messages) decodeMessage(message)
    return response
  } catch (error) {
    throw bad(messageOf(error), error)
  }
}

function bad(why: string, cause?: unknown): WaypostError {
  return new WaypostError('client/bad-answer', { protocol: legacyStoreProtocol, why }, { cause })
}
