import t, { type Test } from 'tap'
import type { Archive } from '../../src/archive/archive.ts'
import { openLevel } from '../../src/archive/level/level.ts'
import type { Envelope } from '../../src/core/envelope.ts'
import { toNanoseconds } from '../../src/core/time.ts'
import { accept, reject, type Validator } from '../../src/core/validator.ts'
import { Quota } from '../../src/net/quota.ts'
import type { WaypostNode } from '../../src/node/node.ts'
import { StoreResume } from '../../src/node/store-resume.ts'
import { store as serveStore } from '../../src/protocols/store/index.ts'
import { storeRates } from '../../src/protocols/store/limits.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { archiveOn, hashes, pages, store } from '../archive/kit.ts'
import { host } from '../kit/host.ts'
import { envelope, testPubsubTopic } from '../kit/messages.ts'
import { ask, askUntil, startedNode } from '../kit/rest.ts'
import { ManualSchedule } from '../kit/schedule.ts'

const hour = 3_600_000

/** Messages of the last hours, oldest first. */
function history(count: number, ago: number, topic = testPubsubTopic): Envelope[] {
  const start = Date.now() - ago
  return Array.from({ length: count }, (_, index) => envelope({ timestamp: toNanoseconds(start + index * 10) }, topic))
}

let folders = 0

async function archiveWith(t: Test, root: string, stored: readonly Envelope[]): Promise<Archive> {
  folders += 1
  const archive = await archiveOn(t, await openLevel({ folder: `${root}/${folders}` }))
  await store(archive, stored)
  return archive
}

/** A store that others may ask. `quota`: queries that it answers. */
async function storeHost(t: Test, archive: Archive, volume = storeRates.perPeer.volume) {
  const made = await host(t)
  const rate = { volume, period: hour }
  await serveStore({
    libp2p: made.libp2p,
    history: archive,
    quota: new Quota({ perPeer: rate, total: rate }),
    metrics: createMetrics(),
    log: silentLog(),
  })
  return made
}

interface Resumed {
  readonly archive: Archive
  readonly resume: StoreResume
  /** Lets what is waited for come. */
  run(): void
}

async function resuming(
  t: Test,
  archive: Archive,
  peers: readonly Awaited<ReturnType<typeof host>>[],
  judge: Validator = () => accept,
): Promise<Resumed> {
  const own = await host(t)
  const manual = new ManualSchedule()
  const resume = new StoreResume({
    libp2p: own.libp2p,
    archive,
    peers: () => peers.flatMap((peer) => peer.addresses().slice(0, 1)),
    pubsubTopics: [testPubsubTopic],
    maxMessageBytes: 150 * 1024,
    judge,
    clock: Date.now,
    schedule: manual.schedule,
    log: silentLog(),
  })
  t.teardown(() => resume[Symbol.asyncDispose]())
  resume.start()
  const run = (): void => {
    for (const appointment of [...manual.due]) appointment.run()
  }
  return { archive, resume, run }
}

/** Settles when it has fetched all, or has given up waiting. */
async function done({ resume }: Resumed): Promise<void> {
  while (resume.progress() !== undefined) await new Promise((resolve) => setImmediate(resolve))
}

async function all(archive: Archive): Promise<string[]> {
  return hashes((await pages(archive)).flatMap(({ messages }) => messages))
}

t.test('what came while a store was away is fetched, page after page, and nothing else', async (t) => {
  const root = t.testdir()
  const [before, missed] = [history(50, 2 * hour), history(450, hour)]
  const full = await archiveWith(t, root, [...before, ...missed, ...history(20, hour, '/waku/2/rs/0/7')])
  const away = await archiveWith(t, root, before)
  const resumed = await resuming(t, away, [await storeHost(t, full)])
  t.match(resumed.resume.progress(), /looking for a store|fetching what was missed/)
  await done(resumed)
  t.same(await all(away), hashes([...before, ...missed]))
})

t.test('six hours back are the most, also for a store that has nothing', async (t) => {
  const root = t.testdir()
  const [old, recent] = [history(5, 7 * hour), history(5, 5 * hour)]
  const empty = await archiveWith(t, root, [])
  const resumed = await resuming(t, empty, [await storeHost(t, await archiveWith(t, root, [...old, ...recent]))])
  await done(resumed)
  t.same(await all(empty), hashes(recent))
})

t.test('when a store fails half-way, the next one goes on from there', async (t) => {
  const root = t.testdir()
  const missed = history(400, hour)
  const full = await archiveWith(t, root, missed)
  const away = await archiveWith(t, root, [])
  const resumed = await resuming(t, away, [await storeHost(t, full, 2), await storeHost(t, full, 3)])
  await done(resumed)
  t.same(await all(away), hashes(missed), 'two pages from one, the rest from the other')
})

t.test('messages that do not pass are left out', async (t) => {
  const root = t.testdir()
  const missed = history(10, hour)
  const bad = missed[3]!
  const away = await archiveWith(t, root, [])
  const judge: Validator = ({ hash }) => (hash === bad.hash ? reject('bad') : accept)
  await done(await resuming(t, away, [await storeHost(t, await archiveWith(t, root, missed))], judge))
  t.same(await all(away), hashes(missed.filter((one) => one !== bad)))
})

t.test('without anybody to ask the store is ready after a while, and still fetches when somebody comes', async (t) => {
  const root = t.testdir()
  const away = await archiveWith(t, root, [])
  const peers: Awaited<ReturnType<typeof host>>[] = []
  const resumed = await resuming(t, away, peers)
  t.match(resumed.resume.progress(), /looking for a store/)
  resumed.run()
  t.equal(resumed.resume.progress(), undefined, 'ready')
  const missed = history(5, hour)
  peers.push(await storeHost(t, await archiveWith(t, root, missed)))
  while (away.held.messages < 5) {
    resumed.run()
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.same(await all(away), hashes(missed))
})

const flags = ['--store=true', '--relay=true', '--rest-admin=true']

/** Publishes a message by REST: without relay peers it is stored all the same. */
async function publish(node: WaypostNode, payload: string): Promise<void> {
  const body = { payload: Buffer.from(payload).toString('base64'), contentTopic: '/a/1/resume/proto' }
  await ask(node, 'POST', '/relay/v1/auto/messages', { body })
}

async function stored(node: WaypostNode): Promise<number> {
  const { text } = await ask(node, 'GET', '/store/v3/messages?pageSize=100')
  return (JSON.parse(text) as { messages: unknown[] }).messages.length
}

t.test('a started node says how far it is, is not ready until then, and is complete when it is', async (t) => {
  const root = t.testdir()
  const full = await startedNode(t, `${root}/full`, flags)
  for (let count = 0; count < 40; count += 1) await publish(full, `missed ${count}`)
  t.equal(await stored(full), 40)
  const away = await startedNode(t, `${root}/away`, [
    ...flags,
    '--store-resume=true',
    `--storenode=${full.addresses[0]}`,
  ])
  const ready = await askUntil(
    ({ status }) => status === 200,
    () => ask(away, 'GET', '/readyz'),
  )
  t.equal(ready.status, 200)
  t.equal(await stored(away), 40)
  t.match(JSON.parse((await ask(away, 'GET', '/health')).text), { nodeHealth: 'READY' })
})

t.test('a node that finds nobody to resume from says so in its health', async (t) => {
  const alone = await startedNode(t, `${t.testdir()}/alone`, [...flags, '--store-resume=true'])
  const { text } = await ask(alone, 'GET', '/health')
  const { nodeHealth, protocolsHealth } = JSON.parse(text) as {
    nodeHealth: string
    protocolsHealth: Record<string, string>[]
  }
  t.equal(nodeHealth, 'SYNCHRONIZING')
  t.match(
    protocolsHealth.find((entry) => 'Store' in entry),
    { Store: 'SYNCHRONIZING', desc: /looking for a store/ },
  )
  t.equal((await ask(alone, 'GET', '/readyz')).status, 503)
})
