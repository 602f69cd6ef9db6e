/** `/health` in nwaku's JSON, and `/livez` and `/readyz` for orchestrators. All three are open to everybody. */
import { json, ok, text } from '../answer.ts'
import { group, type Route } from '../route.ts'
import { array, dictionary, object, oneOf, string } from '../shape.ts'
import type { NodeView, ProtocolHealth } from '../view.ts'

const report = object({
  nodeHealth: oneOf('INITIALIZING', 'SYNCHRONIZING', 'READY', 'NOT_READY', 'NOT_MOUNTED', 'SHUTTING_DOWN'),
  protocolsHealth: array(dictionary(string)),
})

const routes: readonly Route<NodeView>[] = [
  {
    method: 'GET',
    path: '/health',
    summary: 'How the node and each of its protocols are; answers from before the node is up',
    answers: { 200: { when: 'always; the name of a protocol is the key of its state', shape: report } },
    handle(_, node) {
      const { node: nodeHealth, protocols } = node.health()
      return json({ nodeHealth, protocolsHealth: protocols.map(entry) })
    },
  },
  {
    method: 'GET',
    path: '/livez',
    summary: 'Whether the process lives',
    answers: { 200: { when: 'it answers: the process lives and its event loop turns' } },
    handle: () => ok,
  },
  {
    method: 'GET',
    path: '/readyz',
    summary: 'Whether the node can be used',
    answers: {
      200: { when: 'listeners and archive are open; peers are not asked for' },
      503: { when: 'they are not yet, or not any more' },
    },
    handle: (_, node) => (node.ready() ? ok : text(503, 'not ready')),
  },
]

export const health = group({
  name: 'health',
  says: 'For people, scripts and orchestrators.',
  access: 'open',
  service: (node: NodeView) => node,
  off: '',
  routes,
})

/** The protocol's name is the key, as nwaku has it. */
function entry({ protocol, state, desc }: ProtocolHealth): Record<string, string> {
  return desc === undefined ? { [protocol]: state } : { [protocol]: state, desc }
}
