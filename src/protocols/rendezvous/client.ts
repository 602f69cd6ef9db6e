/** Puts our record up at a rendezvous point, and looks for those of others. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { isWaypostError, WaypostError } from '../../core/errors.ts'
import { type RequestOptions, request } from '../../net/exchange.ts'
import {
  decodeResponse,
  encodeRequest,
  type Registration,
  type RendezvousRequest,
  type RendezvousResponse,
  rendezvousProtocol,
  Status,
} from './codec.ts'
import { askedPeers, askLimits } from './limits.ts'
import { openRecord, type WakuPeerRecord } from './peer-record.ts'

type Dialler = Pick<Libp2p, 'dialProtocol'>
type Answer<Is extends RendezvousResponse['is']> = Extract<RendezvousResponse, { is: Is }>

/** Characters of a peer's reason that go into an error. */
const maxReason = 200

/**
 * For how many seconds we are registered at `point`. Throws `client/refused` with its status, `client/bad-answer`,
 * `wire/malformed`, and what `request` throws.
 */
export async function register(
  libp2p: Dialler,
  point: PeerId,
  registration: Registration,
  options: Partial<RequestOptions> = {},
): Promise<number> {
  const { ttl } = await ask(libp2p, point, { is: 'register', registration }, 'registered', options)
  return ttl ?? registration.ttl ?? 0
}

/** The peers that are registered at `point` for `namespace`, those whose records are signed by them. Throws as `register` does. */
export async function discover(
  libp2p: Dialler,
  point: PeerId,
  namespace: string,
  options: Partial<RequestOptions> = {},
): Promise<readonly WakuPeerRecord[]> {
  const question: RendezvousRequest = { is: 'discover', namespace, limit: askedPeers }
  const { registrations } = await ask(libp2p, point, question, 'discovered', options)
  const opened = await Promise.all(registrations.slice(0, askedPeers).map(({ record }) => openedRecord(record)))
  return opened.filter((record) => record !== undefined)
}

async function openedRecord(envelope: Uint8Array): Promise<WakuPeerRecord | undefined> {
  try {
    return await openRecord(envelope)
  } catch (error) {
    if (isWaypostError(error, 'wire/malformed')) return undefined
    throw error
  }
}

async function ask<Is extends RendezvousResponse['is']>(
  libp2p: Dialler,
  point: PeerId,
  question: RendezvousRequest,
  wanted: Is,
  options: Partial<RequestOptions>,
): Promise<Answer<Is>> {
  const body = await request(libp2p, point, rendezvousProtocol, encodeRequest(question), { ...askLimits, ...options })
  const answer = decodeResponse(body)
  if (!isOf(answer, wanted))
    throw new WaypostError('client/bad-answer', {
      protocol: rendezvousProtocol,
      why: `${answer.is} instead of ${wanted}`,
    })
  const { status, reason } = answer
  if (status !== Status.ok)
    throw new WaypostError('client/refused', {
      protocol: rendezvousProtocol,
      status,
      reason: reason.slice(0, maxReason),
    })
  return answer
}

function isOf<Is extends RendezvousResponse['is']>(answer: RendezvousResponse, is: Is): answer is Answer<Is> {
  return answer.is === is
}
