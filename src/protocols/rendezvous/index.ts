/** Rendezvous: we are a point at which relays of our cluster find each other. */
import { type Switch, serveExchange } from '../../net/exchange.ts'
import { Quota } from '../../net/quota.ts'
import type { Log } from '../../telemetry/log.ts'
import { rendezvousRates } from './limits.ts'
import { type RendezvousParts, rendezvousService } from './service.ts'

export interface RendezvousOptions extends RendezvousParts {
  readonly libp2p: Switch
  readonly log: Log
  /** How often peers may ask; unless given, as often as `rendezvousRates` says. */
  readonly quota?: Quota
}

/** Serves rendezvous to the peers of `libp2p` until it is disposed of. */
export async function rendezvous(options: RendezvousOptions): Promise<AsyncDisposable> {
  const { libp2p, quota = new Quota(rendezvousRates), metrics, log } = options
  return await serveExchange(rendezvousService(options), { libp2p, quota, metrics, log })
}
