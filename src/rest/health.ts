/** `/health` in nwaku's JSON, and `/livez` and `/readyz` for orchestrators. All three are open to everybody. */
import type { FastifyInstance } from 'fastify'
import { sendJson } from './json.ts'
import type { NodeView, ProtocolHealth } from './view.ts'

export function mountHealth(server: FastifyInstance, view: NodeView): void {
  server.get('/health', async (_, reply) => {
    const { node, protocols } = view.health()
    return sendJson(reply, { nodeHealth: node, protocolsHealth: protocols.map(entry) })
  })
  // That this answers says what it asks: the process lives and its event loop turns.
  server.get('/livez', async (_, reply) => reply.type('text/plain').send('OK'))
  server.get('/readyz', async (_, reply) => {
    const ready = view.ready()
    return reply
      .code(ready ? 200 : 503)
      .type('text/plain')
      .send(ready ? 'OK' : 'not ready')
  })
}

/** The protocol's name is the key, as nwaku has it. */
function entry({ protocol, state, desc }: ProtocolHealth): Record<string, string> {
  return desc === undefined ? { [protocol]: state } : { [protocol]: state, desc }
}
