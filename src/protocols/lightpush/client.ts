/** Asks a service node to publish a message: by version 3, or by version 2 where the node speaks only that. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { WaypostError } from '../../core/errors.ts'
import { type RequestOptions, request } from '../../net/exchange.ts'
import { answersRequest, newRequestId } from '../request-id.ts'
import { isUnsupported } from '../unsupported.ts'
import { decodePushResponse, encodePushRequest, lightPushProtocol, type PushResponse, Status } from './codec.ts'
import {
  decodeLegacyResponse,
  encodeLegacyRequest,
  Info,
  type LegacyPushResponse,
  legacyLightPushProtocol,
} from './legacy-codec.ts'
import { lightPushAnswerLimits } from './limits.ts'

/** What a service node made of a push. `status` is one of `Status`, 503 or 505 when it had no relay peers. */
export type Pushed =
  /** `peers` is how many relay peers have the message, at least 1; version 2 does not tell. */
  | { readonly outcome: 'relayed'; readonly status: 200; readonly peers?: number }
  /** Nobody was there to relay it to, or the node does not relay: another node may do better. */
  | { readonly outcome: 'no-peers'; readonly status: 503 | 505; readonly reason: string }
  /** Any other answer, with the node's own words. Version 2 has no status; what it refuses is a 500 here. */
  | { readonly outcome: 'refused'; readonly status: number; readonly reason: string }

export type PushOptions = Partial<Pick<RequestOptions, 'timeout' | 'signal'>>

/**
 * Hands the encoded WakuMessage `message` to `peer`. Without a pubsub topic the node derives it from the content topic;
 * version 2 cannot, so a node that speaks only that refuses with 400.
 * Throws `client/bad-answer`, and what `request` throws: `wire/...` or a failed dial.
 */
export async function push(
  libp2p: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId | Multiaddr,
  message: Uint8Array,
  pubsubTopic: string | undefined,
  options: PushOptions = {},
): Promise<Pushed> {
  const limits = { ...lightPushAnswerLimits, ...options }
  const requestId = newRequestId()
  try {
    const body = encodePushRequest({ requestId, pubsubTopic, message })
    const answer = await request(libp2p, peer, lightPushProtocol, body, limits)
    return pushedOf(matching(decodePushResponse(answer), requestId, lightPushProtocol))
  } catch (error) {
    if (!isUnsupported(error)) throw error
    return pushLegacy(libp2p, peer, message, pubsubTopic, limits)
  }
}

async function pushLegacy(
  libp2p: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId | Multiaddr,
  message: Uint8Array,
  pubsubTopic: string | undefined,
  limits: RequestOptions,
): Promise<Pushed> {
  if (pubsubTopic === undefined) return needsTopic
  const requestId = newRequestId()
  const body = encodeLegacyRequest({ requestId, pubsubTopic, message })
  const answer = await request(libp2p, peer, legacyLightPushProtocol, body, limits)
  return legacyPushedOf(matching(decodeLegacyResponse(answer), requestId, legacyLightPushProtocol))
}

const needsTopic: Pushed = {
  outcome: 'refused',
  status: Status.badRequest,
  reason: 'the service node speaks light push version 2, which needs a pubsub topic',
}

function matching<Answer extends { readonly requestId: string }>(
  answer: Answer,
  asked: string,
  protocol: string,
): Answer {
  if (answersRequest(answer.requestId, asked)) return answer
  throw new WaypostError('client/bad-answer', { protocol, why: 'it belongs to another request' })
}

/** nwaku says 505, the specification 503, and an early nwaku 200 with no count, all for the same. */
export function pushedOf({ status, reason, relayPeers }: Omit<PushResponse, 'requestId'>): Pushed {
  switch (status) {
    case Status.success:
      return relayPeers ? { outcome: 'relayed', status, peers: relayPeers } : noPeers(Status.noPeersToRelay)
    case Status.noPeersToRelay:
    case Status.serviceNotAvailable:
      return noPeers(status, reason)
    default:
      return { outcome: 'refused', status, reason: reason ?? `status ${status}` }
  }
}

function noPeers(status: 503 | 505, reason = 'no relay peers'): Pushed {
  return { outcome: 'no-peers', status, reason }
}

/** go-waku's words, behind others of its own, when it has nobody to relay to: then it has not kept the message either. */
const goNoPeers = /: not enough peers to publish$/

/** Version 2 puts everything into one line. The texts are nwaku's, and go-waku's for a rate limit and for no peers. */
export function legacyPushedOf({ isSuccess, info = 'push failed' }: Omit<LegacyPushResponse, 'requestId'>): Pushed {
  if (isSuccess) return { outcome: 'relayed', status: Status.success }
  if (info === Info.notPublished) return noPeers(Status.noPeersToRelay, info)
  if (info.startsWith(Info.noRelay) || goNoPeers.test(info)) return noPeers(Status.serviceNotAvailable, info)
  return { outcome: 'refused', status: legacyStatus(info), reason: info }
}

function legacyStatus(info: string): number {
  if (info === Info.tooManyRequests || info === 'exceeds the rate limit') return Status.tooManyRequests
  if (info.startsWith('decode_rpc_failure')) return Status.badRequest
  return Status.internalError
}
