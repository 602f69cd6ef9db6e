/** Who may ask for what: by where a request comes from, by its token, and by the page that sends it. */
import type { IncomingHttpHeaders } from 'node:http'
import t from 'tap'
import { AccessControl, type AuthMode, type Caller } from '../../src/rest/access.ts'
import { originJudge, preflightHeaders } from '../../src/rest/cors.ts'
import type { Access } from '../../src/rest/route.ts'

const token = 'Abcdefgh-0123456789'
const near = '127.0.0.1'
const far = '203.0.113.9'

function caller(headers: IncomingHttpHeaders = {}, address = near, originAllowed = false): Caller {
  return { address, headers: { host: 'localhost:8645', ...headers }, originAllowed }
}

function passes(mode: AuthMode, access: Access, from: Caller): boolean {
  const control = new AccessControl({ mode, token, isNear: (address) => address === near })
  return control.refuse(access, from) === undefined
}

interface Row {
  readonly case: string
  readonly from: Caller
  /** Without a token: in `auto` what is usual, and what is for an operator; in `none` what is for an operator. */
  readonly auto: readonly [usual: boolean, admin: boolean]
  readonly none: boolean
}

const page = 'https://app.example.org'
const rows: readonly Row[] = [
  { case: 'a script on this machine', from: caller(), auto: [true, true], none: true },
  { case: 'a script elsewhere', from: caller({}, far), auto: [false, false], none: false },
  { case: 'one that a proxy forwards', from: caller({ 'x-forwarded-for': far }), auto: [false, false], none: false },
  { case: 'another header of proxies', from: caller({ forwarded: 'for=x' }), auto: [false, false], none: false },
  { case: 'and another', from: caller({ via: '1.1 x' }), auto: [false, false], none: false },
  { case: 'a page of another site', from: caller({ origin: page }), auto: [false, false], none: false },
  { case: 'one that is on the list', from: caller({ origin: page }, near, true), auto: [true, false], none: false },
  {
    case: 'one on the list, from elsewhere',
    from: caller({ origin: page }, far, true),
    auto: [false, false],
    none: false,
  },
  { case: 'a page of our own', from: caller({ origin: 'http://localhost:8645' }), auto: [true, true], none: true },
  { case: 'a sandboxed page', from: caller({ origin: 'null' }), auto: [false, false], none: false },
  {
    case: 'an image in a page of another site',
    from: caller({ 'sec-fetch-site': 'cross-site' }),
    auto: [false, false],
    none: false,
  },
  {
    case: 'a page of another port',
    from: caller({ 'sec-fetch-site': 'same-site' }),
    auto: [false, false],
    none: false,
  },
  { case: 'what a person typed', from: caller({ 'sec-fetch-site': 'none' }), auto: [true, true], none: true },
  { case: 'our own page', from: caller({ 'sec-fetch-site': 'same-origin' }), auto: [true, true], none: true },
  { case: 'a name that points here', from: caller({ host: 'evil.example.org' }), auto: [false, false], none: false },
  { case: 'our name at home', from: caller({ host: 'node.local:8645' }), auto: [true, true], none: true },
  { case: 'an address for a name', from: caller({ host: '[::1]:8645' }), auto: [true, true], none: true },
]

t.test('where a request comes from decides whether it needs the token', async (t) => {
  for (const { case: id, from, auto, none } of rows) {
    t.same([passes('auto', 'usual', from), passes('auto', 'admin', from)], auto, id)
    t.same([passes('none', 'usual', from), passes('none', 'admin', from)], [true, none], `${id}: none`)
    t.same([passes('token', 'usual', from), passes('token', 'admin', from)], [false, false], `${id}: token`)
    for (const mode of ['auto', 'none', 'token'] as const) {
      t.ok(passes(mode, 'open', from), `${id}: a probe`)
      const { authorization = `Bearer ${token}` } = from.headers
      const withToken = { ...from, headers: { ...from.headers, authorization } }
      for (const access of ['usual', 'admin'] as const) t.ok(passes(mode, access, withToken), `${id}: with the token`)
    }
  }
})

const authorizations: readonly [string, boolean][] = [
  [`Bearer ${token}`, true],
  [`bearer ${token}`, true],
  [`Bearer   ${token}`, true],
  ['', false],
  ['Bearer', false],
  ['Bearer ', false],
  [token, false],
  [`Basic ${token}`, false],
  [`Bearer ${token.toLowerCase()}`, false],
  [`Bearer ${token.slice(0, -1)}`, false],
  [`Bearer ${token}x`, false],
  [`Bearer ${token} ${token}`, false],
  [`Bearer ${token}, Bearer x`, false],
  ['Bearer undefined', false],
]

t.test('the token counts as a whole, and under one scheme', async (t) => {
  for (const [authorization, isRight] of authorizations)
    t.equal(passes('token', 'admin', caller({ authorization })), isRight, authorization)
})

const origins: readonly [pattern: string, origin: string, allowed: boolean][] = [
  ['https://app.example.org', 'https://app.example.org', true],
  ['https://app.example.org', 'HTTPS://APP.EXAMPLE.ORG', true],
  ['https://app.example.org', 'http://app.example.org', false],
  ['https://app.example.org', 'https://app.example.org.evil.com', false],
  ['https://app.example.org', 'https://evil.com/https://app.example.org', false],
  ['https://app.example.org', 'https://appxexample.org', false],
  ['app.example.org', 'http://app.example.org', true],
  ['app.example.org', 'http://app.example.org:8080', false],
  ['*.example.org', 'https://a.b.example.org', true],
  ['*.example.org', 'https://example.org', false],
  ['http://localhost:808?', 'http://localhost:8080', true],
  ['http://localhost:808?', 'http://localhost:808', true],
  ['http://localhost:808?', 'http://localhost:80800', false],
  ['(.*)+$', 'http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', false],
]

t.test('an origin is on the list when a pattern fits all of it', async (t) => {
  for (const [pattern, origin, isAllowed] of origins) {
    const { allowed, refusal, headers } = originJudge([pattern, 'https://unused.example.net'])({ origin })
    t.equal(allowed, isAllowed, `${pattern} ${origin}`)
    t.equal(refusal?.status, isAllowed ? undefined : 403)
    t.equal(headers['access-control-allow-origin'], isAllowed ? origin : undefined)
  }
  t.match(originJudge(['*'])({ origin: page }), { allowed: true, headers: { 'access-control-allow-origin': '*' } })
  t.match(originJudge([])({ origin: page }), { allowed: false, headers: {}, refusal: undefined }, 'no list, no CORS')
})

t.test('a preflight names the methods of its path', async (t) => {
  t.match(preflightHeaders(['POST', 'PUT', 'DELETE']), {
    'access-control-allow-methods': 'POST, PUT, DELETE, OPTIONS',
    'access-control-allow-headers': 'Content-Type, Authorization',
  })
})
