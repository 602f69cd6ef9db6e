/** The files of the page, as the server gives them out. */
import t from 'tap'
import { openRest, type RestOptions } from '../../../src/rest/server.ts'
import type { NodeView } from '../../../src/rest/view.ts'
import { silentLog } from '../../../src/telemetry/log.ts'

const options: RestOptions = {
  address: '127.0.0.1',
  port: 0,
  access: { mode: 'token', token: 'a-token-of-this-test', isNear: () => false },
  origins: [],
  maxBodyBytes: 1024,
}

function view(hasPage: boolean): NodeView {
  return {
    version: '1.2.3',
    hasPage,
    health: () => ({ node: 'READY', protocols: [] }),
    ready: () => true,
    info: () => ({ listenAddresses: [], enrUri: '' }),
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    services: () => undefined,
  }
}

const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }

t.test('a browser is given the page, without a token, with a policy that lets nothing else in', async (t) => {
  await using server = await openRest(view(true), silentLog(), options)
  const response = await fetch(server.url, { headers: browser })
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
  t.equal(response.headers.get('x-content-type-options'), 'nosniff')
  const policy = response.headers.get('content-security-policy') ?? ''
  t.match(policy, /default-src 'none'/)
  t.notMatch(policy, /unsafe|https?:|\*/)
  const text = await response.text()
  t.notMatch(text, /<(script|link|img)[^>]*=\s*["']?(https?:|\/\/)/, 'nothing from elsewhere')
  t.notMatch(text, /<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/, 'nothing inline')
  const head = await fetch(server.url, { method: 'HEAD', headers: browser })
  t.same([head.status, head.headers.get('content-length')], [200, String(Buffer.byteLength(text))])
})

t.test('all that the page names is there', async (t) => {
  await using server = await openRest(view(true), silentLog(), options)
  const text = await (await fetch(server.url, { headers: browser })).text()
  const named = [...text.matchAll(/(?:src|href)="(\/page\/[^"]+)"/g)].map(([, path = '']) => path)
  t.ok(named.length >= 3)
  const types = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' }
  for (const path of new Set(named)) {
    const response = await fetch(`${server.url}${path}`)
    const type = types[path.split('.').at(-1) as keyof typeof types]
    t.same([response.status, response.headers.get('content-type')], [200, `${type}; charset=utf-8`], path)
    t.ok((await response.text()).length > 0)
  }
})

t.test('to a script there is nothing at /, as in nwaku', async (t) => {
  await using server = await openRest(view(true), silentLog(), options)
  for (const accept of ['*/*', 'application/json']) {
    const response = await fetch(server.url, { headers: { accept } })
    t.same([response.status, await response.text()], [404, ''])
  }
})

t.test('a page that is switched off is not there, nor are its files', async (t) => {
  await using server = await openRest(view(false), silentLog(), options)
  for (const path of ['/', '/page/page.js', '/page/page.css', '/page/icon.svg'])
    t.equal((await fetch(`${server.url}${path}`, { headers: browser })).status, 404, path)
})
