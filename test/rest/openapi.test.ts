import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
import { parse } from 'yaml'
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

type Fields = Record<string, unknown>

/** Documents that are none, made of ours by one change each. */
const spoilt: readonly [string, (document: Fields) => Fields][] = [
  ['without a title', (good) => ({ ...good, info: { version: '1' } })],
  ['of a version that there is not', (good) => ({ ...good, openapi: '9.9' })],
  ['with a path that does not begin with a slash', (good) => ({ ...good, paths: { health: {} } })],
  [
    'with an answer that has no description',
    (good) => ({ ...good, paths: { '/x': { get: { responses: { 200: {} } } } } }),
  ],
  ['with a parameter that is nowhere', (good) => ({ ...good, paths: { '/x': { parameters: [{ name: 'x' }] } } })],
  ['with a word of its own', (good) => ({ ...good, more: 1 })],
]

t.test('docs/openapi.yaml is a document of OpenAPI 3.1', async (t) => {
  const file = path.resolve(import.meta.dirname, '../../../docs/openapi.yaml')
  const good = parse(readFileSync(file, 'utf8'))
  const validity = async (document: Fields) => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate(structuredClone(document))
    return { valid, errors, version: validator.version }
  }
  t.match(await validity(good), { valid: true, version: '3.1' })
  for (const [id, spoil] of spoilt) t.match(await validity(spoil(good)), { valid: false }, id)
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
