import path from 'node:path'
import t, { type Test } from 'tap'
import { canaryExitBits } from '../../src/cli/commands/canary.ts'
import { systemClock } from '../../src/core/time.ts'
import { openStore } from '../../src/node/archive.ts'
import { ClockWatch } from '../../src/node/clock-watch.ts'
import { openDataFolder } from '../../src/node/data-folder.ts'
import { openHost } from '../../src/node/host.ts'
import { networkOf } from '../../src/node/network.ts'
import { startNode } from '../../src/node/node.ts'
import { mountProtocols } from '../../src/node/protocols.ts'
import { ShardSizes } from '../../src/node/shard-sizes.ts'
import { metadataProtocol } from '../../src/protocols/metadata/codec.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { waypost } from '../kit/cli.ts'
import { host } from '../kit/host.ts'

const services = ['relay', 'store', 'filter', 'lightpush'] as const
const all = Object.keys(canaryExitBits).map((name) => `--${name}`)

/** The settings of a node with everything on, but what `flags` switch off, and its folder. */
async function settingsOf(t: Test, flags: readonly string[]) {
  const loopback = ['--listen-address=127.0.0.1', '--tcp-port=0', '--rest=false', '--nat=none', '--cluster-id=7']
  const on = services.map((name) => `--${name}=true`)
  const dataDir = path.join(t.testdir(), 'data')
  const { settings } = resolveSettings({ argv: [...loopback, ...on, ...flags, `--data-dir=${dataDir}`] })
  return { settings, folder: await openDataFolder(dataDir) }
}

/** The address of a node in this process that serves all but what `flags` switch off. */
async function node(t: Test, ...flags: readonly string[]): Promise<string> {
  const { settings } = await settingsOf(t, flags)
  const started = await startNode({ settings, version: '1.2.3', log: silentLog() })
  t.teardown(() => started[Symbol.asyncDispose]())
  return started.addresses[0] ?? ''
}

interface Report {
  readonly reachable: boolean
  readonly checks: readonly { protocol: string; ok: boolean; says: string }[]
}

async function canary(t: Test, args: readonly string[]): Promise<{ code: number | null; failed: string[] }> {
  const { code, stdout } = await waypost(t, ['canary', ...args, '--json'])
  const { checks } = JSON.parse(stdout) as Report
  return { code, failed: checks.filter(({ ok }) => !ok).map(({ protocol }) => protocol) }
}

t.test('a node that serves everything passes, whatever its cluster', async (t) => {
  t.same(await canary(t, [await node(t), ...all]), { code: 0, failed: [] })
})

for (const service of services) {
  t.test(`with ${service} off, the canary names ${service} and nothing else`, async (t) => {
    const address = await node(t, `--${service}=false`)
    t.same(await canary(t, [address, ...all]), { code: canaryExitBits[service], failed: [service] })
  })
}

/** The address of a node that serves all but metadata: the parts of ours, put together without it. */
async function nodeWithoutMetadata(t: Test): Promise<string> {
  const { settings, folder } = await settingsOf(t, [])
  const parts = { settings, folder, network: networkOf(settings), metrics: createMetrics(), log: silentLog() }
  await using opened = new AsyncDisposableStack()
  const archive = opened.use(await openStore(parts))
  const host = opened.use(await openHost({ ...parts, version: '1.2.3' }))
  const protocols = opened.use(
    await mountProtocols({
      ...parts,
      libp2p: host.libp2p,
      rules: host.rules,
      router: host.router,
      archive,
      clockWatch: new ClockWatch(),
      shardSizes: new ShardSizes(),
      reload: async () => undefined,
      book: () => undefined,
      clock: systemClock,
    }),
  )
  await host.libp2p.unhandle(metadataProtocol)
  await host.start()
  protocols.start()
  const kept = opened.move()
  t.teardown(() => kept.disposeAsync())
  return String(host.addresses()[0])
}

t.test('with metadata off, the canary names metadata and nothing else', async (t) => {
  const address = await nodeWithoutMetadata(t)
  const cluster = '--cluster-id=7'
  t.same(await canary(t, [address, ...all, cluster]), { code: canaryExitBits.metadata, failed: ['metadata'] })
})

t.test('a node without any of it fails each check, metadata too', async (t) => {
  const { addresses } = await host(t)
  const { code, failed } = await canary(t, [String(addresses()[0]), ...all])
  t.equal(
    code,
    Object.values(canaryExitBits).reduce((sum, bit) => sum + bit, 0),
  )
  t.equal(failed.length, all.length)
})

t.test('without a list, what a node announces must answer, and no more', async (t) => {
  t.same(await canary(t, [await node(t, '--store=false')]), { code: 0, failed: [] })
})

t.test('a node of another cluster than the one asked for fails on metadata', async (t) => {
  const address = await node(t)
  t.same(await canary(t, [address, '--metadata', '--cluster-id=7']), { code: 0, failed: [] })
  t.same(await canary(t, [address, '--metadata', '--cluster-id=8']), { code: 32, failed: ['metadata'] })
})

t.test('where nobody answers, it says so in one line', async (t) => {
  const { code, stdout } = await waypost(t, ['canary', '/ip4/127.0.0.1/tcp/1'])
  t.equal(code, 1)
  t.match(stdout, /^no Waku node answers at \/ip4\/127.0.0.1\/tcp\/1: .*ECONNREFUSED.*\n$/)
})

t.test('a person reads a line for each protocol', async (t) => {
  const { code, stdout } = await waypost(t, ['canary', await node(t)])
  t.equal(code, 0)
  t.match(stdout, /^agent +waypost\/1\.2\.3$/m)
  t.match(stdout, /^metadata +ok: cluster 7, shards 0$/m)
  t.match(stdout, /^store +ok: answers, and is empty$/m)
})

t.test('an argument that is none is a usage error', async (t) => {
  const { code, stderr } = await waypost(t, ['canary', '127.0.0.1:60000'])
  t.equal(code, 64)
  t.match(stderr, /^waypost: .*is not a multiaddr: it begins with a slash\n$/)
})
