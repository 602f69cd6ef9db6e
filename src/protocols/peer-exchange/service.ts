/**
 * Answers with records of peers that were found, never of those that are connected: whom we talk to is nobody's business
 * (34/WAKU2-PEER-EXCHANGE, "security considerations").
 */
import { type WaypostError, wireStatus } from '../../core/errors.ts'
import { hostOf } from '../../net/addresses.ts'
import type { Enr } from '../../net/discovery/enr.ts'
import type { Source } from '../../net/discovery/found.ts'
import { readRecord } from '../../net/discovery/node-record.ts'
import type { Pooled } from '../../net/discovery/pool.ts'
import type { ExchangeLimits, ExchangeService } from '../../net/exchange.ts'
import { isPrivate } from '../../net/networks.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { decodeQuery, encodeResponse, peerExchangeProtocol, Status } from './codec.ts'
import { type MemoryLimits, memoryLimits, peerExchangeLimits } from './limits.ts'
import { Told } from './told.ts'

export interface PeerExchangeParts {
  /** The peers that were found, of our cluster. */
  readonly pool: { readonly all: Iterable<Pooled> }
  /** False: we are on the public network, and tell of no addresses of private ones. */
  readonly tellsPrivate: () => boolean
  /** False for a peer that could not be dialled. */
  readonly isReachable: (peer: string) => boolean
  readonly metrics: Metrics
  readonly limits?: ExchangeLimits
  readonly memory?: MemoryLimits
  /** From 0 up to, not including, 1. */
  readonly random?: () => number
}

/** Who is told of: those that others told us of, with a record. */
const toldOf: ReadonlySet<Source> = new Set(['dns', 'discv5', 'peer-exchange'])

/** Peer exchange as an exchange serves it: a request is the number of records that are wanted. */
export function peerExchangeService(parts: PeerExchangeParts): ExchangeService<number> {
  const { metrics, limits = peerExchangeLimits, memory = memoryLimits, random } = parts
  const told = new Told(memory, random)
  return {
    protocol: peerExchangeProtocol,
    name: 'px',
    limits,
    decode: decodeQuery,
    answer(count, from) {
      const records = recordsFor(from, parts)
      const chosen = told.choose(from, [...records.keys()], count)
      metrics.waku_px_peers_sent_total.inc(chosen.length)
      const bytes = chosen.map((id) => records.get(id)?.bytes).filter((record) => record !== undefined)
      return encodeResponse({ records: bytes, status: Status.success, reason: '' })
    },
    refuse(error) {
      const status = statusOf(error)
      metrics.waku_px_errors_total.inc({ type: kindOf[status] })
      return encodeResponse({ records: [], status, reason: error.message })
    },
  }
}

/** What may be told to `asker`, by peer id. */
function recordsFor(asker: string, { pool, tellsPrivate, isReachable }: PeerExchangeParts): Map<string, Enr> {
  const isPrivateToo = tellsPrivate()
  const records = new Map<string, Enr>()
  for (const { peerId, record, source } of pool.all) {
    const id = peerId.toString()
    if (record === undefined || !toldOf.has(source) || id === asker || !isReachable(id)) continue
    if (isPrivateToo || isPublic(record)) records.set(id, record)
  }
  return records
}

/** A record can only be passed on whole: one with a private address in it is not passed on at all. */
function isPublic(record: Enr): boolean {
  const known = publicity.get(record)
  if (known !== undefined) return known
  const hosts = readRecord(record).addresses.map(hostOf)
  const judged = hosts.length > 0 && hosts.every((host) => host === undefined || !isPrivate(host))
  publicity.set(record, judged)
  return judged
}

/** Addresses are read once for each record. */
const publicity = new WeakMap<Enr, boolean>()

const kindOf = {
  [Status.badRequest]: 'decode_rpc_failure',
  [Status.tooManyRequests]: 'request_limit_reached_failure',
  [Status.unavailable]: 'px_failure',
} as const

/** The statuses that nwaku knows. */
function statusOf(error: WaypostError): keyof typeof kindOf {
  const status = wireStatus(error)
  if (status === Status.tooManyRequests) return status
  return status < 500 ? Status.badRequest : Status.unavailable
}
