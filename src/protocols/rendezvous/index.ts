/** Rendezvous: we are a point at which relays of our cluster find each other. */
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { hostOf } from '../../net/addresses.ts'
import { type Switch, serveExchange } from '../../net/exchange.ts'
import { subnetOfHost } from '../../net/peer-manager/traits.ts'
import { Quota } from '../../net/quota.ts'
import type { Log } from '../../telemetry/log.ts'
import { rendezvousRates } from './limits.ts'
import { type RendezvousParts, rendezvousService } from './service.ts'

export interface RendezvousOptions extends Omit<RendezvousParts, 'subnetOf'> {
  readonly libp2p: Switch & Pick<Libp2p, 'getConnections'>
  readonly log: Log
  /** How often peers may ask; unless given, as often as `rendezvousRates` says. */
  readonly quota?: Quota
}

/** Serves rendezvous to the peers of `libp2p` until it is disposed of. */
export async function rendezvous(options: RendezvousOptions): Promise<AsyncDisposable> {
  const { libp2p, quota = new Quota(rendezvousRates), metrics, log } = options
  const subnetOf = (peer: string): string | undefined => {
    const [connection] = libp2p.getConnections(peerIdFromString(peer))
    return connection && subnetOfHost(hostOf(connection.remoteAddr))
  }
  return await serveExchange(rendezvousService({ ...options, subnetOf }), { libp2p, quota, metrics, log })
}
