import t, { type Test } from 'tap'
import { agentOf, watchPeers } from '../../src/net/connected-peers.ts'
import type { Host } from '../../src/net/host.ts'
import { createLog, silentLog } from '../../src/telemetry/log.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import { connect, host } from '../kit/host.ts'

const storeId = '/vac/waku/store-query/3.0.0'
const filterId = '/vac/waku/filter-subscribe/2.0.0-beta1'
const lightPushId = '/vac/waku/lightpush/3.0.0'

/** A host whose peers are watched, and what is told of them. */
async function watched(t: Test) {
  const metrics = createMetrics()
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => lines.push(JSON.parse(line)) }
  const log = createLog({ level: 'info', format: 'json', destination })
  const mount = ({ libp2p }: Host): void => {
    const watch = watchPeers({ libp2p, metrics, log })
    t.teardown(() => watch[Symbol.dispose]())
  }
  return { node: await host(t, { mount }), metrics, lines }
}

const serving = (...ids: string[]) => ({
  mount: async ({ libp2p }: Host): Promise<void> => {
    for (const id of ids) await libp2p.handle(id, (stream) => stream.abort(new Error('not today')))
  },
})

const identified = ({ libp2p }: Host): Promise<unknown> =>
  new Promise((resolve) => libp2p.addEventListener('peer:identify', resolve, { once: true }))

const left = ({ libp2p }: Host): Promise<unknown> =>
  new Promise((resolve) => libp2p.addEventListener('peer:disconnect', resolve, { once: true }))

type GaugeName =
  | 'waku_connected_peers'
  | 'waku_connected_peers_per_agent'
  | 'waku_store_peers'
  | 'waku_filter_peers'
  | 'waku_lightpush_peers'
  | 'waypost_connections'
  | 'libp2p_peers'

async function values(metrics: Metrics, name: GaugeName): Promise<Record<string, number>> {
  const { values } = await metrics[name].get()
  return Object.fromEntries(values.map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}

t.test('a peer that comes is told with its full id, and counted by direction and protocol', async (t) => {
  const { node, metrics, lines } = await watched(t)
  const inbound = await host(t, serving(storeId))
  const outbound = await host(t, serving(storeId, filterId))
  const [first] = [identified(node), await connect(inbound, node)]
  await first
  const [second] = [identified(node), await connect(node, outbound)]
  await second
  t.match(await values(metrics, 'waku_connected_peers'), {
    [`In ${storeId}`]: 1,
    [`Out ${storeId}`]: 1,
    [`In ${filterId}`]: 0,
    [`Out ${filterId}`]: 1,
    [`Out ${lightPushId}`]: 0,
  })
  t.same(await values(metrics, 'waku_store_peers'), { '': 2 })
  t.same(await values(metrics, 'waku_filter_peers'), { '': 1 })
  t.same(await values(metrics, 'waku_lightpush_peers'), { '': 0 })
  t.match(await values(metrics, 'waku_connected_peers_per_agent'), { waypost: 2, nwaku: 0, other: 0 })
  t.same(await values(metrics, 'waypost_connections'), { inbound: 1, outbound: 1 })
  t.same(await values(metrics, 'libp2p_peers'), { '': 2 })
  t.match(lines, [
    { level: 'info', msg: 'peer connected', peer: inbound.libp2p.peerId.toString(), direction: 'inbound' },
    { level: 'info', msg: 'peer connected', peer: outbound.libp2p.peerId.toString(), direction: 'outbound' },
  ])
})

t.test(
  'a peer is counted under the program that it says it is, and a name that we do not know is another',
  async (t) => {
    const said = ['waypost/0.1.0', 'nwaku-v0.37.0', 'logos-delivery-v0.38.1', 'go-waku/0.9', 'js-libp2p/3.3.11 node/26']
    t.same(said.map(agentOf), ['waypost', 'nwaku', 'logos-delivery', 'go-waku', 'js-libp2p'])
    t.same([agentOf('HelloFromJsWaku'), agentOf('my-nwaku'), agentOf(undefined)], ['js-waku', 'other', 'other'])
  },
)

t.test('a peer that asks for a protocol is not counted as one that speaks it', async (t) => {
  const metrics = createMetrics()
  const mount = async ({ libp2p }: Host): Promise<void> => {
    const watch = watchPeers({ libp2p, metrics, log: silentLog() })
    t.teardown(() => watch[Symbol.dispose]())
    await libp2p.handle(storeId, (stream) => void stream.close())
  }
  const node = await host(t, { mount })
  const client = await host(t)
  const [known] = [identified(node), await connect(client, node)]
  await known
  const told = new Promise((resolve) => node.libp2p.addEventListener('peer:update', resolve, { once: true }))
  await client.libp2p.dialProtocol(node.addresses(), storeId)
  await told
  t.match((await node.libp2p.peerStore.get(client.libp2p.peerId)).protocols.includes(storeId), true, 'libp2p has it so')
  t.match(await values(metrics, 'waku_connected_peers'), { [`In ${storeId}`]: 0 })
  t.same(await values(metrics, 'waku_store_peers'), { '': 0 })
})

t.test('a peer that goes is told, and counted no more', async (t) => {
  const { node, metrics, lines } = await watched(t)
  const peer = await host(t, serving(storeId))
  const [known] = [identified(node), await connect(peer, node)]
  await known
  const gone = left(node)
  await peer.libp2p.hangUp(node.libp2p.peerId)
  await gone
  t.match(lines.at(-1), { level: 'info', msg: 'peer disconnected', peer: peer.libp2p.peerId.toString() })
  t.match(await values(metrics, 'waku_connected_peers'), { [`In ${storeId}`]: 0 })
  t.same(await values(metrics, 'waypost_connections'), { inbound: 0, outbound: 0 })
  t.same(await values(metrics, 'libp2p_peers'), { '': 0 })
  t.same(await values(metrics, 'waku_store_peers'), { '': 0 })
  t.match(await values(metrics, 'waku_connected_peers_per_agent'), { waypost: 0 })
})

t.test('a peer that comes back is counted once, though its protocols are no news', async (t) => {
  const { node, metrics } = await watched(t)
  const peer = await host(t, serving(storeId))
  for (let round = 0; round < 2; round += 1) {
    const [known] = [identified(node), await connect(peer, node)]
    await known
    t.match(await values(metrics, 'waku_connected_peers'), { [`In ${storeId}`]: 1 })
    const gone = left(node)
    await peer.libp2p.hangUp(node.libp2p.peerId)
    await gone
  }
  t.match(await values(metrics, 'waku_connected_peers'), { [`In ${storeId}`]: 0 })
})

t.test('a second connection of a peer is a connection and no second peer', async (t) => {
  const { node, metrics, lines } = await watched(t)
  const peer = await host(t, serving(storeId))
  const [known] = [identified(node), await connect(peer, node)]
  await known
  const [again] = [identified(node), await peer.libp2p.dial(node.addresses(), { force: true })]
  await again
  t.same(await values(metrics, 'waypost_connections'), { inbound: 2, outbound: 0 })
  t.same(await values(metrics, 'libp2p_peers'), { '': 1 })
  t.match(await values(metrics, 'waku_connected_peers'), { [`In ${storeId}`]: 1 })
  t.equal(lines.length, 1)
})
