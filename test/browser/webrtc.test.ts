/** A browser that dials a node without a certificate and without a name, by WebRTC-direct. */
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { enrFromText } from '../../src/net/discovery/enr.ts'
import { readRecord } from '../../src/net/discovery/node-record.ts'
import { frame } from '../../src/net/frames.ts'
import { decodePushResponse, encodePushRequest, lightPushProtocol } from '../../src/protocols/lightpush/codec.ts'
import { decodeStoreResponse, encodeStoreRequest, storeProtocol } from '../../src/protocols/store/codec.ts'
import { type Daemon, daemon } from '../kit/daemon.ts'
import { messageBytes } from '../kit/messages.ts'
import { scrape } from '../kit/scrape.ts'
import { needs } from '../kit/tools.ts'
import { neighbour, networkDaemon } from '../kit/twins.ts'
import { hexOf } from '../kit/vectors.ts'
import { servePage } from './served-page.ts'
import { launchBrowser } from './watched-page.ts'
import type { WebRtcApp } from './webrtc-page.ts'

const contentTopic = '/waypost/1/webrtc/proto'
const flags = ['--webrtc-direct=true', '--webrtc-direct-port=0', '--websocket-support=false']

const chromiumPath = needs(t, 'chromium')
if (chromiumPath !== undefined) await run(chromiumPath)

async function run(executablePath: string): Promise<void> {
  const origin = await servePage(t, 'webrtc-page.ts')

  async function open(t: Test): Promise<Page> {
    const page = await (await launchBrowser(t, executablePath)).newPage()
    await page.goto(origin)
    return page
  }

  t.test('a page pushes a message and finds it in the store, by WebRTC-direct alone', async (t) => {
    const node = await networkDaemon(t, { flags })
    await neighbour(t, node)
    const page = await open(t)
    const address = webRtcOf(node)
    t.match(await call(page, 'dial', address), { peer: node.peerId, muxer: '/webrtc' })
    const message = messageBytes({ contentTopic, payload: Buffer.alloc(100 * 1024, 7) })
    const pushed = await ask(page, address, lightPushProtocol, encodePushRequest({ requestId: 'a', message }))
    t.match(decodePushResponse(pushed), { requestId: 'a', status: 200 })
    const query = { requestId: 'b', contentTopics: [contentTopic], hashes: [], forward: true, includeData: true }
    const found = await ask(page, address, storeProtocol, encodeStoreRequest(query))
    const { messages } = decodeStoreResponse(found)
    t.equal(messages.length, 1)
    t.ok(Buffer.from(messages[0]?.data?.bytes ?? []).equals(message), 'as it was sent')
    const metrics = await scrape(node)
    t.ok((metrics.sum('libp2p_network_bytes_total', { direction: 'in' }) ?? 0) > 100 * 1024, 'traffic is counted')
    t.ok((metrics.sum('libp2p_open_streams', { type: 'webrtc' }) ?? -1) >= 0)
    await node.stop()
    t.ok(
      node.lines.some(({ msg }) => msg === 'stopped'),
      'it stops while the page is connected',
    )
  })

  t.test('who sends what WebRTC-direct does not allow is parted from, and the node lives', async (t) => {
    const node = await daemon(t, { flags })
    const page = await open(t)
    for (const [index, kind] of (['announcement', 'text'] as const).entries()) {
      await call(page, 'dial', webRtcOf(node))
      await call(page, 'attack', webRtcOf(node), storeProtocol, kind)
      const metrics = await scrape(node)
      t.equal(metrics.sum('waypost_connections_refused_total', { guard: 'frame' }), index + 1, kind)
    }
    t.match(await call(page, 'dial', webRtcOf(node)), { peer: node.peerId }, 'it takes whoever comes')
  })
}

t.test('the address is in the record, is the same after a restart, and the node ends by itself', async (t) => {
  const dataDir = t.testdir()
  const first = await daemon(t, { dataDir, flags })
  const certhash = /certhash\/[^/]+/.exec(webRtcOf(first))?.[0] ?? ''
  const addresses = readRecord(enrFromText(first.enr)).addresses.map(String)
  t.ok(
    addresses.some((address) => address.includes(certhash)),
    addresses.join(' '),
  )
  t.equal(await first.stop(), 0)
  const second = await daemon(t, { dataDir, flags })
  t.match(webRtcOf(second), certhash)
  t.equal(await second.stop(), 0)
})

function webRtcOf({ addresses }: Daemon): string {
  return addresses.find((address) => address.includes('/webrtc-direct/')) ?? ''
}

async function ask(page: Page, address: string, protocol: string, body: Uint8Array): Promise<Uint8Array> {
  return Buffer.from(await call(page, 'ask', address, protocol, hexOf(frame(body))), 'hex')
}

/** Calls a function of the app in the page. */
function call<Name extends keyof WebRtcApp>(
  page: Page,
  name: Name,
  ...args: Parameters<WebRtcApp[Name]>
): Promise<Awaited<ReturnType<WebRtcApp[Name]>>> {
  return page.evaluate(
    ([name, args]) => {
      const { app } = globalThis as unknown as { app: Record<string, (...args: unknown[]) => never> }
      return app[name]?.(...args) as never
    },
    [name, args] as [string, unknown[]],
  )
}
