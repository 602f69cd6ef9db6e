/** Holds what a server answers against what its route tables declare. */
import { isWaypostError } from '../../src/core/errors.ts'
import { parseJson } from '../../src/rest/json/parse.ts'
import { refusals, refusalsOf } from '../../src/rest/refusals.ts'
import type { AnswerRow, Group, Route } from '../../src/rest/route.ts'
import type { NodeView } from '../../src/rest/view.ts'
import type { Told } from './rest.ts'

/** A route in its group. */
export interface Mounted {
  readonly group: Group
  readonly route: Route<NodeView>
  /** `GET /health` */
  readonly name: string
}

export function mountedIn(groups: readonly Group[]): readonly Mounted[] {
  return groups.flatMap((group) =>
    group.routes.map((route) => ({ group, route, name: `${route.method} ${route.path}` })),
  )
}

/** What is wrong with an answer of `mounted`; undefined when it is one that the route declares. */
export function undeclared({ group, route }: Mounted, { status, type, text }: Told): string | undefined {
  const shared = refusalsOf(group, route).map((name): [number, AnswerRow] => [refusals[name].status, refusals[name]])
  const own = Object.entries(route.answers).map(([code, row]): [number, AnswerRow] => [Number(code), row])
  const rows = [...own, ...shared].filter(([code]) => code === status).map(([, row]) => row)
  if (rows.length === 0) return `status ${status} is not declared: ${text.slice(0, 200)}`
  const row = rows.find((one) => type?.startsWith(typeOf(one)))
  if (row === undefined) return `status ${status} as ${type}: ${text.slice(0, 200)}`
  return row.shape && misshapen(row, text)
}

function typeOf({ shape, type }: AnswerRow): string {
  return shape === undefined ? (type ?? 'text/plain') : 'application/json'
}

/** Shapes are strict: a field that is not declared is found too. */
function misshapen({ shape }: AnswerRow, text: string): string | undefined {
  try {
    shape?.read(parseJson(Buffer.from(text)), 'body')
    return undefined
  } catch (error) {
    if (isWaypostError(error)) return `${error.message}: ${text.slice(0, 200)}`
    throw error
  }
}
