/** The reference of the REST API (OpenAPI 3.1), from the route tables that the server mounts. */
import type { Writable } from './json/write.ts'
import { refusals, refusalsOf } from './refusals.ts'
import type { AnswerRow, Group, Route } from './route.ts'
import type { NodeView } from './view.ts'

type Fields = { readonly [name: string]: Writable | undefined }

/** The document for `groups`. */
export function openApi(groups: readonly Group[], version: string): Fields {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Waypost',
      version,
      description: 'The REST API of a Waypost node. Where nwaku has the path, it answers as nwaku does.',
      license: { name: 'MIT OR Apache-2.0', identifier: 'MIT OR Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:8645' }],
    security: [{}, { token: [] }],
    tags: groups.map(({ name, says }) => ({ name, description: says })),
    paths: pathsOf(groups),
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      responses: Object.fromEntries(Object.entries(refusals).map(([name, row]) => [capital(name), response([row])])),
    },
  }
}

/** Routes of one path stand together, each under its method. */
function pathsOf(groups: readonly Group[]): Fields {
  const all = groups.flatMap((group) => group.routes.map((route) => ({ group, route })))
  const byPath = Map.groupBy(all, ({ route }) => route.path)
  return Object.fromEntries(
    [...byPath].map(([path, here]) => [
      path,
      Object.fromEntries(here.map(({ group, route }) => [route.method.toLowerCase(), operation(group, route)])),
    ]),
  )
}

function operation(group: Group, route: Route<NodeView>): Fields {
  const { name, access } = group
  const parameters = [...pathParameters(route), ...queryParameters(route)]
  return {
    tags: [name],
    operationId: operationId(route),
    summary: route.summary,
    security: access === 'open' ? [{}] : undefined,
    parameters: parameters.length > 0 ? parameters : undefined,
    requestBody: requestBody(route),
    responses: responsesOf(group, route),
  }
}

function requestBody({ body, bodyType }: Route<NodeView>): Fields | undefined {
  if (bodyType !== undefined) return { required: true, content: { [bodyType]: {} } }
  return body && { required: true, content: { 'application/json': { schema: body.schema as Fields } } }
}

/** A route's own answers, and the refusals that it shares with others. */
function responsesOf(group: Group, route: Route<NodeView>): Fields {
  const shared = refusalsOf(group, route).map((name): [number, Fields] => {
    const own = route.answers[refusals[name].status]
    const reference = { $ref: `#/components/responses/${capital(name)}` }
    return [refusals[name].status, own === undefined ? reference : response([own, refusals[name]])]
  })
  const own = Object.entries(route.answers).map(([status, row]): [string, Fields] => [status, response([row])])
  return Object.fromEntries<Fields>([...own, ...shared])
}

function pathParameters({ params = {} }: Route<NodeView>): Fields[] {
  return Object.entries(params).map(([name, description]) => ({
    name,
    in: 'path',
    required: true,
    description,
    schema: { type: 'string' },
  }))
}

function queryParameters({ query = {} }: Route<NodeView>): Fields[] {
  return Object.entries(query).map(([name, { says, shape }]) => ({
    name,
    in: 'query',
    description: says,
    schema: shape.schema as Fields,
  }))
}

/** One status, and what may come under it: the words are those of the first row. */
function response(rows: readonly AnswerRow[]): Fields {
  return { description: rows[0]?.when, content: Object.fromEntries(rows.toReversed().map(contentOf)) }
}

function contentOf({ shape, type }: AnswerRow): [string, Fields] {
  if (shape !== undefined) return ['application/json', { schema: shape.schema as Fields }]
  return [type ?? 'text/plain', { schema: { type: 'string' } }]
}

/** `getRelayV1MessagesByPubsubTopic` */
function operationId({ method, path }: Route<NodeView>): string {
  const words = path.split(/[/-]/).filter((word) => word !== '')
  const named = words.map((word) => (word.startsWith('{') ? `By${capital(word.slice(1, -1))}` : capital(word)))
  return method.toLowerCase() + named.join('')
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
