/** The HTTP servers of a node: REST, and metrics on a port of their own. */
import { isLoopback, isPrivate } from '../net/networks.ts'
import { openMetricsServer } from '../rest/metrics-server.ts'
import { openRest, type RestOptions } from '../rest/server.ts'
import type { NodeView } from '../rest/view.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { DataFolder } from './data-folder.ts'
import { restToken } from './rest-token.ts'

/** Bytes of a REST body, where messages are not so large that two of them need more. */
const defaultBodyBytes = 2 * 1024 * 1024

export interface Servers extends AsyncDisposable {
  readonly restUrl?: string
  readonly metricsUrl?: string
}

/** Opens those that are switched on. Throws `listen/failed` and `rest/bad-token-file`. */
export async function openServers(
  view: NodeView,
  settings: Settings,
  folder: DataFolder,
  metrics: Metrics,
  log: Log,
): Promise<Servers> {
  await using opened = new AsyncDisposableStack()
  const { metricsServerAddress: address, metricsServerPort: port } = settings
  const rest = settings.rest
    ? opened.use(await openRest(view, log, { ...(await restOptions(settings, folder)), metrics }))
    : undefined
  const scraped = settings.metricsServer ? opened.use(await openMetricsServer(view, log, { address, port })) : undefined
  const kept = opened.move()
  return { restUrl: rest?.url, metricsUrl: scraped?.url, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function restOptions(settings: Settings, folder: DataFolder): Promise<RestOptions> {
  const { restAddress, restPort, restAuth, restAllowOrigin, restMaxBody, maxMsgSize } = settings
  const token = settings.restToken ?? (await restToken(settings.restTokenFile ?? folder.restTokenFile))
  return {
    address: restAddress,
    port: restPort,
    access: { mode: restAuth, token, isNear: (address) => isLoopback(address) || isPrivate(address) },
    origins: restAllowOrigin,
    maxBodyBytes: restMaxBody ?? Math.max(defaultBodyBytes, 2 * maxMsgSize),
  }
}
