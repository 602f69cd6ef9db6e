import t from 'tap'
import { openApi } from '../../src/rest/openapi.ts'
import { groups } from '../../src/rest/routes/groups.ts'
import { writeYaml } from '../../src/rest/yaml.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, { readonly description: string } | { readonly $ref: string }>>
}

const document = JSON.parse(JSON.stringify(openApi(groups, '1.2.3')))
const shared = new Set(Object.keys(document.components.responses).map((name) => `#/components/responses/${name}`))
const operations: [string, string, Operation][] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods as object).map(
    ([method, operation]) => [path, method, operation] as [string, string, Operation],
  ),
)

t.test('every route is in the reference, with an id of its own, its parameters and its answers', async (t) => {
  t.equal(operations.length, groups.flatMap(({ routes }) => routes).length)
  t.equal(new Set(operations.map(([, , { operationId }]) => operationId)).size, operations.length)
  for (const [path, method, { parameters = [], responses, summary }] of operations) {
    const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
    t.same(
      inPath,
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      `${method} ${path}`,
    )
    t.ok(summary.length > 0 && Object.keys(responses).length > 0)
    for (const [status, response] of Object.entries(responses)) {
      t.match(status, /^[2-5]\d\d$/)
      if ('$ref' in response) t.ok(shared.has(response.$ref), response.$ref)
      else t.ok(response.description.length > 0)
    }
  }
})

t.test('YAML is written so that it reads as the same', async (t) => {
  const value = { a: [], b: {}, 'c/d': [{ e: 'x: "y"\n# z', f: [1, [2, true]] }, null], g: { h: undefined, i: 'ü' } }
  t.equal(
    writeYaml(value),
    [
      'a: []',
      'b: {}',
      '"c/d":',
      '  - e: "x: \\"y\\"\\n# z"',
      '    f:',
      '      - 1',
      '      - - 2',
      '        - true',
      '  - null',
      'g:',
      '  i: "ü"',
      '',
    ].join('\n'),
  )
})
