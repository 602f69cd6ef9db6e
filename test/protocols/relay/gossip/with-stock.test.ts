/** Our router in one mesh with the stock one, over real sockets: what each takes from the other. */
import t, { type Test } from 'tap'
import { ignore } from '../../../../src/core/validator.ts'
import type { StackPiece } from '../../../../src/net/stack/stack.ts'
import { mesh as params } from '../../../../src/protocols/relay/params.ts'
import { envelope, testPubsubTopic as topic } from '../../../kit/messages.ts'
import { heartbeat, inMesh, mesh, type RelayNode, type RelayNodeOptions, relayNode } from '../../../kit/relay.ts'

const stock: ReadonlySet<StackPiece> = new Set(['router'])
const ours: ReadonlySet<StackPiece> = new Set()

const stockNode = (t: Test, options: Partial<RelayNodeOptions> = {}) =>
  relayNode(t, { topics: [topic], router: stock, ...options })
const ourNode = (t: Test, options: Partial<RelayNodeOptions> = {}) =>
  relayNode(t, { topics: [topic], router: ours, ...options })

function follow(...nodes: readonly RelayNode[]): void {
  for (const { relay } of nodes) relay.subscribe(topic)
}

async function dial(from: RelayNode, to: RelayNode): Promise<void> {
  const [address] = to.host.addresses()
  if (address === undefined) throw new Error('the node to dial does not listen')
  await from.host.libp2p.dial(address)
}

for (const [name, middle, ends] of [
  ['ours between two stock ones', ourNode, stockNode],
  ['a stock one between two of ours', stockNode, ourNode],
] as const) {
  t.test(`messages pass ${name}, byte for byte and once`, async (t) => {
    const [a, b, c] = await Promise.all([ends(t), middle(t), ends(t)])
    follow(a, b, c)
    await mesh(topic, a, b)
    await mesh(topic, b, c)
    const sizes = [0, 10, 1000, 16_000, 20_000, 70_000, 140_000]
    const sent = sizes.map((size) => envelope({ payload: Buffer.alloc(size, size % 251) }))
    for (const one of sent) t.equal(await a.relay.publish(one), 1)
    await c.until(sent.length)
    t.same(bytesOf(c), sent.map(({ bytes }) => Buffer.from(bytes).toString('hex')).sort())
    const back = envelope()
    await c.relay.publish(back)
    await a.until(1)
    t.same(
      a.delivered.map(({ hash }) => hash),
      [back.hash],
    )
    t.equal(c.delivered.length, sent.length)
  })

  t.test(`twelve around one, ${name}: those beside its mesh hear of a message, ask for it and get it`, async (t) => {
    const center = await middle(t)
    const around = await Promise.all(Array.from({ length: 12 }, () => ends(t)))
    follow(center, ...around)
    for (const node of around) await dial(node, center)
    await heartbeat(center, () => center.relay.subscribers(topic).length === around.length)
    await heartbeat(center)
    const inside = center.relay.meshPeers(topic)
    t.ok(inside.length <= params.high, `${inside.length} in the mesh`)
    const from = around.find(({ peerId }) => inside.includes(peerId))
    const sent = envelope()
    await from?.relay.publish(sent)
    await Promise.all(around.filter((node) => node !== from).map((node) => node.until(1)))
    for (const node of around) t.ok(node.delivered.length <= 1)
    await heartbeat(center)
    await heartbeat(center)
    const router = center.host.libp2p.services.relay
    for (const { peerId } of around) t.ok(router.score(peerId) >= 0, 'nobody grafts within the backoff')
  })
}

t.test('a mesh of both is within its bounds everywhere, and every message comes to all', async (t) => {
  const nodes = await Promise.all(
    Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? ourNode(t) : stockNode(t))),
  )
  follow(...nodes)
  for (const [index, node] of nodes.entries()) for (const other of nodes.slice(index + 1)) await dial(node, other)
  await Promise.all(nodes.map((node) => heartbeat(node, () => node.relay.subscribers(topic).length === 9)))
  await Promise.all(
    nodes.map((node) => heartbeat(node, () => within(node.relay.meshPeers(topic).length, params.low, params.high))),
  )
  const sent = nodes.map(() => envelope())
  await Promise.all(nodes.map((node, index) => node.relay.publish(sent[index] ?? envelope())))
  await Promise.all(nodes.map((node) => node.until(sent.length - 1)))
  for (const [index, node] of nodes.entries())
    t.same(
      node.delivered.map(({ hash }) => hash).sort(),
      sent
        .filter((_, other) => other !== index)
        .map(({ hash }) => hash)
        .sort(),
    )
})

for (const [name, holder, teller] of [
  ['ours does not send what a stock peer does not want', ourNode, stockNode],
  ['a stock peer does not send what ours does not want', stockNode, ourNode],
] as const) {
  t.test(`${name} (v1.2)`, async (t) => {
    const protocols = ['/meshsub/1.2.0']
    for (const { payload, told } of [
      { payload: Buffer.alloc(20_000), told: true },
      { payload: Buffer.alloc(1000), told: false },
    ]) {
      const { promise: released, resolve: release } = Promise.withResolvers<void>()
      const [source, held, has] = await Promise.all([
        ourNode(t, { protocols }),
        holder(t, { protocols, validators: [() => released.then(() => ({ result: 'accept' as const }))] }),
        teller(t, { protocols, validators: [() => new Promise(() => {})] }),
      ])
      follow(source, held, has)
      await mesh(topic, source, held)
      await mesh(topic, source, has)
      await mesh(topic, held, has)
      await source.relay.publish(envelope({ payload }))
      await heartbeat(held)
      await heartbeat(held)
      release()
      await held.until(1)
      await heartbeat(held)
      t.equal((await bytesOut(held)) === 0, told, `${payload.length} bytes`)
    }
  })
}

for (const protocol of ['/vac/waku/relay/2.0.0', '/meshsub/1.2.0', '/meshsub/1.1.0', '/meshsub/1.0.0'])
  t.test(`a peer that speaks ${protocol} only is in the mesh and is parted with`, async (t) => {
    const [one, other] = await Promise.all([ourNode(t), stockNode(t, { protocols: [protocol] })])
    follow(one, other)
    await mesh(topic, other, one)
    const [here, there] = [envelope(), envelope()]
    await one.relay.publish(here)
    await other.relay.publish(there)
    await Promise.all([one.until(1), other.until(1)])
    one.relay.unsubscribe(topic)
    await heartbeat(other, () => !other.relay.meshPeers(topic).includes(one.peerId))
    t.same(other.relay.meshPeers(topic), [])
  })

t.test('floodsub is not spoken', async (t) => {
  const node = await ourNode(t)
  const gossip = node.host.libp2p.getProtocols().filter((protocol) => /waku\/relay|sub\//.test(protocol))
  t.same(gossip.sort(), ['/meshsub/1.0.0', '/meshsub/1.1.0', '/meshsub/1.2.0', '/vac/waku/relay/2.0.0'])
})

t.test('a peer that leaves is forgotten, and is in the mesh again when it comes back', async (t) => {
  const [one, other] = await Promise.all([ourNode(t), stockNode(t)])
  follow(one, other)
  await mesh(topic, other, one)
  const router = one.host.libp2p.services.relay
  await other.host.libp2p.hangUp(one.host.libp2p.peerId)
  await heartbeat(one, () => router.peers().length === 0)
  t.same(router.subscribers(topic), [])
  await mesh(topic, other, one)
  await other.relay.publish(envelope())
  await one.until(1)
})

t.test('what ours ignores a stock peer is not blamed for', async (t) => {
  const [one, other] = await Promise.all([ourNode(t, { validators: [() => ignore('not today')] }), stockNode(t)])
  follow(one, other)
  await mesh(topic, other, one)
  await other.relay.publish(envelope())
  await heartbeat(one)
  t.ok(one.host.libp2p.services.relay.score(other.peerId) >= 0)
  await inMesh(one, other.peerId, topic)
})

function within(value: number, low: number, high: number): boolean {
  return value >= low && value <= high
}

function bytesOf({ delivered }: RelayNode): string[] {
  return delivered.map(({ bytes }) => Buffer.from(bytes).toString('hex')).sort()
}

/** Bytes of messages that a node has sent to others. */
async function bytesOut({ metrics }: RelayNode): Promise<number> {
  const { values } = await metrics.waku_relay_network_bytes_total.get()
  return values.filter(({ labels }) => labels.direction === 'out').reduce((sum, { value }) => sum + value, 0)
}
