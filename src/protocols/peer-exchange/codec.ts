/**
 * Peer exchange 2.0.0-alpha1: a peer tells of others, by their signed node records, 34/WAKU2-PEER-EXCHANGE,
 * https://github.com/vacp2p/rfc-index/blob/155c310d7bfa/docs/messaging/standards/core/34/peer-exchange.md
 *
 * Status and reason are nwaku's additions (waku/waku_peer_exchange/rpc_codec.nim); go-waku and @waku/sdk have neither.
 */
import { WaypostError } from '../../core/errors.ts'
import { ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'
import { maxRecords, usualRecords } from './limits.ts'

export const peerExchangeProtocol = '/vac/waku/peer-exchange/2.0.0-alpha1'

export const Status = { success: 200, badRequest: 400, tooManyRequests: 429, unavailable: 503 } as const

export interface PeerExchangeResponse {
  /** Node records as their bytes, not checked. */
  readonly records: readonly Uint8Array[]
  readonly status: number
  readonly reason: string
}

const Rpc = { query: 1, response: 2 } as const
const Query = { peers: 1 } as const
const Response = { peers: 1, status: 10, reason: 11 } as const
const Peer = { record: 1 } as const

/** Asks for `peers` records. The response that nwaku writes into its requests too is nothing that anybody reads. */
export function encodeQuery(peers: number): Uint8Array {
  return new ProtobufWriter(16).bytes(Rpc.query, queryBytes(peers)).finish()
}

/** How many records are asked for, as far as anybody gives; some where no number is named. Throws `wire/malformed`. */
export function decodeQuery(body: Uint8Array): number {
  const query = fieldOf(body, Rpc.query, 'peer exchange request')
  if (query === undefined) throw new WaypostError('wire/malformed', { what: 'peer exchange request', why: 'no query' })
  const reader = new ProtobufReader(query, 'peer exchange request')
  let peers = BigInt(usualRecords)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === Query.peers) peers = reader.uint64()
    else reader.skip()
  }
  return Number(peers < BigInt(maxRecords) ? peers : BigInt(maxRecords))
}

/** Writes a query too, which nwaku demands also in a response. */
export function encodeResponse({ records, status, reason }: PeerExchangeResponse): Uint8Array {
  const response = new ProtobufWriter(64 + records.length * 320)
  for (const record of records)
    response.bytes(Response.peers, new ProtobufWriter(320).bytes(Peer.record, record).finish())
  response.uint32(Response.status, status)
  if (reason !== '') response.string(Response.reason, reason)
  const bytes = response.finish()
  return new ProtobufWriter(bytes.length + 32).bytes(Rpc.query, queryBytes(0)).bytes(Rpc.response, bytes).finish()
}

/**
 * Reads a response; records above `maxRecords` are left out. A status that is absent stands for success where records
 * are, and for a service that is not available where none are: nwaku. Throws `wire/malformed`.
 */
export function decodeResponse(body: Uint8Array): PeerExchangeResponse {
  const response = fieldOf(body, Rpc.response, 'peer exchange response')
  if (response === undefined)
    throw new WaypostError('wire/malformed', { what: 'peer exchange response', why: 'no response' })
  const reader = new ProtobufReader(response, 'peer exchange response')
  const records: Uint8Array[] = []
  let status: number | undefined
  let reason = ''
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === Response.peers) keep(records, fieldOf(reader.bytes(), Peer.record, 'peer exchange response'))
    else if (field === Response.status) status = reader.uint32()
    else if (field === Response.reason) reason = reader.string()
    else reader.skip()
  }
  return { records, status: status ?? (records.length > 0 ? Status.success : Status.unavailable), reason }
}

function queryBytes(peers: number): Uint8Array {
  return new ProtobufWriter(16).uint32(Query.peers, peers).finish()
}

function keep(records: Uint8Array[], record: Uint8Array | undefined): void {
  if (record !== undefined && records.length < maxRecords) records.push(record)
}

/** The bytes of one field, the last where it stands several times. */
function fieldOf(body: Uint8Array, wanted: number, what: string): Uint8Array | undefined {
  const reader = new ProtobufReader(body, what)
  let found: Uint8Array | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === wanted) found = reader.bytes()
    else reader.skip()
  }
  return found
}
