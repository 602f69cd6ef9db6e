/** What the HTTP server needs of a node. The node implements it; this folder does not know the node. */
import type { OverviewService } from './overview.ts'
import type { AdminService } from './routes/admin.ts'
import type { FilterService } from './routes/filter.ts'
import type { LightPushService } from './routes/lightpush.ts'
import type { RelayService } from './routes/relay.ts'
import type { StoreService } from './routes/store.ts'
import type { StoreAdminService } from './routes/store-admin.ts'

/** States of the node and of each protocol, in nwaku's words, which scripts read. */
export type HealthState = 'INITIALIZING' | 'SYNCHRONIZING' | 'READY' | 'NOT_READY' | 'NOT_MOUNTED' | 'SHUTTING_DOWN'

export interface ProtocolHealth {
  readonly protocol: string
  readonly state: HealthState
  /** Why it is not ready, or what else is to be known. */
  readonly desc?: string
}

export interface NodeHealth {
  readonly node: HealthState
  readonly protocols: readonly ProtocolHealth[]
}

export interface NodeView {
  readonly version: string
  health(): NodeHealth
  /** True once the listeners and the archive are open; peers are not asked for. */
  ready(): boolean
  /** Announced addresses with the peer id, and the node record. */
  info(): { readonly listenAddresses: readonly string[]; readonly enrUri: string }
  /** All metrics in Prometheus' text format, at most a second old. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  /** The node at a glance, from the first moment on. */
  readonly overview?: OverviewService
  /** The page at `/` is served. */
  readonly hasPage?: boolean
  /** What can be asked of the node; undefined while it starts. */
  services(): Services | undefined
}

/** Each is what one group of routes works on; absent when the node does not have it. */
export interface Services {
  /** With `--rest-admin` only. */
  readonly admin?: AdminService
  /** With `--rest-admin` and an archive. */
  readonly storeAdmin?: StoreAdminService
  readonly relay?: RelayService
  readonly lightpush?: LightPushService
  readonly filter?: FilterService
  readonly store?: StoreService
}
