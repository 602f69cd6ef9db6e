/** All routes. */
import { type Group, group } from '../route.ts'
import type { NodeView } from '../view.ts'
import { adminRoutes } from './admin.ts'
import { autoRoutes } from './auto-relay.ts'
import { eventRoutes } from './events.ts'
import { filterRoutes } from './filter.ts'
import { health } from './health.ts'
import { debug } from './info.ts'
import { legacyStoreRoutes } from './legacy-store.ts'
import { lightPushRoutes } from './lightpush.ts'
import { overviewGroup } from './overview.ts'
import { pageGroup } from './page.ts'
import { referenceOf } from './reference.ts'
import { staticRoutes } from './relay.ts'
import { reloadRoutes } from './reload.ts'
import { storeRoutes } from './store.ts'
import { storeAdminRoutes } from './store-admin.ts'

const relay = group({
  name: 'relay',
  says: 'Messages of the shards that this node follows: publish, subscribe, fetch.',
  access: 'usual',
  service: (node: NodeView) => node.services()?.relay,
  off: '/relay endpoints are not available. Please check your configuration: --relay',
  routes: [...staticRoutes, ...autoRoutes, ...eventRoutes],
})

const lightpush = group({
  name: 'lightpush',
  says: 'Publish as a light client does.',
  access: 'usual',
  service: (node: NodeView) => node.services()?.lightpush,
  off: '/lightpush endpoints are not available.',
  routes: lightPushRoutes,
})

const filter = group({
  name: 'filter',
  says: 'Subscribe at a service node as a light client does, and fetch what it pushes.',
  access: 'usual',
  service: (node: NodeView) => node.services()?.filter,
  off: '/filter endpoints are not available.',
  routes: filterRoutes,
})

const store = group({
  name: 'store',
  says: 'History.',
  access: 'usual',
  service: (node: NodeView) => node.services()?.store,
  off: '/store endpoints are not available.',
  routes: [...storeRoutes, ...legacyStoreRoutes],
})

const admin = group({
  name: 'admin',
  says: 'Peers, meshes, subscriptions, the level of the log.',
  access: 'admin',
  service: (node: NodeView) => node.services()?.admin,
  off: '/admin endpoints are not available. Please check your configuration: --rest-admin=true',
  routes: [...adminRoutes, ...reloadRoutes],
})

const storeAdmin = group({
  name: 'archive',
  says: 'The archive as a whole: figures, export, import.',
  access: 'admin',
  service: (node: NodeView) => node.services()?.storeAdmin,
  off: '/admin/v1/store endpoints are not available. Please check your configuration: --rest-admin=true --store=true',
  routes: storeAdminRoutes,
})

const served = [health, debug, overviewGroup, relay, lightpush, filter, store, admin, storeAdmin, pageGroup]

export const groups: readonly Group[] = [...served, referenceOf(served)]
