/** Which origins' pages may use the API: nwaku's patterns (`--rest-allow-origin`). */
import type { IncomingHttpHeaders } from 'node:http'
import { type BodyAnswer, text } from './answer.ts'

/** Characters of an origin: a scheme, a name of 253 and a port. */
const maxOriginCharacters = 300

/** What CORS makes of a request. */
export interface Judged {
  readonly refusal?: BodyAnswer
  /** True when the page's origin is on the list. Without a list nobody's is. */
  readonly allowed: boolean
  readonly headers: Readonly<Record<string, string>>
}

const untouched: Judged = { allowed: false, headers: {} }

/** Judges requests by `patterns`: `*` stands for any characters, `?` for one or none; the whole origin counts, in any case. */
export function originJudge(patterns: readonly string[]): (headers: IncomingHttpHeaders) => Judged {
  if (patterns.length === 0) return () => untouched
  const everybody = patterns.length === 1 && patterns[0] === '*'
  const forms = patterns.map(formOf)
  return ({ origin }) => {
    if (origin === undefined) return untouched
    // Node joins headers that come twice; an origin has no comma.
    if (origin.includes(',')) return refused(text(400, 'Only a single Origin header must be specified'))
    if (everybody) return { allowed: true, headers: headersFor('*') }
    const known = origin.length <= maxOriginCharacters && forms.some((form) => form.test(origin))
    if (!known) return refused(text(403, 'Origin not allowed'))
    return { allowed: true, headers: { vary: 'Origin', ...headersFor(origin) } }
  }
}

/** What a preflight is told besides, of a path with these methods. */
export function preflightHeaders(methods: readonly string[]): Readonly<Record<string, string>> {
  return {
    'access-control-allow-methods': [...methods, 'OPTIONS'].join(', '),
    'access-control-allow-headers': 'Content-Type, Authorization',
    'access-control-max-age': '600',
  }
}

function headersFor(origin: string): Readonly<Record<string, string>> {
  return { 'access-control-allow-origin': origin, 'access-control-allow-headers': 'Content-Type' }
}

function refused(refusal: BodyAnswer): Judged {
  return { refusal, allowed: false, headers: {} }
}

function formOf(pattern: string): RegExp {
  const scheme = /^https?:\/\//i.test(pattern) ? '' : 'https?://'
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${scheme}${escaped.replaceAll('?', '.?').replaceAll('*', '.*')}$`, 'i')
}
