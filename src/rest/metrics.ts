/** `/metrics`: on the REST port, and on a server of its own (`--metrics-server`) as nwaku has it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import { type HttpServer, type ListenOptions, whyNot } from './listen.ts'
import type { NodeView } from './view.ts'

/** Scrapes within this time get the same text: a scraper in a loop costs nothing. */
const renderedFor: Milliseconds = 1000

type Rendered = Awaited<ReturnType<NodeView['metrics']>>

export function mountMetrics(server: FastifyInstance, view: NodeView): void {
  const render = cached(view)
  server.get('/metrics', async (_, reply) => {
    const { contentType, text } = await render()
    return reply.type(contentType).send(text)
  })
}

/** Opens the server that serves metrics alone. Throws `listen/failed`. */
export async function openMetricsServer(
  view: Pick<NodeView, 'metrics'>,
  log: Log,
  { address, port }: ListenOptions,
): Promise<HttpServer> {
  const render = cached(view)
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    render().then(
      ({ contentType, text }) => response.writeHead(200, { 'content-type': contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, address, resolve)
  }).catch((error) => {
    throw new WaypostError('listen/failed', { what: 'metrics', address, port, why: whyNot(error) }, { cause: error })
  })
  const bound = server.address() as AddressInfo
  const url = `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
  log.info({ at: url }, 'metrics server open')
  return { url, [Symbol.asyncDispose]: () => close(server) }
}

function close(server: ReturnType<typeof createServer>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function cached(view: Pick<NodeView, 'metrics'>): () => Promise<Rendered> {
  let rendered: Promise<Rendered> | undefined
  let until = 0
  return () => {
    const now = performance.now()
    if (rendered === undefined || now >= until) {
      rendered = view.metrics()
      until = now + renderedFor
    }
    return rendered
  }
}
