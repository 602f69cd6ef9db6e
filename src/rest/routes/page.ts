/**
 * The page for people at `/`, and its files. The files hold nothing of the node, so they are open to everybody: what the
 * page shows comes from `/waypost/v1/overview`, which asks who one is.
 */
import { readFile } from 'node:fs/promises'
import { type BodyAnswer, text } from '../answer.ts'
import { group, type RestRequest, type Route } from '../route.ts'

/** Where the build puts them; compiled, this file is three folders below `dist`. */
const folder = new URL('../../../page/', import.meta.url)

/** Nothing from elsewhere, nothing inline, no markup from text, in nobody's frame. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const headers: Readonly<Record<string, string>> = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // An upgraded node has another page.
  'cache-control': 'no-cache',
}

interface PageFile {
  readonly path: string
  readonly file: string
  readonly type: string
  readonly summary: string
}

const html = 'text/html'

const files: readonly PageFile[] = [
  { path: '/', file: 'index.html', type: html, summary: 'The page for people' },
  { path: '/page/page.js', file: 'page.js', type: 'text/javascript', summary: 'Its script' },
  { path: '/page/page.css', file: 'page.css', type: 'text/css', summary: 'Its style' },
  { path: '/page/icon.svg', file: 'icon.svg', type: 'image/svg+xml', summary: 'Its icon' },
]

export const pageGroup = group({
  name: 'page',
  says: 'The node in a browser (`--rest-page`).',
  access: 'open',
  service: (node) => (node.hasPage === true ? files : undefined),
  off: '',
  routes: files.map(routeOf),
})

function routeOf(page: PageFile): Route<readonly PageFile[]> {
  const { path, type, summary } = page
  return {
    method: 'GET',
    path,
    summary,
    answers: {
      200: { when: type === html ? 'a browser asks (`Accept: text/html`)' : 'always', type },
      404: { when: type === html ? 'anything else asks, or the page is switched off' : 'the page is switched off' },
    },
    handle: (request) => serve(page, request),
  }
}

async function serve({ file, type }: PageFile, request: RestRequest): Promise<BodyAnswer> {
  // To a script nothing is at /, as in nwaku.
  if (type === html && !request.accepts(html)) return text(404)
  const body = await readFile(new URL(file, folder), 'utf8')
  return { status: 200, type: `${type}; charset=utf-8`, body, headers }
}
