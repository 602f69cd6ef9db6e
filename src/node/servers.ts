/** The HTTP servers of a node: REST, and metrics on a port of their own. */
import { isLoopback, isPrivate } from '../net/networks.ts'
import { openMetricsServer } from '../rest/metrics-server.ts'
import { openRest, type RestOptions } from '../rest/server.ts'
import type { NodeView } from '../rest/view.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { DataFolder } from './data-folder.ts'
import type { Prepared } from './live.ts'
import { restToken } from './rest-token.ts'

/** Bytes of a REST body, where messages are not so large that two of them need more. */
const defaultBodyBytes = 2 * 1024 * 1024

export interface Servers extends AsyncDisposable {
  readonly restUrl?: string
  readonly metricsUrl?: string
  /** Reads the token that `settings` name, and gives what makes REST ask for it. Throws `rest/bad-token-file`. */
  prepare(settings: Settings): Promise<Prepared>
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
  const options = settings.rest ? await restOptions(settings, folder) : undefined
  const rest = options && opened.use(await openRest(view, log, { ...options, metrics }))
  const scraped = settings.metricsServer ? opened.use(await openMetricsServer(view, log, { address, port })) : undefined
  const kept = opened.move()
  let token = options?.access.token
  return {
    restUrl: rest?.url,
    metricsUrl: scraped?.url,
    async prepare(changed) {
      if (rest === undefined) return { apply() {} }
      const admitted = await restOptions(changed, folder)
      const news = admitted.access.token === token ? undefined : 'another token'
      const apply = (): void => {
        token = admitted.access.token
        rest.admit(admitted)
      }
      return { apply, news }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
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
