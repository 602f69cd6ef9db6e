/** What bounds store queries. */
import { maxPageMessages } from '../../core/query.ts'
import type { Milliseconds } from '../../core/time.ts'
import type { TurnLimits } from '../../core/turns.ts'
import type { ExchangeLimits, RequestOptions } from '../../net/exchange.ts'
import type { Rate } from '../../net/quota.ts'

const kib = 1024
const mib = 1024 * kib
const second: Milliseconds = 1000
const minute = 60 * second

/**
 * Bounds of one query. 64 KiB hold 100 content topics of 500 bytes and 100 hashes. A minute lets a phone with 400
 * kbit/s take a page of 3 MiB. 32 streams are js-libp2p's own default: a client keeps one or two idle.
 */
export const storeLimits: ExchangeLimits = {
  requestBytes: 64 * kib,
  requestTimeout: 10 * second,
  answerTimeout: minute,
  inboundStreams: 32,
}

/** Queries of one peer and of all peers together. */
export const storeRates: { readonly perPeer: Rate; readonly total: Rate } = {
  perPeer: { volume: 600, period: minute },
  total: { volume: 6000, period: minute },
}

/** Queries that are answered at once and that wait for their turn. 500 wait some three seconds, and take 32 MiB at the most. */
export const storeTurns: TurnLimits = { atOnce: 2, waiting: 500 }

/**
 * Bounds of a query of ours, M being the largest encoded message of the network. A node of ours ends a page at 3 MiB;
 * nwaku sends 100 messages of any size. What one answer makes us hold ends at 32 MiB all the same.
 */
export function storeAnswerLimits(maxMessageBytes: number): Pick<RequestOptions, 'responseBytes' | 'timeout'> {
  const page = maxPageMessages * (maxMessageBytes + kib) + 64 * kib
  return { responseBytes: Math.min(page, 32 * mib), timeout: 30 * second }
}
