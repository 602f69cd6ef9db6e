/** What bounds light push, in both versions. M is the largest encoded message that the network allows. */
import type { ExchangeLimits, RequestOptions } from '../../net/exchange.ts'
import type { Rate } from '../../net/quota.ts'

const kib = 1024
const second = 1000
const minute = 60 * second

/** Bytes of a request beside its message: topics, id, framing (nwaku's allowance for every RPC). */
const besideMessageBytes = 64 * kib

/**
 * Bounds of one push. 30 s let a phone on 2G (40 kbit/s) send 150 KiB. 32 streams are js-libp2p's own default: a
 * client keeps one or two idle and opens one for each push in flight.
 */
export function lightPushLimits(maxMessageBytes: number): ExchangeLimits {
  return {
    requestBytes: maxMessageBytes + besideMessageBytes,
    requestTimeout: 30 * second,
    answerTimeout: 10 * second,
    inboundStreams: 32,
  }
}

/** Pushes of one peer, ten a second in bursts of a minute, and of all; both versions count as one. */
export const lightPushRates: { readonly perPeer: Rate; readonly total: Rate } = {
  perPeer: { volume: 600, period: minute },
  total: { volume: 6000, period: minute },
}

/**
 * Bounds of a push of ours: a response is some codes and a sentence. The service node waits for its own relay and disk
 * before it answers, so its time is longer than theirs.
 */
export const lightPushAnswerLimits: Pick<RequestOptions, 'responseBytes' | 'timeout'> = {
  responseBytes: 64 * kib,
  timeout: 20 * second,
}
