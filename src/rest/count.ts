/** Counts REST requests and their time, by the group of their route: never by what the path said. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Metrics } from '../telemetry/metrics.ts'
import { urlOf } from './mount.ts'
import type { Group } from './route.ts'

/** A path that no route has. */
const noGroup = 'none'

/** Counts from now on. To be called before the routes are mounted. */
export function countRequests(server: FastifyInstance, groups: readonly Group[], metrics: Metrics): void {
  const groupOf = new Map(groups.flatMap(({ name, routes }) => routes.map(({ path }) => [urlOf(path), name])))
  const nameOf = ({ routeOptions: { url = '' } }: FastifyRequest): string => groupOf.get(url) ?? noGroup
  server.addHook('onResponse', async (request, { statusCode }) => {
    const status = `${Math.floor(statusCode / 100)}xx`
    metrics.waypost_rest_requests_total.inc({ group: nameOf(request), status })
  })
  // A stream of events is never at its end; what takes time there is the client's own wish.
  server.addHook('onSend', async (request, { elapsedTime }) => {
    metrics.waypost_rest_request_duration_seconds.observe({ group: nameOf(request) }, elapsedTime / 1000)
  })
}
