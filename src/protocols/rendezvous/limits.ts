/** What bounds rendezvous. */
import type { Milliseconds } from '../../core/time.ts'
import type { ExchangeLimits, RequestOptions } from '../../net/exchange.ts'
import type { Rate } from '../../net/quota.ts'

const kib = 1024
const second: Milliseconds = 1000
const minute = 60 * second
const hour = 60 * minute

/** Bounds of one exchange: nwaku reads requests of 4096 bytes. */
export const rendezvousLimits: ExchangeLimits = {
  requestBytes: 4 * kib,
  requestTimeout: 10 * second,
  answerTimeout: 10 * second,
  inboundStreams: 16,
}

/** Requests of one peer and of all peers together. A node of 8 shards renews about 22 registrations in a minute, and looks up 24 places at the most. */
export const rendezvousRates: { readonly perPeer: Rate; readonly total: Rate } = {
  perPeer: { volume: 120, period: minute },
  total: { volume: 1200, period: minute },
}

/** What a board holds. */
export interface BoardLimits {
  /** Registrations in total; a record is at most a request. */
  readonly registrations: number
  /** Registrations of one peer: a node of 64 shards with three services has 256, one of 8 shards 32. */
  readonly perPeer: number
  /** Registrations of one public /24 (/48 in IPv6) in one namespace: ids cost nothing, networks do. As discv5's table. */
  readonly perSubnet: number
  /** The longest time for which somebody may ask: libp2p. */
  readonly maxTtl: Milliseconds
  /** The longest time that is granted: libp2p's default. Above it the answer says how long it is. */
  readonly grantedTtl: Milliseconds
  /** Registrations of one answer, and their bytes. */
  readonly answers: number
  readonly answerBytes: number
}

export const boardLimits: BoardLimits = {
  registrations: 5000,
  perPeer: 256,
  perSubnet: 10,
  maxTtl: 72 * hour,
  grantedTtl: 2 * hour,
  answers: 100,
  answerBytes: 60 * kib,
}

/** Bytes of a namespace: libp2p. */
export const maxNamespaceBytes = 255

/** Bytes of a cookie: a number and a namespace. */
export const maxCookieBytes = 300

/** Bounds of our asking. nwaku's answers have up to a thousand registrations; we ask for a few. */
export const askLimits: Pick<RequestOptions, 'responseBytes' | 'timeout'> = {
  responseBytes: 64 * kib,
  timeout: 10 * second,
}

/** Peers asked for at once: WAKU-RENDEZVOUS. */
export const askedPeers = 12

/** How long we ask to be registered under a shard, in seconds: WAKU-RENDEZVOUS. */
export const shardTtl = 60

/** And under a shard with a service, of which there are several for each. */
export const serviceTtl = 600

/** For a point that wants no shorter ones: libp2p's default. */
export const longTtl = 7200

/** From one registration to its renewal at the least, whatever a point grants. */
export const renewal: Milliseconds = 15 * second

/** How often it is looked whether something has to be done: WAKU-RENDEZVOUS's interval. */
export const tick: Milliseconds = 10 * second

/** Boards at which we are registered. */
export const boards = 3

/** How long we stay at one board at the most, and half of it at the least: no three points have us to themselves. */
export const boardStay: Milliseconds = hour

/** From one look-up at a board to the next, and from a refusal to the next attempt there. */
export const askInterval: Milliseconds = minute

/** Addresses of a record that are read and written. */
export const maxAddresses = 16
