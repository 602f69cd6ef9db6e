/** The page at `/` on real nodes, in a real browser: what it shows is so, follows what happens, and survives what happens. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import type { Overview } from '../../src/rest/overview.ts'
import { type Daemon, daemon } from '../kit/daemon.ts'
import { freePort } from '../kit/free-port.ts'
import { needs } from '../kit/tools.ts'
import { launchBrowser, watchedPage } from './watched-page.ts'

/** Milliseconds: three daemons, one of them twice, and a browser, on a machine that is busy. */
t.setTimeout(600_000)

const chromiumPath = needs(t, 'chromium')
if (chromiumPath !== undefined) await run(chromiumPath)

async function run(executablePath: string): Promise<void> {
  const browser = await launchBrowser(t, executablePath)
  const other = await daemon(t, { flags: ['--agent-string=other/1'] })
  const node = await daemon(t, { flags: [`--staticnode=${other.tcp}`] })

  t.test('what the page shows is what REST says, and it follows by itself', async (t) => {
    const { page, complaints, asked } = await watchedPage(browser, node.restUrl)
    await title(page, 'All is well')
    t.equal(await page.locator('#version').textContent(), await text(node, '/version'))
    t.same(await cells(page, '#addresses code'), node.addresses)
    t.same(await columns(page, '#shards', 3), await shardRows(node))
    t.same(await columns(page, '#by-agent', 2), ['other/1', '1'])
    t.same(await columns(page, '#by-transport', 2), ['tcp', '1'])
    t.equal(await fact(page, 'Messages'), '0')

    await publish(node, 3)
    await factIs(page, 'From REST', '3')
    await factIs(page, 'Messages', '3')
    const { running } = await overviewOf(node)
    t.match(running, { messages: { rest: 3 }, store: { messages: 3 } })
    t.match(await text(node, '/metrics'), 'waku_archive_messages{type="stored"} 3')
    t.match(await page.locator('#verdict-text').textContent(), /Keeps 3 messages, the oldest from \d+ s ago/)

    t.same(complaints, [])
    t.same(
      asked.filter((url) => !url.startsWith(`${node.restUrl}/`)),
      [],
      'nobody else is asked',
    )
    await page.context().close()
  })

  t.test('plots are drawn from what comes, and can be read by keyboard, as tables, and over other times', async (t) => {
    const { page, complaints } = await watchedPage(browser, node.restUrl)
    await title(page, 'All is well')
    const line = page.locator('#plot-peers path.line[d*="L"]')
    await line.waitFor({ state: 'attached' })
    t.match(await line.getAttribute('d'), /^M[\d.]+,[\d.]+L/, 'a line through two samples at least')

    const chart = page.getByRole('slider', { name: /^Peers:/ })
    await chart.focus()
    await page.keyboard.press('Home')
    const first = await chart.getAttribute('aria-valuetext')
    await page.keyboard.press('ArrowRight')
    const second = await chart.getAttribute('aria-valuetext')
    t.match(first, /^\d\d:\d\d:\d\d: 1 connected$/)
    t.not(second, first, 'the next sample')
    t.equal(await page.locator('svg .cursor').count(), 8, 'all plots show that moment')
    await chart.blur()
    t.equal(await page.locator('svg .cursor').count(), 0)

    await page.getByRole('button', { name: 'As tables' }).click()
    const table = page.getByRole('table', { name: 'Peers, connected' })
    t.match(await table.locator('tbody tr').first().textContent(), /^\d\d:\d\d:\d\d1$/)
    t.equal(await chart.isVisible(), false)

    const answered = page.waitForResponse((response) => response.url().includes('range=7d&since=0'))
    await page.getByRole('radio', { name: '7 days' }).check()
    t.equal((await answered).status(), 200)
    t.same(complaints, [])
    await page.context().close()
  })

  t.test('a node alone is told what to do; when it ends the page says so, and comes back with it', async (t) => {
    const dataDir = t.testdir()
    const flags = [`--rest-port=${await freePort()}`]
    const first = await daemon(t, { dataDir, flags })
    const { page } = await watchedPage(browser, first.restUrl)
    await title(page, 'One thing to look at')
    const finding = page.locator('#findings li')
    t.match(await finding.textContent(), /No peers yet\..*--staticnode/)
    t.equal(await finding.locator('code').textContent(), first.tcp)
    t.equal(await page.locator('#warnings li').count(), 0)
    t.match(await page.locator('#warnings-text').textContent(), /^None since the start/)

    const peerId = await page.locator('#peer-id').textContent()
    await first.stop()
    await stateIs(page, 'silent')
    t.match(await page.locator('#state').textContent(), /No news of the node.*since \d\d:\d\d:\d\d/)
    t.equal(await page.locator('#peer-id').textContent(), peerId, 'what was last known stands')
    await page.evaluate('globalThis.notReloaded = true')
    await daemon(t, { dataDir, flags })
    await stateIs(page, 'live')
    t.ok(await page.evaluate('globalThis.notReloaded'))
    t.equal(await page.locator('#peer-id').textContent(), peerId)
    await page.context().close()
  })

  t.test('who needs a token is asked for it, and it is in no address', async (t) => {
    const dataDir = t.testdir()
    const node = await daemon(t, { dataDir, flags: ['--rest-auth=token'] })
    const token = (await readFile(path.join(dataDir, 'rest.token'), 'utf8')).trim()
    const { page, asked } = await watchedPage(browser, node.restUrl)
    await giveToken(page, 'a-wrong-token')
    await page.getByRole('alert').getByText('That is not the token of this node.').waitFor()
    await giveToken(page, token)
    await stateIs(page, 'live')
    t.match(await page.locator('#peer-id').textContent(), node.peerId.slice(0, 10))
    await page.reload()
    await stateIs(page, 'live')
    t.equal(await page.getByRole('dialog').count(), 0, 'it is kept in this tab')
    t.same(
      asked.filter((url) => url.includes(token)),
      [],
    )
    t.equal(await page.evaluate('JSON.stringify(localStorage)'), '{}', 'and nowhere else')
    await page.getByRole('button', { name: 'Forget the token' }).click()
    await page.getByRole('dialog').waitFor()
    await page.context().close()
  })
}

async function text({ restUrl }: Daemon, target: string): Promise<string> {
  return await (await fetch(`${restUrl}${target}`)).text()
}

async function overviewOf(node: Daemon): Promise<Overview> {
  return JSON.parse(await text(node, '/waypost/v1/overview'))
}

async function shardRows(node: Daemon): Promise<readonly string[]> {
  const { running } = await overviewOf(node)
  return (running?.shards ?? []).flatMap(({ shard, peers, mesh }) => [shard, peers, mesh].map(String))
}

async function publish({ restUrl }: Daemon, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const payload = Buffer.from(`page ${index}`).toString('base64')
    const body = JSON.stringify({ payload, contentTopic: '/waypost/1/page/proto' })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${restUrl}/relay/v1/auto/messages`, { method: 'POST', headers, body })
    if (response.status !== 200) throw new Error(await response.text())
  }
}

async function giveToken(page: Page, token: string): Promise<void> {
  await page.getByRole('dialog', { name: 'The token of this node' }).waitFor()
  await page.getByLabel('Token', { exact: true }).fill(token)
  await page.getByRole('button', { name: 'Open' }).click()
}

async function title(page: Page, wanted: string): Promise<void> {
  await page.getByRole('heading', { name: wanted }).waitFor({ timeout: 60_000 })
}

async function stateIs(page: Page, state: string): Promise<void> {
  await page.locator(`html[data-state="${state}"]`).waitFor({ timeout: 60_000 })
}

function cells(page: Page, selector: string): Promise<string[]> {
  return page.locator(selector).allTextContents()
}

/** The first cells of each row of a table. */
async function columns(page: Page, selector: string, count: number): Promise<string[]> {
  const rows = await page.locator(`${selector} tr`).all()
  return (await Promise.all(rows.map((row) => row.locator('th, td').allTextContents()))).flatMap((row) =>
    row.slice(0, count),
  )
}

/** The value beside a name. */
async function fact(page: Page, name: string): Promise<string | null> {
  return await factOf(page, name).textContent()
}

async function factIs(page: Page, name: string, value: string): Promise<void> {
  await factOf(page, name)
    .and(page.getByText(value, { exact: true }))
    .waitFor({ timeout: 60_000 })
}

function factOf(page: Page, name: string) {
  return page
    .locator('dl > div')
    .filter({ has: page.locator('dt').getByText(name, { exact: true }) })
    .locator('dd')
}
