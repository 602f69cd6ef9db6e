/** `/info` and `/version`, and their old names under `/debug/v1`. */
import type { FastifyInstance } from 'fastify'
import { sendJson } from './json.ts'
import type { NodeView } from './view.ts'

export function mountInfo(server: FastifyInstance, view: NodeView): void {
  for (const path of ['/info', '/debug/v1/info']) {
    server.get(path, async (_, reply) => sendJson(reply, view.info()))
  }
  for (const path of ['/version', '/debug/v1/version']) {
    server.get(path, async (_, reply) => reply.type('text/plain').send(view.version))
  }
}
