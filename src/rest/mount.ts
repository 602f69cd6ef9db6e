/** Puts the route tables onto fastify: who may ask (CORS, token), what is read of a request, how an answer is sent. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isWaypostError, messageOf } from '../core/errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Admission } from './admission.ts'
import { type Answer, answerOf, text } from './answer.ts'
import { preflightHeaders } from './cors.ts'
import { decodeText, mediaTypeOf, readQuery, segmentsOf } from './request.ts'
import type { Group, RestRequest, Route } from './route.ts'
import type { NodeView } from './view.ts'

export interface MountOptions {
  readonly admission: Admission
  readonly log: Log
}

/** Mounts `groups` for `node`; what no route has is 404 without a body, as in nwaku. */
export function mountGroups(
  server: FastifyInstance,
  groups: readonly Group[],
  node: NodeView,
  options: MountOptions,
): void {
  takeAnyBody(server)
  const guard = guardOf(options)
  for (const { access, routes } of groups) {
    for (const route of routes) {
      server.route({
        method: route.method,
        url: urlOf(route.path),
        exposeHeadRoute: route.method === 'GET' && route.consumes !== true,
        onRequest: (request, reply) => guard(access, request, reply),
        handler: async (request, reply) => send(reply, await route.handle(readRequest(route, request), node)),
      })
    }
  }
  mountPreflights(server, groups, options)
  server.setNotFoundHandler((_, reply) => send(reply, text(404)))
  server.setErrorHandler((error, _, reply) => send(reply, answerOfAny(error, options.log)))
}

/** Bodies are bytes until a shape reads them: nwaku takes JSON under more than one media type. */
function takeAnyBody(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
}

function guardOf({ admission }: MountOptions) {
  return async (group: Group['access'], request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const { refusal, allowed, headers } = admission.judgeOrigin(request.headers)
    reply.headers(headers)
    const caller = { address: request.socket.remoteAddress ?? '', headers: request.headers, originAllowed: allowed }
    const refused = refusal ?? admission.refuse(group, caller)
    return refused === undefined ? undefined : send(reply, refused)
  }
}

/** One preflight for each path, with the methods that it has. A browser sends no token with it, so none is asked for. */
function mountPreflights(server: FastifyInstance, groups: readonly Group[], { admission }: MountOptions): void {
  const methods = Map.groupBy(
    groups.flatMap(({ routes }) => routes),
    ({ path }) => path,
  )
  for (const [path, routes] of methods) {
    server.options(urlOf(path), async (request, reply) => {
      const { refusal, allowed, headers } = admission.judgeOrigin(request.headers)
      if (allowed) reply.headers({ ...headers, ...preflightHeaders(routes.map(({ method }) => method)) })
      return send(reply, refusal ?? text(200, 'OK'))
    })
  }
}

/** `/relay/v1/messages/{pubsubTopic}` as fastify writes it. */
export function urlOf(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}

function readRequest({ path }: Route<NodeView>, { raw, body }: FastifyRequest): RestRequest {
  const target = raw.url ?? '/'
  return {
    // From the target itself: what fastify decoded has lost whether a plus was one.
    param: (name) => decodeText(segmentsOf(target)[path.split('/').indexOf(`{${name}}`)] ?? ''),
    query: readQuery(target),
    body: body instanceof Uint8Array && body.length > 0 ? body : undefined,
    mediaType: mediaTypeOf(raw.headers['content-type']),
    accepts: (type) => (raw.headers.accept ?? '').split(',').some((one) => mediaTypeOf(one) === type),
  }
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  if ('open' in answer) return open(reply, answer)
  // Bytes, since to a text fastify adds a charset, which nwaku has not.
  const headers = { ...answer.headers, 'content-type': answer.type }
  return reply.code(answer.status).headers(headers).send(Buffer.from(answer.body))
}

/** From here on the answer is the stream's. */
function open(reply: FastifyReply, { type, open: start }: Extract<Answer, { open: unknown }>): FastifyReply {
  reply.hijack()
  reply.raw.writeHead(200, { ...reply.getHeaders(), 'content-type': type, 'cache-control': 'no-store' } as never)
  start(reply.raw)
  return reply
}

/** What fastify refuses before a route is found: a target that is no URL. */
export function refuseTarget(_: unknown, __: FastifyRequest, reply: FastifyReply): void {
  send(reply, text(400, 'not percent-encoded UTF-8'))
}

/** Ours have their text and status; what fastify refuses keeps its status, without words. */
function answerOfAny(error: unknown, log: Log): Answer {
  if (isWaypostError(error) && error.code !== 'internal/bug') return answerOf(error)
  const { statusCode } = error as { statusCode?: number }
  if (statusCode !== undefined && statusCode < 500) return text(statusCode)
  log.error({ reason: messageOf(error) }, 'rest request failed')
  return text(500, 'internal error')
}
