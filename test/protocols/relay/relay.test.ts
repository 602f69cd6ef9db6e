import { secp256k1 } from '@noble/curves/secp256k1.js'
import t from 'tap'
import { openEnvelope } from '../../../src/core/envelope.ts'
import { toNanoseconds } from '../../../src/core/time.ts'
import { accept, ignore, reject, validateMeta } from '../../../src/core/validator.ts'
import { messageId } from '../../../src/protocols/relay/codec.ts'
import { disconnectGraylisted } from '../../../src/protocols/relay/graylist.ts'
import { protectedShards, signedDigest } from '../../../src/protocols/relay/protected-shard.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { envelope, messageBytes, testPubsubTopic } from '../../kit/messages.ts'
import { heartbeat, mesh, type RelayNode, relayNode } from '../../kit/relay.ts'

const topics = [testPubsubTopic, '/waku/2/rs/0/1']

t.test('a published message reaches a peer two hops away, byte for byte and once', async (t) => {
  const [a, b, c] = await Promise.all([relayNode(t, { topics }), relayNode(t, { topics }), relayNode(t, { topics })])
  for (const node of [a, b, c]) node.relay.subscribe(testPubsubTopic)
  await mesh(testPubsubTopic, a, b)
  await mesh(testPubsubTopic, b, c)
  const sent = Array.from({ length: 20 }, () => envelope())
  for (const one of sent) t.equal(await a.relay.publish(one), 1, 'sent to the one peer that is there')
  await c.until(sent.length)
  t.same(c.delivered.map(({ hash }) => hash).sort(), sent.map(({ hash }) => hash).sort())
  t.same(
    c.delivered.map(({ bytes }) => Buffer.from(bytes).toString('hex')).sort(),
    sent.map(({ bytes }) => Buffer.from(bytes).toString('hex')).sort(),
  )
  t.equal(a.delivered.length, 0, 'the publisher delivers its own messages itself')
})

t.test('a message that is no WakuMessage, too large or refused by a validator is not relayed', async (t) => {
  const refused = '/refused/1/x/proto'
  const validators = [
    validateMeta,
    ({ message }: { message: { contentTopic: string } }) =>
      message.contentTopic === refused ? reject('refused by the test') : accept,
  ]
  const [a, b, c] = await Promise.all([
    relayNode(t, { topics }),
    relayNode(t, { topics, validators, maxMessageBytes: 2000 }),
    relayNode(t, { topics }),
  ])
  for (const node of [a, b, c]) node.relay.subscribe(testPubsubTopic)
  await mesh(testPubsubTopic, a, b)
  await mesh(testPubsubTopic, b, c)
  const router = a.host.libp2p.services.relay
  await router.publish(testPubsubTopic, Buffer.from('no protobuf at all'))
  await router.publish(testPubsubTopic, messageBytes({ payload: Buffer.alloc(2001) }))
  await router.publish(testPubsubTopic, messageBytes({ meta: Buffer.alloc(65) }))
  await router.publish(testPubsubTopic, messageBytes({ contentTopic: refused }))
  const good = envelope({ meta: Buffer.alloc(64) })
  await a.relay.publish(good)
  await c.until(1)
  t.same(
    c.delivered.map(({ hash }) => hash),
    [good.hash],
    'the good one, sent last, is the only one to arrive',
  )
  t.match(await b.metrics.registry.getSingleMetricAsString('waypost_relay_verdicts_total'), /result="reject"} 4/)
  const score = (): number => b.host.libp2p.services.relay.score(a.peerId)
  await heartbeat(b, () => score() < 0)
  // Every twelve seconds the count is halved, which may be just now.
  t.ok(score() < -300, 'who sent them is trusted less: four invalid messages, squared, cost 1600, and two 400')
})

t.test('a peer that sends one invalid message after the other is disconnected', async (t) => {
  const refused = '/refused/1/x/proto'
  const judges = ({ message }: { message: { contentTopic: string } }) =>
    message.contentTopic === refused ? reject('refused by the test') : accept
  const [bad, good, node] = await Promise.all([
    relayNode(t, { topics }),
    relayNode(t, { topics }),
    relayNode(t, { topics, validators: [judges] }),
  ])
  for (const one of [bad, good, node]) one.relay.subscribe(testPubsubTopic)
  const router = node.host.libp2p.services.relay
  const watch = disconnectGraylisted({ router, libp2p: node.host.libp2p, log: silentLog() })
  t.teardown(() => watch[Symbol.dispose]())
  await mesh(testPubsubTopic, bad, node)
  await mesh(testPubsubTopic, good, node)
  for (let sent = 0; sent < 15; sent += 1) {
    await bad.host.libp2p.services.relay.publish(testPubsubTopic, messageBytes({ contentTopic: refused }))
    await good.relay.publish(envelope())
  }
  await heartbeat(node, () => !router.peers().includes(bad.peerId))
  t.same(router.peers(), [good.peerId], 'the other one stays')
})

t.test('a validator that must wait holds back its message and no other', async (t) => {
  const slow = '/slow/1/x/proto'
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const validator = ({ message }: { message: { contentTopic: string } }) =>
    message.contentTopic === slow ? released.then(() => accept) : accept
  const [a, b] = await Promise.all([relayNode(t, { topics }), relayNode(t, { topics, validators: [validator] })])
  for (const node of [a, b]) node.relay.subscribe(testPubsubTopic)
  await mesh(testPubsubTopic, a, b)
  const [first, second] = [envelope({ contentTopic: slow }), envelope()]
  await a.relay.publish(first)
  await a.relay.publish(second)
  await b.until(1)
  t.equal(b.delivered[0]?.hash, second.hash)
  release()
  await b.until(2)
  t.equal(b.delivered[1]?.hash, first.hash)
})

t.test('an ignored message is dropped without blame', async (t) => {
  const [a, b] = await Promise.all([
    relayNode(t, { topics }),
    relayNode(t, { topics, validators: [() => ignore('not today')] }),
  ])
  for (const node of [a, b]) node.relay.subscribe(testPubsubTopic)
  await mesh(testPubsubTopic, a, b)
  await a.relay.publish(envelope())
  await heartbeat(b)
  await heartbeat(b)
  t.equal(b.delivered.length, 0)
  t.match(await b.metrics.registry.getSingleMetricAsString('waypost_relay_verdicts_total'), /result="ignore"} 1/)
  t.ok(b.host.libp2p.services.relay.score(a.peerId) >= 0)
})

t.test('publishing says how many peers got the message', async (t) => {
  const [a, b] = await Promise.all([relayNode(t, { topics }), relayNode(t, { topics })])
  for (const node of [a, b]) node.relay.subscribe(testPubsubTopic)
  t.equal(await a.relay.publish(envelope()), 0, 'nobody is there')
  await mesh(testPubsubTopic, a, b)
  const one = envelope()
  t.equal(await a.relay.publish(one), 1)
  t.equal(await a.relay.publish(one), 1, 'a message that was relayed before: the peers that follow the topic have it')
  await b.until(1)
  t.equal(await b.relay.publish(one), 1, 'the same for one that came by gossip')
  t.equal(b.delivered.length, 1)
})

t.test('bytes go out once for each peer: what we publish, and what we pass on', async (t) => {
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => relayNode(t, { topics })))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three nodes')
  for (const node of [a, b, c]) node.relay.subscribe(testPubsubTopic)
  await mesh(testPubsubTopic, a, b)
  await mesh(testPubsubTopic, b, c)
  const sent = [envelope(), envelope({ payload: new Uint8Array(5000) })]
  for (const one of sent) await a.relay.publish(one)
  await c.until(2)
  await heartbeat(c)
  const size = sent.reduce((sum, { bytes }) => sum + bytes.length + testPubsubTopic.length, 0)
  t.equal(await bytesOut(a), size, 'published to one')
  t.equal(await bytesOut(b), size, 'passed on to one, not back to where it came from')
  t.equal(await bytesOut(c), 0, 'there was nobody to pass it on to')
})

t.test('following and leaving a topic are counted, and verdicts under the names of nim-libp2p', async (t) => {
  const [a, b] = await Promise.all([relayNode(t, { topics }), relayNode(t, { topics })])
  for (const node of [a, b, a]) node.relay.subscribe(testPubsubTopic)
  await mesh(testPubsubTopic, a, b)
  await a.relay.publish(envelope())
  await b.until(1)
  a.relay.unsubscribe(testPubsubTopic)
  a.relay.unsubscribe(testPubsubTopic)
  const counted = ({ metrics }: RelayNode, name: string) => metrics.registry.getSingleMetricAsString(name)
  t.match(await counted(a, 'libp2p_pubsub_subscriptions_total'), /total 1$/)
  t.match(await counted(a, 'libp2p_pubsub_unsubscriptions_total'), /total 1$/)
  t.match(await counted(b, 'libp2p_pubsub_validation_success_total'), /total 1$/)
  t.match(await counted(b, 'libp2p_pubsub_validation_failure_total'), /total 0$/)
})

t.test('only topics of the network can be followed', async (t) => {
  const a = await relayNode(t, { topics })
  t.throws(() => a.relay.subscribe('/waku/2/rs/9/9'), { code: 'relay/topic-not-allowed' })
  a.relay.subscribe(testPubsubTopic)
  t.same([...a.relay.topics], [testPubsubTopic])
  a.relay.unsubscribe(testPubsubTopic)
  t.same([...a.relay.topics], [])
})

t.test('the gossip id is the hash of the bytes alone', async (t) => {
  t.equal(
    Buffer.from(messageId(Buffer.from('abc'))).toString('hex'),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    'sha256, FIPS 180-4 example B.1',
  )
})

t.test('a protected shard takes signed messages of its key only', async (t) => {
  const key = secp256k1.utils.randomSecretKey()
  const now = Date.now()
  const verdicts: string[] = []
  const validator = protectedShards(
    new Map([[testPubsubTopic, secp256k1.getPublicKey(key)]]),
    () => now,
    (result) => verdicts.push(result),
  )
  const signed = (timestamp: bigint, ephemeral = false) => {
    const fields = { payload: Buffer.from('hello'), timestamp, ephemeral }
    const plain = envelope(fields)
    const meta = secp256k1.sign(signedDigest(testPubsubTopic, plain.message), key, { prehash: false })
    return openEnvelope(testPubsubTopic, messageBytes({ ...fields, meta }), now)
  }
  const time = toNanoseconds(now)
  t.same(validator(signed(time)), accept)
  t.same(validator(signed(time, true)), accept)
  t.match(validator(signed(time - 300_000_000_000n)), { result: 'reject' }, '300 s in the past')
  t.match(validator(signed(time + 300_000_000_000n)), { result: 'reject' }, '300 s in the future')
  t.same(validator(signed(time - 299_000_000_000n)), accept)
  t.match(validator(envelope({ timestamp: time })), { result: 'reject' }, 'not signed')
  t.match(validator(envelope({ timestamp: time, meta: Buffer.alloc(64) })), { result: 'reject' }, 'no signature')
  t.match(validator(signed(0n)), { result: 'reject' }, 'no time')
  const other = openEnvelope(testPubsubTopic, messageBytes({ timestamp: time, meta: signed(time).message.meta }), now)
  t.match(validator(other), { result: 'reject' }, 'the signature of another message')
  t.same(validator(envelope({}, '/waku/2/rs/0/1')), accept, 'other shards are free')
  t.equal(verdicts.filter((result) => result === 'Accept').length, 3)
})

/** Bytes of messages that a node has sent to others. */
async function bytesOut({ metrics }: RelayNode): Promise<number> {
  const { values } = await metrics.waku_relay_network_bytes_total.get()
  return values.filter(({ labels }) => labels.direction === 'out').reduce((sum, { value }) => sum + value, 0)
}
