/**
 * The form of the route tables. A route is told once: the server mounts it, `docs/openapi.yaml` describes it, the
 * conformance test walks it. Routes of one subject stand together in a group, which may be absent from a node.
 */
import { type Answer, text } from './answer.ts'
import type { Shape } from './shape.ts'
import type { NodeView } from './view.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** A request, as far as a route may see it. */
export interface RestRequest {
  /** A parameter of the path, percent-decoded once, `+` being a space. Throws `rest/bad-parameter`. */
  param(name: string): string
  /** Decoded once; a parameter that comes twice reads as its values with a comma between. */
  readonly query: ReadonlyMap<string, string>
  /** Undefined when there is none. */
  readonly body: Uint8Array | undefined
  /** In lower case, without parameters. */
  readonly mediaType: string | undefined
  /** True when the client says that it takes this media type, by name. */
  accepts(type: string): boolean
}

/** An answer for the reference: when it is given, and the shape of its JSON; text without one. */
export interface AnswerRow {
  readonly when: string
  readonly shape?: Shape<unknown>
  /** The content type of what is neither JSON nor plain text. */
  readonly type?: string
}

export interface Route<Service> {
  readonly method: Method
  /** `/relay/v1/messages/{pubsubTopic}` */
  readonly path: string
  readonly summary: string
  /** Each parameter of the path, in words. */
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, { readonly says: string; readonly shape: Shape<unknown> }>>
  readonly body?: Shape<unknown>
  /** The media type of a body that is bytes. */
  readonly bodyType?: string
  /** By status. */
  readonly answers: Readonly<Record<number, AnswerRow>>
  /** Asking has effects: HEAD is not served. */
  readonly consumes?: true
  handle(request: RestRequest, service: Service): Answer | Promise<Answer>
}

/** Who may ask. `open`: everybody; `admin`: from elsewhere never without the token. */
export type Access = 'open' | 'usual' | 'admin'

interface GroupTable<Service> {
  /** Its tag in the reference. */
  readonly name: string
  readonly says: string
  readonly access: Access
  /** What these routes need of the node; undefined when it has it not. */
  readonly service: (node: NodeView) => Service | undefined
  /** What is said then; empty when every node has it. */
  readonly off: string
  readonly routes: readonly Route<Service>[]
}

/** A group, its routes bound to their service. */
export type Group = Pick<GroupTable<unknown>, 'name' | 'says' | 'access' | 'off'> & {
  readonly routes: readonly Route<NodeView>[]
}

export function group<Service>(table: GroupTable<Service>): Group {
  const routes = table.routes.map((route) => ({
    ...route,
    handle(request: RestRequest, node: NodeView) {
      const service = table.service(node)
      return service === undefined ? absent(table, node) : route.handle(request, service)
    },
  }))
  return { name: table.name, says: table.says, access: table.access, off: table.off, routes }
}

/** nwaku's words and status. */
function absent({ name, off }: Pick<GroupTable<unknown>, 'name' | 'off'>, node: NodeView): Answer {
  const starting = node.health().node === 'INITIALIZING'
  return text(404, starting ? `/${name} endpoints are not available while initializing.` : off)
}
