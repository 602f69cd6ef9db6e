/** The store: answers what clients missed, from history. */
import { type Switch, serveExchange } from '../../net/exchange.ts'
import { Quota } from '../../net/quota.ts'
import type { Log } from '../../telemetry/log.ts'
import { legacyStoreService } from './legacy-service.ts'
import { storeRates } from './limits.ts'
import { type StoreParts, storeService } from './service.ts'

export interface StoreOptions extends StoreParts {
  readonly libp2p: Switch
  readonly log: Log
  /** How often clients may ask; unless given, as often as `storeRates` says. */
  readonly quota?: Quota
}

/** Serves store queries to the peers of `libp2p` until it is disposed of. */
export function store(options: StoreOptions): Promise<AsyncDisposable> {
  const { libp2p, metrics, log, quota = new Quota(storeRates) } = options
  return serveExchange(storeService(options), { libp2p, quota, metrics, log })
}

/** Serves store version 2 to the peers of `libp2p`, under a quota of its own, until it is disposed of. */
export function legacyStore(options: StoreOptions): Promise<AsyncDisposable> {
  const { libp2p, metrics, log, quota = new Quota(storeRates) } = options
  return serveExchange(legacyStoreService(options), { libp2p, quota, metrics, log })
}
