/** What bounds peer exchange. */
import type { Milliseconds } from '../../core/time.ts'
import type { ExchangeLimits, RequestOptions } from '../../net/exchange.ts'
import type { Rate } from '../../net/quota.ts'

const kib = 1024
const second: Milliseconds = 1000
const minute = 60 * second

/** Records of one answer: 34/WAKU2-PEER-EXCHANGE, nwaku. */
export const maxRecords = 60

/** Records for who does not say how many: go-waku's program means to ask for the peers of a mesh, and writes no number. */
export const usualRecords = 6

/** Records that we ask for. nwaku asks for 5 unless told otherwise; @waku/sdk for 60. */
export const askedRecords = 30

/** Bounds of one exchange. A request is a number of ten bytes; nwaku writes an empty response beside it. */
export const peerExchangeLimits: ExchangeLimits = {
  requestBytes: 1 * kib,
  requestTimeout: 10 * second,
  answerTimeout: 10 * second,
  inboundStreams: 8,
}

/** Requests of one peer and of all peers together. */
export const peerExchangeRates: { readonly perPeer: Rate; readonly total: Rate } = {
  perPeer: { volume: 30, period: minute },
  total: { volume: 300, period: minute },
}

/** Bounds of our asking: 60 records of 300 bytes are 18 KiB. */
export const askLimits: Pick<RequestOptions, 'responseBytes' | 'timeout'> = {
  responseBytes: 64 * kib,
  timeout: 10 * second,
}

/** From one question to the same peer to the next: nwaku's. */
export const askInterval: Milliseconds = minute

/** Peers asked in one round. */
export const askedPeers = 3

/** What is remembered of whom we told of whom. */
export interface MemoryLimits {
  /** Peers who asked; above it the one that asked least recently is forgotten, and may hear the same again. */
  readonly askers: number
  /** Peers of which one of them was told. */
  readonly told: number
}

/** 500 times 500 ids, which the pool holds anyway, come to 12 MiB. */
export const memoryLimits: MemoryLimits = { askers: 500, told: 500 }
