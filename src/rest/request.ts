/** What is read from a request: parameters of path and query, and its body. */
import { WaypostError } from '../core/errors.ts'
import { parseJson } from './json/parse.ts'
import type { RestRequest } from './route.ts'
import type { Shape } from './shape.ts'

/** The path of a request target, in pieces, not decoded: a `%2F` inside of a topic divides nothing. */
export function segmentsOf(target: string): readonly string[] {
  return pathOf(target).split('/')
}

function pathOf(target: string): string {
  const end = target.search(/[?#]/)
  return end < 0 ? target : target.slice(0, end)
}

/**
 * Reads a query as nwaku does: decoded once, `+` being a space, and repeated parameters joined by a comma.
 * Throws `rest/bad-parameter`.
 */
export function readQuery(target: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  const start = target.indexOf('?')
  if (start < 0) return values
  for (const pair of target.slice(start + 1).split('&')) {
    const [name = '', ...rest] = pair.split('=')
    const value = decodeText(rest.join('='))
    const before = values.get(decodeText(name))
    if (name !== '') values.set(decodeText(name), before === undefined ? value : `${before},${value}`)
  }
  return values
}

/** Percent-decodes, `+` being a space. Throws `rest/bad-parameter`. */
export function decodeText(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (error) {
    throw new WaypostError('rest/bad-parameter', { why: 'not percent-encoded UTF-8' }, { cause: error })
  }
}

const jsonType = 'application/json'
const textType = 'text/plain'

/**
 * The body as `shape`. JSON is taken under `text/plain` too, as nwaku does, unless `onlyJson`. Throws
 * `rest/missing-body`, `rest/no-content-type`, `rest/bad-content-type` and `rest/bad-body`.
 */
export function readBody<T>(request: RestRequest, shape: Shape<T>, { onlyJson = false } = {}): T {
  if (request.body === undefined) throw new WaypostError('rest/missing-body', {})
  if (request.mediaType === undefined) throw new WaypostError('rest/no-content-type', {})
  const types = onlyJson ? [jsonType] : [jsonType, textType]
  if (!types.includes(request.mediaType))
    throw new WaypostError('rest/bad-content-type', { expected: types.join(' or ') })
  return shape.read(parseJson(request.body), 'body')
}

/** The media type of a header, in lower case, without its parameters. */
export function mediaTypeOf(header: string | undefined): string | undefined {
  return header?.split(';')[0]?.trim().toLowerCase()
}
