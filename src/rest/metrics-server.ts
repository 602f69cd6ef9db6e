/** The server that serves `/metrics` alone (`--metrics-server`), as nwaku has it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WaypostError } from '../core/errors.ts'
import type { Log } from '../telemetry/log.ts'
import { type HttpServer, type ListenOptions, whyNot } from './listen.ts'
import type { NodeView } from './view.ts'

/** Opens the server that serves metrics alone. Throws `listen/failed`. */
export async function openMetricsServer(
  view: Pick<NodeView, 'metrics'>,
  log: Log,
  { address, port }: ListenOptions,
): Promise<HttpServer> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    view.metrics().then(
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
