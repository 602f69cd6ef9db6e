/** Peer exchange: we tell peers of others that we found, within a quota. */
import { type Switch, serveExchange } from '../../net/exchange.ts'
import { Quota } from '../../net/quota.ts'
import type { Log } from '../../telemetry/log.ts'
import { peerExchangeRates } from './limits.ts'
import { type PeerExchangeParts, peerExchangeService } from './service.ts'

export interface PeerExchangeOptions extends PeerExchangeParts {
  readonly libp2p: Switch
  readonly log: Log
  /** How often peers may ask; unless given, as often as `peerExchangeRates` says. */
  readonly quota?: Quota
}

/** Serves peer exchange to the peers of `libp2p` until it is disposed of. */
export async function peerExchange(options: PeerExchangeOptions): Promise<AsyncDisposable> {
  const { libp2p, quota = new Quota(peerExchangeRates), metrics, log } = options
  return await serveExchange(peerExchangeService(options), { libp2p, quota, metrics, log })
}
