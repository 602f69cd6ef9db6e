/** JSON answers. To a text fastify would add a charset, which nwaku has not, and JSON is UTF-8 anyway: so it gets bytes. */
import type { FastifyReply } from 'fastify'

export function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.header('content-type', 'application/json').send(Buffer.from(JSON.stringify(value)))
}
