/** The page at `/` for everybody: by keyboard and screen reader, light and dark, on a phone; and whatever peers call themselves. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import t from 'tap'
import { startNode, type WaypostNode } from '../../src/node/node.ts'
import { NodeOverview } from '../../src/node/overview.ts'
import { View } from '../../src/node/view.ts'
import { openRest } from '../../src/rest/server.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { createLog, type Log, silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { needs } from '../kit/tools.ts'
import { launchBrowser, watchedPage } from './watched-page.ts'

/** What the page is looked at in. Pictures go where git does not look: .tap/screenshots. */
const looks: readonly { id: string; options: BrowserContextOptions }[] = [
  { id: 'light', options: { colorScheme: 'light', viewport: { width: 1240, height: 900 } } },
  { id: 'dark', options: { colorScheme: 'dark', viewport: { width: 1240, height: 900 } } },
  { id: 'phone', options: { colorScheme: 'light', viewport: { width: 360, height: 780 }, hasTouch: true } },
  { id: 'phone-dark', options: { colorScheme: 'dark', viewport: { width: 320, height: 640 }, hasTouch: true } },
]

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What peers and clients might say, to become part of the page. */
const markup = '<img/src=x/onerror=globalThis.hacked=1><script>globalThis.hacked=1</script>'

/** Milliseconds: a page for each look, each searched twice, on a machine that is busy. */
t.setTimeout(600_000)

const chromiumPath = needs(t, 'chromium')
if (chromiumPath !== undefined) await run(chromiumPath)

async function run(executablePath: string): Promise<void> {
  const browser = await launchBrowser(t, executablePath)
  const log = createLog({ level: 'warn', format: 'json', destination: { write() {} } })
  const node = await pairWith(log)

  for (const { id, options } of looks) {
    t.test(`${id}: nothing that axe objects to, nothing that is cut off, every control has a name`, async (t) => {
      const { page, complaints } = await openLive(browser, node, options)
      await page.screenshot({ path: `.tap/screenshots/page-${id}.png`, fullPage: true })
      t.same(await violations(page), [])
      t.same(await widerThanScreen(page), [])
      await page.getByRole('button', { name: 'As tables' }).click()
      t.same(await violations(page), [], 'with tables')
      t.same(await widerThanScreen(page), [], 'with tables')
      const controls = await controlNames(page)
      t.ok(controls.length > 12, 'there are controls')
      t.same(
        controls.filter(({ name }) => name === ''),
        [],
      )
      t.same(complaints, [])
      await page.context().close()
    })
  }

  t.test('those checks find what is wrong', async (t) => {
    const { page } = await openLive(browser, node)
    await page.evaluate(`{
      const button = document.createElement('button')
      button.style.inlineSize = '3000px'
      document.querySelector('main').append(button)
    }`)
    t.match((await violations(page)).join(), 'button-name')
    t.ok((await widerThanScreen(page)).includes('BUTTON'))
    t.ok((await controlNames(page)).some(({ name }) => name === ''))
    await page.context().close()
  })

  t.test('colours follow the system until a person chooses, and the choice is kept', async (t) => {
    const { page } = await openLive(browser, node, { colorScheme: 'dark' })
    const dark = await paper(page)
    await page.getByRole('radio', { name: 'Light' }).check()
    const light = await paper(page)
    t.ok(brightness(light) > 200 && brightness(dark) < 60, `${light} ${dark}`)
    await page.reload()
    t.equal(await paper(page), light)
    t.ok(await page.getByRole('radio', { name: 'Light' }).isChecked())
    await page.getByRole('radio', { name: 'Auto' }).check()
    t.equal(await paper(page), dark)
    await page.context().close()
  })

  t.test('nothing moves for who wants no motion', async (t) => {
    const moving = (page: Page) => page.evaluate<number>('document.getAnimations().length')
    const still = await openLive(browser, node, { reducedMotion: 'reduce' })
    t.equal(await moving(still.page), 0)
    const lively = await openLive(browser, node, { reducedMotion: 'no-preference' })
    t.ok((await moving(lively.page)) > 0)
    for (const { page } of [still, lively]) await page.context().close()
  })

  t.test('what peers call themselves and what the log says is text', async (t) => {
    log.child({ part: markup }).error({ reason: markup }, markup)
    const { page, complaints } = await openLive(browser, node)
    await page.locator('#warnings li').waitFor()
    t.match(await page.locator('#by-agent th').allTextContents(), [markup.slice(0, 64)])
    const warning = await page.locator('#warnings li').textContent()
    t.equal(warning?.split(markup).length, 4, 'part, message and detail')
    t.equal(await page.locator('main img, main script').count(), 0)
    t.equal(await page.evaluate("'hacked' in globalThis"), false)
    t.same(complaints, [])
    await t.rejects(page.evaluate(`document.body.innerHTML = '${markup}'`), /TrustedHTML/, 'nor could it be more')
    await page.context().close()
  })

  t.test('a node that starts says so, and the page follows', async (t) => {
    const metrics = createMetrics()
    using overview = new NodeOverview({
      version: '1.2.3',
      metrics,
      log: silentLog(),
      clock: Date.now,
      health: () => view.health(),
    })
    const view = new View('1.2.3', metrics, { overview, hasPage: true })
    const access = { mode: 'auto', token: 'a-token-of-this-test', isNear: () => true } as const
    const listen = { address: '127.0.0.1', port: 0 }
    await using server = await openRest(view, silentLog(), { ...listen, access, origins: [], maxBodyBytes: 1024 })
    const { page, complaints } = await watchedPage(browser, server.url)
    await page.getByRole('heading', { name: 'Starting' }).waitFor()
    t.equal(await page.locator('#plots').isVisible(), false, 'what is not known is not shown')
    t.same(await violations(page), [])
    t.same(complaints, [])
    await page.context().close()
  })
}

/** A node in this process whose log is `log`, with a peer that has a strange name. */
async function pairWith(log: Log): Promise<WaypostNode> {
  const folder = t.testdir()
  const loopback = ['--listen-address=127.0.0.1', '--tcp-port=0', '--rest-port=0', '--nat=none', '--relay']
  const start = async (name: string, argv: readonly string[], itsLog: Log) => {
    const { settings } = resolveSettings({ argv: [...loopback, `--data-dir=${path.join(folder, name)}`, ...argv] })
    const node = await startNode({ settings, version: '1.2.3', log: itsLog })
    t.teardown(() => node[Symbol.asyncDispose]())
    return node
  }
  const other = await start('other', [`--agent-string=${markup}`], silentLog())
  return await start('node', ['--store', '--filter', '--lightpush', `--staticnode=${other.addresses[0]}`], log)
}

async function openLive(browser: Browser, { restUrl = '' }: WaypostNode, options: BrowserContextOptions = {}) {
  const watched = await watchedPage(browser, restUrl, options)
  await watched.page.locator('html[data-running="true"]').waitFor()
  // Until the peer has said who it is.
  await watched.page.locator('#by-agent td:not(:empty)').first().waitFor()
  return watched
}

/** The rules that axe finds broken, of WCAG 2.2 A and AA and of good practice. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axeSource)
  const found = await page.evaluate<readonly { id: string; nodes: readonly { html: string }[] }[]>(
    'axe.run().then(({ violations }) => violations)',
  )
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

/** The elements that stand out to the right, unless they scroll by themselves. */
function widerThanScreen(page: Page): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(`(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return []
    return [...document.querySelectorAll('body *')]
      .filter((one) => one.getBoundingClientRect().right > clientWidth)
      .map((one) => one.tagName)
  })()`)
}

const controlRoles = ['button', 'radio', 'slider', 'link', 'textbox', 'checkbox', 'combobox']

/** The controls that a screen reader finds, and what it calls them. */
async function controlNames(page: Page): Promise<readonly { role: string; name: string }[]> {
  const session = await page.context().newCDPSession(page)
  const { nodes } = await session.send('Accessibility.getFullAXTree')
  return nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name }) => ({ role: String(role?.value), name: String(name?.value ?? '') }))
    .filter(({ role }) => controlRoles.includes(role))
}

function paper(page: Page): Promise<string> {
  return page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor')
}

/** 0 to 255. */
function brightness(color: string): number {
  return Math.max(...(color.match(/\d+/g) ?? []).slice(0, 3).map(Number))
}
