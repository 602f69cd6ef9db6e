/**
 * The HTTP server: nwaku's REST API where it has the path, and the probes that orchestrators expect. It opens before
 * the node does, so that `/health` can say how far the start has come.
 */
import { type FastifyInstance, fastify } from 'fastify'
import { WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { describeAccess } from './access.ts'
import { Admission, type AdmissionOptions } from './admission.ts'
import { refuseBroken } from './broken-requests.ts'
import { countRequests } from './count.ts'
import { type HttpServer, type ListenOptions, whyNot } from './listen.ts'
import { mountGroups, refuseTarget } from './mount.ts'
import { groups } from './routes/groups.ts'
import type { NodeView } from './view.ts'

const kib = 1024

/** Bytes of request headers. A content topic of 10 KB, percent-encoded, fits in the path. */
const maxHeaderBytes = 64 * kib
const maxPathParameterBytes = 64 * kib

/** How long a client may take over its request. Node looks at the clock from time to time only, by itself each 30 s. */
export interface RequestTimes {
  readonly headers: Milliseconds
  /** Headers and body. */
  readonly whole: Milliseconds
  readonly lookEvery: Milliseconds
}

const requestTimes: RequestTimes = { headers: 10_000, whole: 30_000, lookEvery: 1000 }

export interface RestOptions extends ListenOptions, AdmissionOptions {
  /** Bytes of a body. */
  readonly maxBodyBytes: number
  /** Counts requests. */
  readonly metrics?: Metrics
  /** Others than the usual ones. */
  readonly times?: RequestTimes
}

export interface RestServer extends HttpServer {
  /** Who may ask from now on. */
  admit(options: AdmissionOptions): void
}

/** Opens the server. Throws `listen/failed` when the address cannot be had. */
export async function openRest(view: NodeView, log: Log, options: RestOptions): Promise<RestServer> {
  const { address, port, access, origins, maxBodyBytes, metrics, times = requestTimes } = options
  const server = createServer(maxBodyBytes, times)
  const admission = new Admission({ access, origins })
  if (metrics !== undefined) countRequests(server, groups, metrics)
  mountGroups(server, groups, view, { admission, log })
  try {
    const url = await server.listen({ host: address, port })
    log.info({ at: url, access: describeAccess(access.mode) }, 'rest server open')
    return {
      url,
      admit: (changed) => admission.change(changed),
      [Symbol.asyncDispose]: () => closeRest(server),
    }
  } catch (error) {
    throw new WaypostError('listen/failed', { what: 'REST', address, port, why: whyNot(error) }, { cause: error })
  }
}

function createServer(bodyLimit: number, { headers, whole, lookEvery }: RequestTimes): FastifyInstance {
  return fastify({
    logger: false,
    bodyLimit,
    requestTimeout: whole,
    forceCloseConnections: true,
    frameworkErrors: refuseTarget,
    clientErrorHandler: refuseBroken,
    http: { maxHeaderSize: maxHeaderBytes, headersTimeout: headers, connectionsCheckingInterval: lookEvery },
    routerOptions: { maxParamLength: maxPathParameterBytes },
  })
}

async function closeRest(server: FastifyInstance): Promise<void> {
  await server.close()
}
