/** `/openapi.yaml` and `/openapi.json`: what this server can be asked, from its own route tables. */
import { json } from '../answer.ts'
import { openApi } from '../openapi.ts'
import { type Group, group, type Route } from '../route.ts'
import type { NodeView } from '../view.ts'
import { writeYaml } from '../yaml.ts'

/** OpenAPI has a schema of its own. */
const anything = { schema: { type: 'object' }, read: (value: unknown) => value }

const yamlType = 'application/yaml'

/** The group that tells of `groups`, and of itself. */
export function referenceOf(groups: readonly Group[]): Group {
  const all = (): readonly Group[] => [...groups, reference]
  const routes: readonly Route<NodeView>[] = [
    {
      method: 'GET',
      path: '/openapi.yaml',
      summary: 'This reference',
      answers: { 200: { when: 'always', type: yamlType } },
      handle: (_, { version }) => ({ status: 200, type: yamlType, body: writeYaml(openApi(all(), version)) }),
    },
    {
      method: 'GET',
      path: '/openapi.json',
      summary: 'This reference as JSON',
      answers: { 200: { when: 'always', shape: anything } },
      handle: (_, { version }) => json(openApi(all(), version)),
    },
  ]
  const reference = group({
    name: 'reference',
    says: 'What can be asked.',
    access: 'usual',
    service: (node: NodeView) => node,
    off: '',
    routes,
  })
  return reference
}
