/** What bounds metadata. */
import type { Milliseconds } from '../../core/time.ts'
import type { ExchangeLimits, RequestOptions } from '../../net/exchange.ts'
import type { Rate } from '../../net/quota.ts'

const kib = 1024
const second: Milliseconds = 1000
const minute = 60 * second

/**
 * Bounds of one exchange. 4 KiB hold all 1024 shards packed; nwaku reads 1 KiB. 32 streams are js-libp2p's own default:
 * a client opens an idle one whenever it learns something of us.
 */
export const metadataLimits: ExchangeLimits = {
  requestBytes: 4 * kib,
  requestTimeout: 10 * second,
  answerTimeout: 10 * second,
  inboundStreams: 32,
}

/** Requests of one peer and of all peers together. A peer asks once when it connects. */
export const metadataRates: { readonly perPeer: Rate; readonly total: Rate } = {
  perPeer: { volume: 60, period: minute },
  total: { volume: 600, period: minute },
}

/** What bounds our asking. */
export interface NeighbourLimits extends Pick<RequestOptions, 'responseBytes' | 'timeout'> {
  /** Peers asked at once; the others wait their turn. */
  readonly asks: number
  /**
   * From learning that a peer is of another cluster to closing its connections: so that a dial of it that is under way
   * ends with a stream and our answer is read (@waku/sdk's suite wants both, and no connection a second later).
   */
  readonly grace: Milliseconds
  /** For its connections to close in good order; then they are reset. */
  readonly closeTimeout: Milliseconds
}

export const neighbourLimits: NeighbourLimits = {
  responseBytes: 4 * kib,
  timeout: 10 * second,
  asks: 32,
  grace: 250,
  closeTimeout: 500,
}
