/**
 * The HTTP server: nwaku's REST API where it has the path, and the probes that orchestrators expect. It opens before
 * the node does, so that `/health` can say how far the start has come.
 */
import { type FastifyInstance, fastify } from 'fastify'
import { WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import { mountHealth } from './health.ts'
import { mountInfo } from './info.ts'
import { type HttpServer, type ListenOptions, whyNot } from './listen.ts'
import { mountMetrics } from './metrics.ts'
import type { NodeView } from './view.ts'

const kib = 1024

/** Bytes of request headers. A content topic of 10 KB, percent-encoded, fits in the path. */
const maxHeaderBytes = 64 * kib
const maxPathParameterBytes = 64 * kib
const headersTimeout: Milliseconds = 10_000
const requestTimeout: Milliseconds = 30_000
/** Bytes of a body unless a route says otherwise. */
const maxBodyBytes = 2 * kib * kib

/** Opens the server. Throws `listen/failed` when the address cannot be had. */
export async function openRest(view: NodeView, log: Log, { address, port }: ListenOptions): Promise<HttpServer> {
  const server = createServer()
  mountHealth(server, view)
  mountInfo(server, view)
  mountMetrics(server, view)
  try {
    const url = await server.listen({ host: address, port })
    log.info({ at: url }, 'rest server open')
    return { url, [Symbol.asyncDispose]: () => closeRest(server) }
  } catch (error) {
    throw new WaypostError('listen/failed', { what: 'REST', address, port, why: whyNot(error) }, { cause: error })
  }
}

function createServer(): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    requestTimeout,
    forceCloseConnections: true,
    http: { maxHeaderSize: maxHeaderBytes, headersTimeout },
    routerOptions: { maxParamLength: maxPathParameterBytes },
  })
  // As nwaku: no body for a route that is not there.
  server.setNotFoundHandler((_, reply) => reply.code(404).type('text/plain').send(''))
  return server
}

async function closeRest(server: FastifyInstance): Promise<void> {
  await server.close()
}
