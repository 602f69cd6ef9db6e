/** An app in a real browser: it connects, pushes, subscribes, leaves, and gets what it missed. Over ws and over wss. */
import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { push } from '../../src/protocols/lightpush/client.ts'
import type { Daemon } from '../kit/daemon.ts'
import { host } from '../kit/host.ts'
import { messageBytes } from '../kit/messages.ts'
import { testNetwork } from '../kit/sdk.ts'
import { needs } from '../kit/tools.ts'
import { neighbour, networkDaemon } from '../kit/twins.ts'
import type { App, JoinOptions } from './page.ts'
import { servePage } from './served-page.ts'
import { launchBrowser } from './watched-page.ts'

const contentTopic = '/waypost/1/browser/proto'

const chromiumPath = needs(t, 'chromium')
if (chromiumPath !== undefined) await run(chromiumPath)

async function run(executablePath: string): Promise<void> {
  const origin = await servePage(t, 'page.ts')

  t.test('an app lives on a node over ws', async (t) => {
    const node = await networkDaemon(t)
    const browser = await launchBrowser(t, executablePath)
    await roundTrip(t, { browser, origin, node, address: node.ws, plainWebSocket: true })
  })

  t.test('an app lives on a node over wss, with nothing but the defaults of the SDK', async (t) => {
    if (needs(t, 'openssl') === undefined) return
    const { key, certificate } = selfSigned(t.testdir())
    const node = await networkDaemon(t, {
      flags: [
        '--websocket-secure-support=true',
        `--websocket-secure-key-path=${key}`,
        `--websocket-secure-cert-path=${certificate}`,
        '--dns4-domain-name=localhost',
      ],
    })
    const browser = await launchBrowser(t, executablePath, [
      `--ignore-certificate-errors-spki-list=${keyHash(certificate)}`,
    ])
    await roundTrip(t, { browser, origin, node, address: node.ws, plainWebSocket: false })
    const port = /\/tcp\/(\d+)/.exec(node.ws)?.[1]
    const page = await open(browser, origin)
    await call(page, 'join', joining(`/dns4/localhost/tcp/${port}/wss`, false))
    t.ok((await call(page, 'history', contentTopic)).length > 0, 'the older form of the address is dialled too')
  })
}

interface RoundTrip {
  readonly browser: Browser
  readonly origin: string
  readonly node: Daemon
  readonly address: string
  readonly plainWebSocket: boolean
}

async function roundTrip(t: Test, { browser, origin, node, address, plainWebSocket }: RoundTrip): Promise<void> {
  const other = await neighbour(t, node)
  const page = await open(browser, origin)
  await call(page, 'join', joining(address, plainWebSocket))
  t.ok(await call(page, 'subscribe', contentTopic))
  t.same(await call(page, 'push', contentTopic, 'from the page'), [])
  t.same(await call(page, 'history', contentTopic), ['from the page'])
  await pushFromElsewhere(t, other, ['to the page'])
  t.same(await call(page, 'until', 2), ['from the page', 'to the page'])

  const bookmark = await call(page, 'bookmark')
  await page.close()
  const missed = Array.from({ length: 50 }, (_, index) => `missed ${index}`)
  await pushFromElsewhere(t, node, missed)

  const again = await open(browser, origin)
  await call(again, 'join', joining(address, plainWebSocket))
  t.same(await call(again, 'history', contentTopic, bookmark), missed)
}

function joining(address: string, plainWebSocket: boolean): JoinOptions {
  return { address, plainWebSocket, ...testNetwork }
}

/** Pushes with our own client, one after the other. */
async function pushFromElsewhere(t: Test, node: Daemon, texts: readonly string[]): Promise<void> {
  const { libp2p } = await host(t)
  for (const text of texts) {
    const message = messageBytes({ contentTopic, payload: Buffer.from(text) })
    const { outcome } = await push(libp2p, multiaddr(node.tcp), message, undefined)
    if (outcome !== 'relayed') throw new Error(`push: ${outcome}`)
  }
}

async function open(browser: Browser, origin: string): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(origin)
  return page
}

/** Calls a function of the app in the page. */
function call<Name extends keyof App>(
  page: Page,
  name: Name,
  ...args: Parameters<App[Name]>
): Promise<Awaited<ReturnType<App[Name]>>> {
  return page.evaluate(
    ([name, args]) => {
      const { app } = globalThis as unknown as { app: Record<string, (...args: unknown[]) => never> }
      return app[name]?.(...args) as never
    },
    [name, args] as [string, unknown[]],
  )
}

/** A certificate for `localhost` that its own key signed, made for this run. */
function selfSigned(folder: string): { key: string; certificate: string } {
  const [key, certificate] = [path.join(folder, 'key.pem'), path.join(folder, 'certificate.pem')]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync('openssl', [...request, ...name, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  return { key, certificate }
}

/** What Chromium knows a certificate's key by. */
function keyHash(certificate: string): string {
  const { publicKey } = new X509Certificate(readFileSync(certificate))
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
}
