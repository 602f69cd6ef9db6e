/** What bounds our Kademlia. */
import type { Milliseconds } from '../../../core/time.ts'
import type { ExchangeLimits, RequestOptions } from '../../exchange.ts'
import type { Rate } from '../../quota.ts'

const kib = 1024
const second: Milliseconds = 1000
const minute = 60 * second
const hour = 60 * minute

/** Nodes of a bucket, and of an answer: the specification of Kad-DHT. */
export const k = 20

/** Bytes of a record, without its envelope: EXTENSIBLE-PEER-RECORDS. */
export const maxRecordBytes = 1024

/** Bytes of its envelope: a public key of RSA and its signature are the largest. */
export const maxEnvelopeBytes = maxRecordBytes + 1024

/** Addresses and services of a record that are read and written. */
export const maxAddresses = 16
export const maxServices = 32

/** Addresses of each node of an answer. */
export const toldAddresses = 4

/** Bytes of an answer of ours: nim-libp2p reads as many. */
export const answerBytes = 4 * kib

/** Bounds of one exchange. */
export const kadLimits: ExchangeLimits = {
  requestBytes: 4 * kib,
  requestTimeout: 10 * second,
  answerTimeout: 10 * second,
  inboundStreams: 16,
}

/** Requests of one peer and of all peers together. A walk asks one node once, and for the records of those that it tells of. */
export const kadRates: { readonly perPeer: Rate; readonly total: Rate } = {
  perPeer: { volume: 240, period: minute },
  total: { volume: 2400, period: minute },
}

/** Bounds of our asking. Other implementations answer with all addresses that they know of a node. */
export const askLimits: Pick<RequestOptions, 'responseBytes' | 'timeout'> = {
  responseBytes: 32 * kib,
  timeout: 5 * second,
}

/** Records of others that are kept. Above it the one farthest from us goes, which others are to keep. */
export const keptRecords = 1000

/** How long a record is kept: its peer renews it four times in that time. */
export const recordLife: Milliseconds = 2 * hour

/** From one time that we put our record to the next: EXTENDED-KADEMLIA-DISCOVERY. */
export const advertiseInterval: Milliseconds = 30 * minute

/** From a change, or a node that was met, to what follows: several at once are one. */
export const settleTime: Milliseconds = second

/** From one walk to the next, and between two at somebody's wish. */
export const walkInterval: Milliseconds = minute
export const walkPause: Milliseconds = 5 * second

/** Records that one walk asks for of those of whom it was told. */
export const maxWalkRecords = 256

/** Times in a row that a node does not answer before it leaves the table. */
export const maxFailures = 2

/** Nodes of one network in a bucket and in the table. */
export const networkLimits = { bucket: 2, table: 10 } as const
