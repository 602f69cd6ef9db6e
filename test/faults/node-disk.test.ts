/** A node whose disk fills up while it works: it goes on with all that needs no disk, and says what it does not do. */
import { multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { openEnvelope } from '../../src/core/envelope.ts'
import type { MessageHash } from '../../src/core/hash.ts'
import { FilterClient } from '../../src/protocols/filter/client.ts'
import { push } from '../../src/protocols/lightpush/client.ts'
import { StoreClient } from '../../src/protocols/store/client.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { hashes } from '../archive/kit.ts'
import type { Daemon } from '../kit/daemon.ts'
import { smallDisk } from '../kit/disk.ts'
import { host } from '../kit/host.ts'
import { messageBytes, testContentTopic } from '../kit/messages.ts'
import { scrape } from '../kit/scrape.ts'
import { neighbour, networkDaemon } from '../kit/twins.ts'
import { until } from '../kit/until.ts'

const mebibyte = 1024 * 1024

/** Where the test content topic belongs, of the eight shards of the test network. */
const pubsubTopic = '/waku/2/rs/66/1'

const flags = ['--store-min-free=100MiB', '--store-ballast=64MiB']

/** A client of `node` that pushes, subscribes and asks. */
async function client(t: Test, node: Daemon) {
  const { libp2p } = await host(t)
  const got = new Set<MessageHash>()
  const receive = ({ hash }: { readonly hash: MessageHash }) => void got.add(hash)
  const filter = await FilterClient.open({ libp2p, maxMessageBytes: 150 * 1024, log: silentLog(), receive })
  const { remotePeer } = await libp2p.dial(multiaddr(node.tcp))
  await filter.subscribe(remotePeer, pubsubTopic, [testContentTopic])
  const store = new StoreClient({ libp2p })
  return {
    /** Pushes a message to `to`, which has to take it. */
    async pushed(to: Daemon): Promise<MessageHash> {
      const bytes = messageBytes()
      const { outcome } = await push(libp2p, multiaddr(to.tcp), bytes, undefined)
      t.equal(outcome, 'relayed')
      return openEnvelope(pubsubTopic, bytes, Date.now()).hash
    },
    received: (hash: MessageHash) => until(() => got.has(hash)),
    stored: async () =>
      hashes((await store.query(remotePeer, { direction: 'forward', limit: 100, includeData: true })).messages),
  }
}

interface StoreHealth {
  readonly Store?: string
  readonly desc?: string
}

async function storeHealth({ restUrl }: Daemon): Promise<StoreHealth> {
  const health = (await (await fetch(`${restUrl}/health`)).json()) as { readonly protocolsHealth: StoreHealth[] }
  return health.protocolsHealth.find(({ Store }) => Store !== undefined) ?? {}
}

t.test(
  'a node on a disk that fills up relays on, answers, says why, and stores again when there is room',
  async (t) => {
    const disk = smallDisk(t, 320)
    if (disk === undefined) return t.plan(0, 'needs a user who may mount')
    const node = await networkDaemon(t, { flags, dataDir: disk.folder })
    const other = await neighbour(t, node, { flags: ['--store=false'] })
    const { pushed, received, stored } = await client(t, node)
    const acknowledged: MessageHash[] = []
    for (let count = 0; count < 20; count++) acknowledged.push(await pushed(node))
    t.match(await storeHealth(node), { Store: 'READY' })

    disk.fill(90 * mebibyte)
    await until(async () => (await storeHealth(node)).Store === 'NOT_READY')
    t.match(await storeHealth(node), {
      desc: /archive degraded: the disk of .* has \d+ MiB left, below store-min-free/,
    })
    t.equal((await fetch(`${node.restUrl}/readyz`)).status, 200)
    await received(await pushed(node))
    await received(await pushed(other))
    t.same((await stored()).toSorted(), acknowledged.toSorted(), 'what was relayed meanwhile is not there')
    const metrics = await scrape(node)
    t.equal(metrics.sum('waypost_archive_degraded'), 1)

    disk.empty()
    await until(async () => (await storeHealth(node)).Store === 'READY')
    const later = await pushed(other)
    await received(later)
    acknowledged.push(await pushed(node), later)
    await until(async () => (await stored()).includes(later))
    t.same((await stored()).toSorted(), acknowledged.toSorted())
    t.match(
      node.lines.filter(({ level }) => level === 'warn' || level === 'error'),
      [{ msg: 'archive stores nothing more' }],
    )
  },
)

t.test('a node ends and starts on a disk that is full to the brim', async (t) => {
  const disk = smallDisk(t, 320)
  if (disk === undefined) return t.plan(0, 'needs a user who may mount')
  const node = await networkDaemon(t, { flags, dataDir: disk.folder })
  await neighbour(t, node, { flags: ['--store=false'] })
  const { pushed } = await client(t, node)
  const acknowledged: MessageHash[] = []
  for (let count = 0; count < 20; count++) acknowledged.push(await pushed(node))
  disk.fill(0)
  await until(async () => (await storeHealth(node)).Store === 'NOT_READY')
  t.equal(await node.stop(), 0)
  const again = await networkDaemon(t, { flags, dataDir: disk.folder })
  t.match(await storeHealth(again), { Store: 'NOT_READY', desc: /below store-min-free/ })
  const { stored } = await client(t, again)
  t.same((await stored()).toSorted(), acknowledged.toSorted())
  disk.empty()
  await until(async () => (await storeHealth(again)).Store === 'READY')
})
