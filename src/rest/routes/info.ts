/** `/info` and `/version`, their old names under `/debug/v1`, and `/metrics`. */
import { json, text } from '../answer.ts'
import { group, type Route } from '../route.ts'
import { array, object, string } from '../shape.ts'
import type { NodeView } from '../view.ts'

const told = object({ listenAddresses: array(string), enrUri: string })

function info(path: string): Route<NodeView> {
  return {
    method: 'GET',
    path,
    summary: 'Announced addresses, each with the peer id, and the node record',
    answers: { 200: { when: 'always; empty while the node starts', shape: told } },
    handle: (_, node) => json({ ...node.info() }),
  }
}

function version(path: string): Route<NodeView> {
  return {
    method: 'GET',
    path,
    summary: 'The version of the node',
    answers: { 200: { when: 'always' } },
    handle: (_, node) => text(200, node.version),
  }
}

const metrics: Route<NodeView> = {
  method: 'GET',
  path: '/metrics',
  summary: 'All metrics for Prometheus, rendered at most once a second',
  answers: { 200: { when: 'always', type: 'text/plain; version=0.0.4' } },
  async handle(_, node) {
    const { contentType, text: body } = await node.metrics()
    return { status: 200, type: contentType, body }
  },
}

export const debug = group({
  name: 'debug',
  says: 'What the node is, and its figures.',
  access: 'usual',
  service: (node: NodeView) => node,
  off: '',
  routes: [info('/info'), info('/debug/v1/info'), version('/version'), version('/debug/v1/version'), metrics],
})
