/** Our node in the DHT: serves others, knows who answers, makes us known and finds others. */
import type { Libp2p } from '@libp2p/interface'
import type { Metrics } from '../../../telemetry/metrics.ts'
import { type Switch, serveExchange } from '../../exchange.ts'
import { Quota } from '../../quota.ts'
import { Advertiser, type AdvertiserParts } from './advertise.ts'
import { KadClient } from './client.ts'
import { Greeter } from './greeter.ts'
import { keyOfPeer, placeOf } from './ids.ts'
import { KeptRecords } from './kept-records.ts'
import { kadRates } from './limits.ts'
import { Seeker, type SeekerParts } from './seek.ts'
import { kadService } from './service.ts'
import { Table } from './table.ts'

export type KadSwitch = Switch &
  Pick<Libp2p, 'peerId' | 'dial' | 'hangUp' | 'getConnections' | 'getPeers' | 'peerStore'> &
  Pick<Libp2p, 'addEventListener'>

export interface KadOptions
  extends Pick<AdvertiserParts, 'privateKey' | 'describe' | 'log' | 'schedule'>,
    Pick<SeekerParts, 'bootstrap' | 'found'> {
  readonly libp2p: KadSwitch
  /** False: we are on the public network, and addresses of private ones mean nothing. */
  readonly takesPrivate: () => boolean
  readonly metrics: Metrics
}

export interface Kad extends AsyncDisposable {
  readonly table: Table
  readonly kept: KeptRecords
  /** What our record says has changed. */
  changed(): void
  findMore(): void
  /** Sets the gauges. */
  measure(): void
}

export async function startKad(options: KadOptions): Promise<Kad> {
  const { libp2p, metrics, log } = options
  await using opened = new AsyncDisposableStack()
  const stop = new AbortController()
  const self = placeOf(keyOfPeer(libp2p.peerId))
  const table = new Table(self)
  const kept = new KeptRecords({ self })
  const client = new KadClient({ ...options, table, signal: stop.signal })
  const advertiser = opened.use(new Advertiser({ ...options, table, client }))
  const seeker = opened.use(new Seeker({ ...options, table, client }))
  const service = kadService({ table, kept, own: () => advertiser.own })
  opened.use(await serveExchange(service, { libp2p, quota: new Quota(kadRates), metrics, log }))
  // Before the others are waited for: what they have asked ends at once.
  opened.defer(() => stop.abort())

  const entered = (): void => {
    advertiser.soon()
    seeker.soon()
  }
  new Greeter({ libp2p, table, client, entered, signal: stop.signal }).start()
  advertiser.renew()
  seeker.soon()
  const running = opened.move()
  return {
    table,
    kept,
    changed: () => advertiser.renew(),
    findMore: () => seeker.soon(),
    measure() {
      metrics.waypost_kad_nodes.set(table.size)
      metrics.waypost_kad_records.set(kept.size)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
