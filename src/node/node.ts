/**
 * The composition root: a node from its settings. Each part is opened onto one stack; when one cannot be opened, those
 * before it are undone, and stopping is the same stack backwards.
 */
import { type Clock, systemClock } from '../core/time.ts'
import type { ReloadReport } from '../rest/routes/reload.ts'
import type { NodeHealth } from '../rest/view.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { keepCertificate } from './acme.ts'
import { archiveFolder, openStore } from './archive.ts'
import { ClockWatch } from './clock-watch.ts'
import { openDataFolder } from './data-folder.ts'
import { type Discovery, openDiscovery } from './discovery.ts'
import { measureGauges } from './gauges.ts'
import { openHost, watchCertificate } from './host.ts'
import { liveParts } from './live.ts'
import { MetricsLog } from './metrics-log.ts'
import { networkOf } from './network.ts'
import { NodeOverview } from './overview.ts'
import { countPeers, pingPeers, wantPeers } from './peers.ts'
import { mapPorts } from './port-mapping.ts'
import { mountProtocols } from './protocols.ts'
import { Reload } from './reload.ts'
import { openServers } from './servers.ts'
import { ShardSizes } from './shard-sizes.ts'
import { storeAdminOf } from './store-admin.ts'
import { View } from './view.ts'

export interface NodeOptions {
  readonly settings: Settings
  /** Reads the settings again, from where they came. Throws `settings/invalid`. Absent: they never change. */
  readonly reread?: () => Settings
  readonly version: string
  readonly log: Log
  readonly clock?: Clock
}

/** A node that runs until it is disposed of. */
export interface WaypostNode extends AsyncDisposable {
  readonly peerId: string
  /** Announced addresses, each with the peer id. */
  readonly addresses: readonly string[]
  readonly enr: string
  readonly dataDir: string
  readonly restUrl?: string
  readonly metricsUrl?: string
  /** The pubsub topics followed. */
  readonly pubsubTopics: readonly string[]
  /** Reads the settings again and applies what can be changed while the node runs; undefined without `reread`. */
  reload(): Promise<ReloadReport | undefined>
}

/** Starts a node. Throws a WaypostError that says what to do when this machine cannot have what the settings ask for. */
export async function startNode(options: NodeOptions): Promise<WaypostNode> {
  await using parts = new AsyncDisposableStack()
  const { settings, reread, version, log, clock = systemClock } = options
  let reloading: Reload | undefined
  let discovery: Discovery | undefined
  const reload = async () => await reloading?.run()
  const metrics = createMetrics({ prefix: settings.metricsPrefix, processMetrics: true })
  const overview = parts.use(
    new NodeOverview({ version, metrics, log, clock, health: (): NodeHealth => view.health() }),
  )
  const view = new View(version, metrics, { overview, hasPage: settings.restPage })
  const folder = await openDataFolder(settings.dataDir)
  const servers = parts.use(await openServers(view, settings, folder, metrics, log))
  const network = networkOf(settings)
  const archive = parts.use(await openStore({ settings, folder, metrics, log, awaitRepair: true }))
  const host = parts.use(await openHost({ settings, folder, network, version, metrics, log }))
  const { libp2p, router, rules } = host
  const clockWatch = new ClockWatch({ clock })
  const shardSizes = new ShardSizes()
  const protocols = parts.use(
    await mountProtocols({
      settings,
      network,
      libp2p,
      router,
      rules,
      archive,
      clockWatch,
      shardSizes,
      reload,
      book: () => discovery,
      clock,
      metrics,
      log,
    }),
  )
  const peersParts = { libp2p, metrics, log: log.child({ part: 'peers' }) }
  parts.use(countPeers(peersParts))
  await host.start()
  protocols.start()
  parts.use(mapPorts({ settings, host, metrics, log: log.child({ part: 'nat' }) }))
  const peers = parts.use(wantPeers(peersParts, settings))
  const certificates = parts.use(watchCertificate(host, settings, log))
  const keeper = parts.use(keepCertificate({ settings, host, agent: `waypost/${version}`, metrics, log }))
  parts.use(pingPeers(peersParts, () => protocols.meshPeers()))
  const settingsNow = () => reloading?.running ?? settings
  discovery = parts.use(
    await openDiscovery({
      settings,
      running: settingsNow,
      folder,
      network,
      host,
      protocols,
      peers,
      clock,
      metrics,
      log,
    }),
  )
  const addresses = () => host.addresses().map(String)
  host.reachability.onChange(() => log.info({ addresses: addresses() }, 'other addresses are announced'))
  const enr = () => discovery.record.text
  const folders = { data: folder.path, archive: archive && archiveFolder(settings, folder) }
  const { relay } = protocols
  overview.started({
    settings: settingsNow,
    addresses,
    libp2p,
    relay,
    archive,
    clockWatch,
    certificate: certificates,
    reachability: host.reachability,
    dataDir: folder.path,
  })
  const measure = () => measureGauges({ metrics, clockWatch, shardSizes, host, discovery, relay, archive, folders })
  const storeAdmin = storeAdminOf({ settings: settingsNow, archive, folder: folders.archive, version })
  const services = { ...protocols.services, storeAdmin }
  const health = {
    ...protocols.health,
    finders: discovery.health,
    ...(keeper && settings.autoTls && { autoTls: () => keeper.trouble }),
  }
  view.started({ addresses, enr, health, services, measure })
  if (settings.metricsServer && settings.metricsLogging) parts.use(new MetricsLog({ metrics, log }))
  const live = liveParts({ log, network, servers, archive, host, protocols, peers, discovery, certificates })
  if (reread !== undefined) reloading = new Reload({ settings, read: reread, live, log })
  const opened = parts.move()
  return {
    peerId: libp2p.peerId.toString(),
    addresses: addresses(),
    enr: enr(),
    dataDir: folder.path,
    restUrl: servers.restUrl,
    metricsUrl: servers.metricsUrl,
    pubsubTopics: network.followed,
    reload,
    async [Symbol.asyncDispose]() {
      view.stopping()
      await opened.disposeAsync()
    },
  }
}
