/** A rendezvous point: peers put up their signed records under the shards of our cluster, and others look for them. */
import { isWaypostError, type WaypostError } from '../../core/errors.ts'
import type { Clock } from '../../core/time.ts'
import type { ExchangeLimits, ExchangeService } from '../../net/exchange.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { Board, type Refusal } from './board.ts'
import {
  type Cookie,
  decodeCookie,
  decodeRequest,
  encodeCookie,
  encodeResponse,
  type Registration,
  type RendezvousRequest,
  rendezvousProtocol,
  Status,
} from './codec.ts'
import { type BoardLimits, boardLimits, maxCookieBytes, rendezvousLimits, shardTtl } from './limits.ts'
import { parseNamespace } from './namespaces.ts'
import { openRecord } from './peer-record.ts'

export interface RendezvousParts {
  readonly cluster: number
  /** The public network from which a peer comes; undefined on a private one. */
  readonly subnetOf: (peer: string) => string | undefined
  readonly metrics: Metrics
  readonly limits?: ExchangeLimits
  readonly board?: BoardLimits
  /** A monotonic clock. */
  readonly clock?: Clock
  /** From 0 up to, not including, 1. */
  readonly random?: () => number
}

/** What a registration that is not taken is told. */
const refusals: Readonly<Record<Refusal, { readonly status: number; readonly reason: string }>> = {
  full: { status: Status.unavailable, reason: 'the board is full' },
  peer: { status: Status.notAuthorized, reason: 'too many registrations' },
  subnet: { status: Status.notAuthorized, reason: 'too many registrations from your network' },
}

type Discover = Extract<RendezvousRequest, { is: 'discover' }>

/** Rendezvous as an exchange serves it. */
export function rendezvousService(parts: RendezvousParts): ExchangeService<RendezvousRequest> {
  const { limits = rendezvousLimits } = parts
  const point = new Point(parts)
  return {
    protocol: rendezvousProtocol,
    name: 'rendezvous',
    limits,
    decode: decodeRequest,
    answer: (request, from) => point.answer(request, from),
    refuse: (error, request) => refusal(error, request),
  }
}

class Point {
  readonly #cluster: number
  readonly #limits: BoardLimits
  readonly #board: Board
  readonly #subnetOf: RendezvousParts['subnetOf']
  readonly #metrics: Metrics

  constructor(parts: RendezvousParts) {
    const { cluster, subnetOf, metrics, board = boardLimits, clock = () => performance.now(), random } = parts
    this.#cluster = cluster
    this.#subnetOf = subnetOf
    this.#limits = board
    this.#board = new Board(board, clock, random)
    this.#metrics = metrics
  }

  async answer(request: RendezvousRequest, from: string): Promise<Uint8Array> {
    if (request.is === 'discover') return this.#discover(request)
    const answer =
      request.is === 'register'
        ? await this.#register(request.registration, from)
        : this.#unregister(request.namespace, from)
    this.#metrics.libp2p_rendezvous_registered.set(this.#board.size)
    return answer
  }

  async #register(registration: Registration, from: string): Promise<Uint8Array> {
    this.#metrics.libp2p_rendezvous_register_total.inc()
    const { maxTtl, grantedTtl } = this.#limits
    const ttl = (registration.ttl ?? shardTtl) * 1000
    if (!this.#isOurs(registration.namespace)) return registered(Status.invalidNamespace, 'not of this cluster')
    if (ttl < 1000 || ttl > maxTtl) return registered(Status.invalidTtl, `above ${maxTtl / 1000} seconds, or 0`)
    if (!(await isRecordOf(from, registration.record))) return registered(Status.invalidRecord, 'not a record of yours')
    const granted = Math.min(ttl, grantedTtl)
    const refused = this.#board.put({ peer: from, subnet: this.#subnetOf(from) }, registration, granted)
    if (refused === undefined) return registered(Status.ok, '', granted / 1000)
    const { status, reason } = refusals[refused]
    return registered(status, reason)
  }

  /** Nobody waits for an answer to this, and libp2p has none: what goes out is an empty frame. */
  #unregister(namespace: string, from: string): Uint8Array {
    this.#board.remove(from, namespace)
    return new Uint8Array()
  }

  #discover({ namespace, limit, cookie }: Discover): Uint8Array {
    this.#metrics.libp2p_rendezvous_discover_total.inc()
    if (namespace !== undefined && !this.#isOurs(namespace))
      return discovered(Status.invalidNamespace, 'not of this cluster')
    const from = cookieIn(cookie)
    if (from === 'invalid') return discovered(Status.invalidCookie, 'not a cookie of ours')
    const found = this.#board.find({ namespace, limit, cookie: from })
    return encodeResponse({
      is: 'discovered',
      status: Status.ok,
      reason: '',
      registrations: found.registrations,
      cookie: encodeCookie(found.cookie),
    })
  }

  #isOurs(namespace: string): boolean {
    return parseNamespace(namespace)?.cluster === this.#cluster
  }
}

async function isRecordOf(peer: string, envelope: Uint8Array): Promise<boolean> {
  try {
    return (await openRecord(envelope)).peerId.toString() === peer
  } catch (error) {
    if (isWaypostError(error, 'wire/malformed')) return false
    throw error
  }
}

function cookieIn(bytes: Uint8Array | undefined): Cookie | undefined | 'invalid' {
  if (bytes === undefined || bytes.length === 0) return undefined
  try {
    return bytes.length > maxCookieBytes ? 'invalid' : decodeCookie(bytes)
  } catch {
    return 'invalid'
  }
}

/** Tells who sent a request that can be read why it is refused; who did not is reset. */
function refusal(error: WaypostError, request: Uint8Array | undefined): Uint8Array | undefined {
  if (request === undefined || isWaypostError(error, 'wire/malformed')) return undefined
  const status = isWaypostError(error, 'wire/rate-limited') ? Status.unavailable : Status.internal
  try {
    const { is } = decodeRequest(request)
    return is === 'discover' ? discovered(status, error.message) : registered(status, error.message)
  } catch {
    return undefined
  }
}

function registered(status: number, reason: string, ttl?: number): Uint8Array {
  return encodeResponse({ is: 'registered', status, reason, ttl })
}

function discovered(status: number, reason: string): Uint8Array {
  return encodeResponse({ is: 'discovered', status, reason, registrations: [] })
}
