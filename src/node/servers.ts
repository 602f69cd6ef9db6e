/** The HTTP servers of a node: REST, and metrics on a port of their own. */
import { openMetricsServer } from '../rest/metrics.ts'
import { openRest } from '../rest/server.ts'
import type { NodeView } from '../rest/view.ts'
import type { Settings } from '../settings/table.ts'
import type { Log } from '../telemetry/log.ts'

type ServerSettings = Pick<
  Settings,
  'rest' | 'restAddress' | 'restPort' | 'metricsServer' | 'metricsServerAddress' | 'metricsServerPort'
>

export interface Servers extends AsyncDisposable {
  readonly restUrl?: string
  readonly metricsUrl?: string
}

/** Opens those that are switched on. Throws `listen/failed`. */
export async function openServers(view: NodeView, settings: ServerSettings, log: Log): Promise<Servers> {
  await using opened = new AsyncDisposableStack()
  const { restAddress, restPort, metricsServerAddress, metricsServerPort } = settings
  const rest = settings.rest
    ? opened.use(await openRest(view, log, { address: restAddress, port: restPort }))
    : undefined
  const metrics = settings.metricsServer
    ? opened.use(await openMetricsServer(view, log, { address: metricsServerAddress, port: metricsServerPort }))
    : undefined
  const kept = opened.move()
  return { restUrl: rest?.url, metricsUrl: metrics?.url, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
