/** The rules of gossipsub, each by its clause, with peers that the test plays and a clock that it sets. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../../src/core/errors.ts'
import { accept, ignore, reject, type Verdict } from '../../../../src/core/validator.ts'
import { messageIdKey } from '../../../../src/protocols/relay/codec.ts'
import { idontwantIds } from '../../../../src/protocols/relay/gossip/bounds.ts'
import { frameOf } from '../../../../src/protocols/relay/gossip/frames-out.ts'
import { idOf } from '../../../../src/protocols/relay/gossip/message-cache.ts'
import { newFrame } from '../../../../src/protocols/relay/gossip/message-frame.ts'
import { mesh } from '../../../../src/protocols/relay/params.ts'
import { type Played, Stage, topicA, topicB } from '../../../kit/gossip.ts'
import { holds } from '../../../kit/property.ts'

const message = (bytes = 40): Buffer => randomBytes(bytes)
const idFor = (data: Uint8Array): Uint8Array => idOf(messageIdKey(data))

function inMesh(stage: Stage, peers: readonly Played[]): Played[] {
  const ids = new Set(stage.router.meshPeers(topicA))
  return peers.filter(({ id }) => ids.has(id))
}

/** A router that follows the topic, with a mesh of peers that joined it by GRAFT. */
function meshed(
  count: number,
  options: ConstructorParameters<typeof Stage>[0] = {},
): { stage: Stage; peers: Played[] } {
  const stage = new Stage(options)
  stage.router.subscribe(topicA)
  const peers = stage.peers(count)
  for (const peer of peers) peer.says({ graft: [topicA] })
  for (const peer of peers) peer.heard()
  return { stage, peers }
}

// Membership (v1.0)

t.test('a peer is told first what we follow, and then of each change', async (t) => {
  const stage = new Stage()
  stage.router.subscribe(topicA)
  const peer = stage.peer('one', { follows: [] })
  t.same(peer.heard().subscriptions, [{ topic: topicA, subscribe: true }])
  stage.router.subscribe(topicB)
  t.same(peer.heard().subscriptions, [{ topic: topicB, subscribe: true }])
  stage.router.subscribe(topicB)
  t.same(peer.heard().subscriptions, [], 'what is followed is not followed again')
  stage.router.unsubscribe(topicA)
  t.same(peer.heard().subscriptions, [{ topic: topicA, subscribe: false }])
})

t.test('who follows a topic is known until it leaves the topic, or us', async (t) => {
  const stage = new Stage()
  const [one, other] = [stage.peer('one'), stage.peer('other')]
  t.same(stage.router.subscribers(topicA), ['one', 'other'])
  one.says({ subscriptions: [{ topic: topicA, subscribe: false }] })
  t.same(stage.router.subscribers(topicA), ['other'])
  other.leaves()
  t.same(stage.router.subscribers(topicA), [])
  t.same(stage.router.peers(), ['one'])
})

t.test('a dense mesh is built to D, and stays so', async (t) => {
  const stage = new Stage()
  const peers = stage.peers(20)
  stage.router.subscribe(topicA)
  t.equal(inMesh(stage, peers).length, mesh.degree)
  for (const peer of inMesh(stage, peers)) t.same(peer.heard().graft, [topicA])
  stage.beat(3)
  t.equal(inMesh(stage, peers).length, mesh.degree)
})

t.test('a sparse mesh takes whoever comes, at once, until it is not too small any more', async (t) => {
  const stage = new Stage()
  stage.router.subscribe(topicA)
  const peers = stage.peers(12)
  t.equal(inMesh(stage, peers).length, mesh.low)
  stage.beat()
  t.equal(inMesh(stage, peers).length, mesh.low, 'between Dlo and Dhi nothing is done')
  for (const peer of inMesh(stage, peers).slice(0, 2)) peer.leaves()
  stage.beat()
  t.equal(inMesh(stage, peers).length, mesh.degree, 'below Dlo it is filled up to D')
})

t.test('a mesh above Dhi is cut to D, and those who leave are told for how long', async (t) => {
  const { stage, peers } = meshed(8)
  const dialled = stage.peers(4, { dialled: true }, 'dialled')
  for (const peer of dialled) peer.says({ graft: [topicA] })
  for (const peer of dialled) peer.heard()
  t.equal(stage.router.meshPeers(topicA).length, 12, 'a full mesh takes those whom we dialled')
  stage.beat()
  t.equal(stage.router.meshPeers(topicA).length, mesh.degree)
  const told = [...peers, ...dialled].flatMap((peer) => peer.heard().prune)
  t.same(told, Array(6).fill({ topic: topicA, backoff: 60 }))
  t.ok(inMesh(stage, dialled).length >= mesh.outbound, 'Dout of those whom we dialled stay')
})

t.test('of a mesh that is cut, those with the best scores stay', async (t) => {
  const { stage, peers } = meshed(8)
  const dialled = stage.peers(4, { dialled: true }, 'dialled')
  const good = [...peers.slice(0, 3), ...dialled.slice(0, 3)]
  for (const peer of dialled) peer.says({ graft: [topicA] })
  for (const peer of good) peer.sends(message())
  stage.beat()
  t.same(
    inMesh(stage, [...peers, ...dialled])
      .map(({ id }) => id)
      .sort(),
    good.map(({ id }) => id).sort(),
  )
})

t.test('leaving a topic prunes its mesh with a short backoff', async (t) => {
  const { stage, peers } = meshed(3)
  stage.router.unsubscribe(topicA)
  for (const peer of peers) t.same(peer.heard().prune, [{ topic: topicA, backoff: 5 }])
  t.same(stage.router.meshPeers(topicA), [])
  stage.router.subscribe(topicA)
  t.same(stage.router.meshPeers(topicA), [], 'within the backoff they are left alone')
  stage.beat(8)
  t.equal(stage.router.meshPeers(topicA).length, 3)
})

t.test('what is published without following goes to all, and a fanout hears of it', async (t) => {
  const stage = new Stage()
  const peers = stage.peers(10)
  const data = message()
  t.equal(stage.router.publish(topicA, data), 10)
  stage.beat()
  const told = peers.filter((peer) => peer.heard().ihave.length > 0)
  t.equal(told.length, 10 - mesh.degree, 'those beside the fanout are told')
  stage.router.subscribe(topicA)
  t.same(
    inMesh(stage, peers)
      .map(({ id }) => id)
      .sort(),
    peers
      .filter((peer) => !told.includes(peer))
      .map(({ id }) => id)
      .sort(),
    'the fanout becomes the mesh',
  )
})

t.test('a fanout is forgotten a minute after the last message', async (t) => {
  const stage = new Stage()
  const peers = stage.peers(10)
  stage.router.publish(topicA, message())
  stage.beat(50)
  stage.router.publish(topicA, message())
  for (const peer of peers) peer.heard()
  stage.beat(50)
  t.equal(peers.filter((peer) => peer.heard().ihave.length > 0).length, 4, 'kept by the second message')
  const [topic] = peers[0]?.peer.topics ?? []
  t.equal(topic?.fanout.size, mesh.degree)
  stage.beat(20)
  t.equal(topic?.fanout.size, 0)
})

// Messages

t.test('a message is delivered and goes to the mesh, not to where it came from, in the bytes it came in', async (t) => {
  const { stage, peers } = meshed(4)
  const [from, ...others] = peers
  const data = message()
  from?.sends(data)
  t.same(stage.delivered, [{ data, from: from?.id }])
  t.same(stage.forwarded, [3])
  t.same(from?.heard().messages, [])
  const frames = others.map((peer) => peer.frames())
  t.same(new Set(frames.map(([frame]) => frame)).size, 1, 'one buffer for all')
  for (const peer of others) peer.sends(data)
  t.equal(stage.delivered.length, 1, 'once')
  t.same(stage.forwarded, [3])
  t.equal(stage.seen.length, 4, 'each copy is counted before it is judged')
})

t.test('a message is remembered for two minutes', async (t) => {
  const { stage, peers } = meshed(1)
  const data = message()
  peers[0]?.sends(data)
  stage.beat(119)
  peers[0]?.sends(data)
  t.equal(stage.delivered.length, 1)
  stage.beat(242)
  peers[0]?.sends(data)
  t.equal(stage.delivered.length, 2, 'and not for ever')
})

t.test('what is published goes to all who follow the topic, once, and is known from then on', async (t) => {
  const { stage, peers } = meshed(4)
  const other = stage.peer('elsewhere', { follows: [topicB] })
  const outside = stage.peer('outside')
  const data = message()
  t.equal(stage.router.publish(topicA, data), 5, 'v1.1, flood publishing')
  t.equal(stage.router.publish(topicA, data), undefined)
  for (const peer of [...peers, outside]) t.same(peer.heard().messages, [data])
  t.same(other.heard().messages, [])
  peers[0]?.sends(data)
  t.same(stage.delivered, [], 'who published it has it')
})

t.test('rejected costs the sender, ignored costs nobody, and neither is passed on', async (t) => {
  const verdicts: Verdict[] = [reject('bad'), ignore('meh')]
  const { stage, peers } = meshed(3, { judge: () => verdicts.shift() ?? accept })
  const [bad, meh, other] = peers
  bad?.sends(message())
  meh?.sends(message())
  t.ok((bad?.score ?? 0) <= -99)
  t.ok((meh?.score ?? -1) >= 0)
  t.same(stage.delivered, [])
  t.same(other?.heard().messages, [])
  other?.sends(message())
  t.equal(stage.delivered.length, 1, 'the next is judged by itself')
})

t.test('a copy of a rejected message costs its sender too, and is not judged again', async (t) => {
  let judged = 0
  const { peers } = meshed(2, {
    judge: () => {
      judged += 1
      return reject('bad')
    },
  })
  const data = message()
  for (const peer of peers) peer.sends(data)
  t.equal(judged, 1)
  for (const peer of peers) t.ok(peer.score < -90)
})

t.test('a validator that must wait holds back its message, and who sent it meanwhile shares its fate', async (t) => {
  const { promise, resolve } = Promise.withResolvers<Verdict>()
  const verdicts: (Verdict | Promise<Verdict>)[] = [promise]
  const { stage, peers } = meshed(3, { judge: () => verdicts.shift() ?? accept })
  const [one, two, three] = peers
  const [slow, quick] = [message(), message()]
  one?.sends(slow)
  two?.sends(slow)
  three?.sends(quick)
  t.same(
    stage.delivered.map(({ data }) => data),
    [quick],
  )
  one?.heard()
  two?.heard()
  resolve(accept)
  await promise
  await Promise.resolve()
  t.equal(stage.delivered.length, 2)
  t.same(two?.heard().messages, [], 'it has it')
  t.same(three?.heard().messages, [slow])
})

t.test('what waits for validators is bounded', async (t) => {
  const { promise, resolve } = Promise.withResolvers<Verdict>()
  const { stage, peers } = meshed(1, { judge: () => promise })
  const mate = stage.peer('mate', { protocol: '/meshsub/1.2.0' })
  mate.says({ graft: [topicA] })
  const sent = Array.from({ length: 1099 }, () => message())
  for (const data of sent) peers[0]?.sends(data)
  t.equal(stage.dropped.length, 1099 - 1024)
  mate.heard()
  peers[0]?.sends(message(16 * 1024))
  t.equal(stage.dropped.length, 1100 - 1024)
  t.same(mate.heard().idontwant, [], 'of what is dropped nobody is told')
  resolve(accept)
  await promise
  await Promise.resolve()
  t.equal(stage.delivered.length, 1024)
  peers[0]?.sends(sent.at(-1) ?? message())
  await promise
  await Promise.resolve()
  t.equal(stage.delivered.length, 1025, 'what was dropped may come again')
})

t.test(
  'a validator that never answers gives its place up in half a minute, and what it says then counts no more',
  async (t) => {
    const verdicts = Array.from({ length: 1025 }, () => Promise.withResolvers<Verdict>())
    let judged = 0
    const { stage, peers } = meshed(2, {
      judge: () => {
        judged += 1
        return verdicts[judged - 1]?.promise ?? accept
      },
    })
    const [one, other] = peers
    const [first, second, third] = [message(), message(), message()]
    one?.sends(first)
    stage.beat(15)
    for (let sent = 0; sent < 1022; sent += 1) one?.sends(message())
    one?.sends(second)
    one?.sends(third)
    t.equal(stage.dropped.length, 1, 'all places are taken')
    stage.beat(14)
    t.equal(stage.dropped.length, 1)
    stage.beat()
    t.equal(stage.dropped.length, 2, 'that of the first is free, and those that came later wait')
    other?.sends(first)
    t.equal(judged, 1025, 'it is not judged again')
    other?.sends(third)
    t.equal(judged, 1026)
    t.same(stage.delivered, [{ data: third, from: other?.id }])
    verdicts[0]?.resolve(reject('late'))
    verdicts[1023]?.resolve(accept)
    await Promise.all([verdicts[0]?.promise, verdicts[1023]?.promise])
    await Promise.resolve()
    t.ok((one?.score ?? -1) >= 0, 'nobody is blamed for what comes late')
    t.same(stage.delivered.at(-1), { data: second, from: one?.id }, 'in time it counts')
    stage.beat(31)
    t.equal(stage.dropped.length, 2 + 1022)
  },
)

/** A router that follows two topics, of which the second refuses all; its peers are in both meshes. */
function guarded(count: number): { stage: Stage; peers: Played[] } {
  const { stage, peers } = meshed(count, { judge: ({ topic }) => (topic === topicB ? reject('protected') : accept) })
  stage.router.subscribe(topicB)
  for (const peer of peers) peer.says({ subscriptions: [{ topic: topicB, subscribe: true }], graft: [topicB] })
  for (const peer of peers) peer.heard()
  return { stage, peers }
}

t.test('bytes that are refused in one topic pass in another, and who brings them there is not blamed', async (t) => {
  const { stage, peers } = guarded(3)
  const [bad, honest, other] = peers
  const data = message()
  bad?.sends(data, topicB)
  honest?.sends(data)
  t.same(stage.delivered, [{ data, from: honest?.id }])
  t.ok((honest?.score ?? -1) >= 0)
  t.same(other?.heard().messages, [data])
  other?.sends(data, topicB)
  t.ok((other?.score ?? 0) < -90, 'a copy in the topic that refused them costs')
})

t.test('bytes that were refused can be published, in another topic and in the same', async (t) => {
  const { stage, peers } = guarded(2)
  const data = message()
  peers[0]?.sends(data, topicB)
  t.equal(stage.router.publish(topicA, data), 2)
  t.equal(stage.router.publish(topicA, data), undefined, 'once')
  t.equal(stage.router.publish(topicB, data), 2, 'whoever publishes has judged it')
})

t.test('bytes that were refused in one topic are asked for when they are told of in another', async (t) => {
  const { peers } = guarded(2)
  const [bad, honest] = peers
  const data = message()
  bad?.sends(data, topicB)
  honest?.says({ ihave: [{ topic: topicB, ids: [idFor(data)] }] })
  t.same(honest?.heard().iwant, [])
  honest?.says({ ihave: [{ topic: topicA, ids: [idFor(data)] }] })
  t.same(honest?.heard().iwant.map(Buffer.from), [Buffer.from(idFor(data))])
})

t.test('who asks for bytes that are in two topics gets both', async (t) => {
  const { stage, peers } = meshed(2)
  stage.router.subscribe(topicB)
  const data = message()
  peers[0]?.sends(data)
  peers[0]?.sends(data, topicB)
  t.equal(stage.delivered.length, 2)
  const beside = stage.peer('beside', { follows: [] })
  beside.heard()
  beside.says({ iwant: [idFor(data)] })
  t.same(beside.heard().messages, [data, data])
})

t.test('bytes that wait in two topics have two fates, and who sends them twice is blamed once', async (t) => {
  const [inA, inB] = [Promise.withResolvers<Verdict>(), Promise.withResolvers<Verdict>()]
  const { stage, peers } = meshed(2, { judge: ({ topic }) => (topic === topicA ? inA : inB).promise })
  const [one, other] = peers
  stage.router.subscribe(topicB)
  const data = message()
  other?.sends(data)
  one?.sends(data, topicB)
  one?.sends(data, topicB)
  inB.resolve(reject('bad'))
  await inB.promise
  await Promise.resolve()
  t.ok((one?.score ?? 0) <= -99 && (one?.score ?? 0) > -110, 'P4 of 1')
  t.ok((other?.score ?? -1) >= 0)
  inA.resolve(accept)
  await inA.promise
  await Promise.resolve()
  t.same(stage.delivered, [{ data, from: other?.id }])
})

t.test('a message that is signed is refused, and its sender pays', async (t) => {
  const { stage, peers } = meshed(1)
  const inner = Buffer.concat([
    Buffer.from([0x12, 4]),
    Buffer.from('data'),
    Buffer.from([0x22, topicA.length]),
    Buffer.from(topicA),
  ])
  const entry = (extra: readonly number[]) => {
    const bytes = Buffer.concat([inner, Buffer.from(extra)])
    return Buffer.concat([Buffer.from([0x12, bytes.length]), bytes])
  }
  peers[0]?.sendsBody(entry([0x2a, 1, 1]))
  t.same(stage.delivered, [])
  t.ok((peers[0]?.score ?? 0) < -90)
  peers[0]?.sendsBody(entry([]))
  t.equal(stage.delivered.length, 1, 'the same without a signature passes')
})

t.test('the same data with other bytes around it is the same message', async (t) => {
  const { stage, peers } = meshed(2)
  const data = message()
  peers[0]?.sends(data)
  const field = (tag: number, bytes: Uint8Array) => Buffer.concat([Buffer.from([tag, bytes.length]), bytes])
  const body = field(0x12, Buffer.concat([field(0x22, Buffer.from(topicA)), field(0x12, data), field(0x3a, message())]))
  peers[1]?.sendsBody(body)
  t.equal(stage.delivered.length, 1)
})

t.test('messages of topics that we may not follow, or do not, go no further', async (t) => {
  const judged: string[] = []
  const { stage, peers } = meshed(2, {
    judge: ({ topic }) => {
      judged.push(topic)
      return topic === topicA ? accept : ignore('not followed')
    },
  })
  peers[0]?.sends(message(), '/waku/2/rs/9/9')
  t.same([stage.seen.length, judged.length], [0, 0], 'nobody is even told of it')
  peers[0]?.sends(message(), topicB)
  t.same(judged, [topicB], 'this one is counted')
  t.same(stage.delivered, [])
  t.ok((peers[0]?.score ?? -1) >= 0, 'without blame')
})

t.test('a message above the limit is judged without being hashed, and at the limit it passes', async (t) => {
  const { stage, peers } = meshed(1, {
    maxMessageBytes: 1000,
    judge: ({ data }) => (data.length > 1000 ? reject('too large') : accept),
  })
  peers[0]?.sends(message(1000))
  t.equal(stage.delivered.length, 1)
  peers[0]?.sends(message(1001))
  t.equal(stage.delivered.length, 1)
  t.ok((peers[0]?.score ?? 0) < -90)
})

// GRAFT and PRUNE (v1.1)

t.test('a peer that was pruned is left alone for a minute, or for as long as it says', async (t) => {
  const { stage, peers } = meshed(3)
  const [one, two, three] = peers
  one?.says({ prune: [{ topic: topicA, backoff: undefined }] })
  two?.says({ prune: [{ topic: topicA, backoff: 120 }] })
  stage.beat(55)
  t.same(stage.router.meshPeers(topicA), [three?.id])
  stage.beat(10)
  t.same(new Set(stage.router.meshPeers(topicA)), new Set([one?.id, three?.id]))
  stage.beat(60)
  t.equal(stage.router.meshPeers(topicA).length, 3)
})

t.test('GRAFT within the backoff is refused and costs, and far too soon it costs more', async (t) => {
  const { stage, peers } = meshed(2)
  const [soon, late] = peers
  stage.router.unsubscribe(topicA)
  stage.beat(6)
  stage.router.subscribe(topicA)
  for (const peer of peers) peer.says({ prune: [{ topic: topicA, backoff: undefined }] })
  for (const peer of peers) peer.heard()
  soon?.says({ graft: [topicA] })
  stage.wait(20_000)
  late?.says({ graft: [topicA] })
  t.same(stage.router.meshPeers(topicA), [])
  for (const peer of peers) t.same(peer.heard().prune, [{ topic: topicA, backoff: 60 }])
  t.ok((soon?.score ?? 0) <= -39, 'P7 of 2, squared')
  t.ok((late?.score ?? 0) <= -9 && (late?.score ?? 0) > -11, 'P7 of 1')
  const control = stage.peer('patient')
  control.says({ graft: [topicA] })
  t.same(stage.router.meshPeers(topicA), ['patient'])
  t.ok(control.score >= 0)
})

t.test('a GRAFT that was lost with its stream is said again on the next', async (t) => {
  const stage = new Stage()
  stage.router.subscribe(topicA)
  const [peer, outside] = [stage.peer('one'), stage.peer('outside', { follows: [] })]
  for (const lost of [peer, outside]) {
    lost.breaks()
    lost.opens()
  }
  t.same(stage.router.meshPeers(topicA), ['one'])
  t.same(peer.heard(), { ...outside.heard(), graft: [topicA] })
})

t.test('a PRUNE that was lost with its stream is said again on the next, for the time that is left', async (t) => {
  const { stage, peers } = meshed(8)
  const [member] = peers
  const [ninth, old] = [stage.peer('ninth'), stage.peer('old', { protocol: '/meshsub/1.0.0' })]
  for (const peer of [ninth, old]) peer.says({ graft: [topicA] })
  for (const peer of [ninth, old, member]) peer?.breaks()
  stage.wait(20_500)
  for (const peer of [ninth, old, member]) peer?.opens()
  t.same(ninth.heard().prune, [{ topic: topicA, backoff: 40 }])
  t.same(old.heard().prune, [{ topic: topicA, backoff: undefined }])
  t.same(member?.heard().prune, [], 'who is in the mesh is not')
  ninth.breaks()
  stage.beat(120)
  ninth.opens()
  t.same(ninth.heard().prune, [{ topic: topicA, backoff: 5 }], 'when it is over, for a moment')
  stage.beat(31)
  ninth.breaks()
  ninth.opens()
  t.same(ninth.heard().prune, [], 'who had half a minute to read it knows')
})

t.test('a PRUNE of a peer that came into the mesh since is not said again', async (t) => {
  const { stage, peers } = meshed(3)
  const [one] = peers
  stage.router.unsubscribe(topicA)
  stage.router.subscribe(topicA)
  one?.breaks()
  one?.opens()
  t.equal(one?.heard().prune.length, 1, 'control')
  stage.beat(10)
  one?.breaks()
  one?.opens()
  const { graft, prune } = one?.heard() ?? {}
  t.same([graft, prune], [[topicA], []])
})

t.test('that a topic is left is said again when the stream broke, and to nobody else', async (t) => {
  const { stage, peers } = meshed(1)
  stage.router.unsubscribe(topicA)
  const [one] = peers
  one?.breaks()
  one?.opens()
  const { subscriptions, prune } = one?.heard() ?? {}
  t.same(subscriptions, [{ topic: topicA, subscribe: false }])
  t.same(prune, [{ topic: topicA, backoff: 5 }])
  t.same(stage.peer('new', { follows: [] }).frames(), [], 'a new peer is told of nothing')
})

t.test('who cannot be reached for long loses its places to others, and is told when it can', async (t) => {
  const { stage, peers } = meshed(4)
  const [lost, ...others] = peers
  lost?.breaks()
  stage.beat()
  t.equal(stage.router.meshPeers(topicA).length, 4, 'a stream may break')
  if (lost !== undefined) stage.router.unreachable(lost.peer)
  const next = stage.peer('next')
  t.same(new Set(stage.router.meshPeers(topicA)), new Set([...others, next].map(({ id }) => id)))
  t.same(lost?.heard().prune, [{ topic: topicA, backoff: 60 }])
  t.ok((lost?.score ?? -1) >= 0, 'it costs nothing')
})

t.test('who sends GRAFT before our stream to it is open is in the mesh when it is', async (t) => {
  const stage = new Stage()
  stage.router.subscribe(topicA)
  const [early, parted, left] = ['early', 'parted', 'left'].map((id) => stage.peer(id, { open: false }))
  for (const peer of [early, parted, left]) peer?.says({ graft: [topicA] })
  parted?.says({ prune: [{ topic: topicA, backoff: 60 }] })
  left?.says({ subscriptions: [{ topic: topicA, subscribe: false }] })
  stage.beat()
  t.same(stage.router.meshPeers(topicA), [], 'nobody takes a place who cannot be reached')
  for (const peer of [early, parted, left]) peer?.opens()
  t.same(stage.router.meshPeers(topicA), ['early'])
  t.same(early?.heard().prune, [])
})

t.test('who sent GRAFT early is told when the mesh has no place for it', async (t) => {
  const early = { open: false, follows: [] }
  const { stage } = meshed(8)
  const [ninth, dialled] = [stage.peer('ninth', early), stage.peer('dialled', { ...early, dialled: true })]
  for (const peer of [ninth, dialled]) {
    peer.says({ graft: [topicA] })
    peer.opens()
  }
  t.same(ninth.heard().prune, [{ topic: topicA, backoff: 60 }])
  t.same(dialled.heard().prune, [])
  t.ok(stage.router.meshPeers(topicA).includes('dialled'))
})

t.test('GRAFT for a topic that we do not follow is not answered', async (t) => {
  const { stage, peers } = meshed(1)
  peers[0]?.says({ graft: [topicB, '/waku/2/rs/9/9', 'nonsense'] })
  t.same(peers[0]?.heard().prune, [])
  t.same(stage.router.meshPeers(topicB), [])
  t.ok((peers[0]?.score ?? -1) >= 0)
})

t.test('GRAFT of a peer with a negative score, or into a full mesh, is refused', async (t) => {
  const { stage } = meshed(8)
  const ninth = stage.peer('ninth')
  ninth.says({ graft: [topicA] })
  t.same(ninth.heard().prune, [{ topic: topicA, backoff: 60 }])
  const dialled = stage.peer('dialled', { dialled: true })
  dialled.says({ graft: [topicA] })
  t.same(dialled.heard().prune, [], 'one that we dialled comes in')
  const { stage: empty } = meshed(0, { judge: () => reject('bad') })
  const bad = empty.peer('bad', { follows: [] })
  bad.sends(message())
  bad.says({ graft: [topicA] })
  t.same(bad.heard().prune, [{ topic: topicA, backoff: 60 }])
  t.same(empty.router.meshPeers(topicA), [])
})

t.test('a peer in the mesh whose score falls below zero is pruned at the heartbeat', async (t) => {
  const { stage, peers } = meshed(5, { judge: ({ data }) => (data[0] === 0 ? reject('bad') : accept) })
  peers[0]?.sends(Buffer.alloc(10))
  stage.beat()
  t.equal(inMesh(stage, peers).length, 4)
  t.same(peers[0]?.heard().prune, [{ topic: topicA, backoff: 60 }])
})

t.test('a peer of v1.0 is not told a backoff, and keeps one all the same', async (t) => {
  const stage = new Stage()
  stage.router.subscribe(topicA)
  const old = stage.peer('old', { protocol: '/meshsub/1.0.0' })
  old.says({ graft: [topicA] })
  stage.router.unsubscribe(topicA)
  t.same(old.heard().prune, [{ topic: topicA, backoff: undefined }])
  stage.router.subscribe(topicA)
  t.same(stage.router.meshPeers(topicA), [])
})

t.test('PRUNE with a thousand records of other peers has us dial nobody, and a backoff without end ends', async (t) => {
  const { stage, peers } = meshed(1)
  const px = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from([0x12, 3, 0x0a, 1, 7])))
  const name = Buffer.concat([Buffer.from([0x0a, topicA.length]), Buffer.from(topicA)])
  const backoff = Buffer.from([0x18, ...Array(9).fill(0xff), 0x01])
  const field = (tag: number, bytes: Uint8Array) => {
    const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7]
    return Buffer.concat([Buffer.from([tag, ...length]), bytes])
  }
  peers[0]?.sendsBody(field(0x1a, field(0x22, Buffer.concat([name, px, backoff]))))
  t.same(stage.router.meshPeers(topicA), [])
  t.same(stage.router.peers(), ['peer-0'])
  stage.wait(61 * 60_000)
  stage.beat(2)
  t.same(stage.router.meshPeers(topicA), ['peer-0'], 'an hour is the longest')
})

t.test('who asks to be left alone for long and leaves is left alone for no longer than is usual', async (t) => {
  const { stage, peers } = meshed(2)
  for (const peer of peers) peer.says({ prune: [{ topic: topicA, backoff: 3600 }] })
  peers[0]?.leaves()
  stage.beat(55)
  const back = stage.peer('peer-0')
  t.same(stage.router.meshPeers(topicA), [], 'within a minute it is')
  stage.beat(10)
  t.same(stage.router.meshPeers(topicA), [back.id])
})

// Gossip (v1.0, v1.1)

t.test('a lost message is repaired: told of, asked for, sent, delivered', async (t) => {
  const { stage: here, peers: near } = meshed(8)
  const [away] = [here.peer('away')]
  const data = message()
  near[0]?.sends(data)
  t.same(away.heard().messages, [], 'it is not in the mesh')
  here.beat()
  const { ihave } = away.heard()
  t.same(
    ihave.map(({ topic, ids }) => [topic, ids.map((id) => Buffer.from(id).toString('hex'))]),
    [[topicA, [Buffer.from(idFor(data)).toString('hex')]]],
  )
  const { stage: there } = meshed(1)
  const teller = there.peer('teller')
  teller.says({ ihave })
  const { iwant } = teller.heard()
  t.equal(iwant.length, 1)
  away.says({ iwant })
  t.same(away.heard().messages, [data])
  teller.sends(data)
  t.same(there.delivered, [{ data, from: 'teller' }])
  there.beat(5)
  t.ok(teller.score >= 0, 'the promise was kept')
})

t.test('messages are told of for three heartbeats and can be asked for in six', async (t) => {
  const { stage, peers } = meshed(8)
  const away = stage.peer('away')
  const data = message()
  peers[0]?.sends(data)
  for (const [beat, told] of [1, 1, 1, 0].entries()) {
    stage.beat()
    t.equal(away.heard().ihave.length, told, `heartbeat ${beat + 1}`)
  }
  stage.beat()
  away.says({ iwant: [idFor(data)] })
  t.equal(away.heard().messages.length, 1)
  stage.beat()
  away.says({ iwant: [idFor(data)] })
  t.equal(away.heard().messages.length, 0)
})

t.test('gossip goes to Dlazy peers, or to a quarter of all', async (t) => {
  const { stage, peers } = meshed(6)
  const few = stage.peers(10, {}, 'few')
  peers[0]?.sends(message())
  stage.beat()
  t.equal(few.filter((peer) => peer.heard().ihave.length > 0).length, mesh.lazy)
  const many = stage.peers(30, {}, 'many')
  peers[0]?.sends(message())
  stage.beat()
  t.equal([...few, ...many].filter((peer) => peer.heard().ihave.length > 0).length, 10)
})

t.test('a message is sent three times to who asks again and again', async (t) => {
  const { stage, peers } = meshed(2)
  const data = message()
  peers[0]?.sends(data)
  const asker = stage.peer('asker')
  for (let asked = 0; asked < 5; asked += 1) {
    asker.says({ iwant: [idFor(data), idFor(data)] })
  }
  t.equal(asker.heard().messages.length, 3)
  const other = stage.peer('other')
  other.says({ iwant: [idFor(data)] })
  t.equal(other.heard().messages.length, 1, 'each peer has its own count')
})

t.test('IWANT is answered ten times in a heartbeat', async (t) => {
  const { stage, peers } = meshed(2)
  const sent = Array.from({ length: 12 }, () => message())
  for (const data of sent) peers[0]?.sends(data)
  const asker = stage.peer('asker')
  for (const data of sent) asker.says({ iwant: [idFor(data)] })
  t.equal(asker.heard().messages.length, 10)
  stage.beat()
  for (const data of sent.slice(10)) asker.says({ iwant: [idFor(data)] })
  t.equal(asker.heard().messages.length, 2)
})

t.test('an IHAVE flood is answered ten times, and for five thousand ids, in a heartbeat', async (t) => {
  const { stage } = meshed(1)
  const flooder = stage.peer('flooder')
  const ids = (count: number) => Array.from({ length: count }, () => randomBytes(32))
  for (let sent = 0; sent < 15; sent += 1) flooder.says({ ihave: [{ topic: topicA, ids: ids(10) }] })
  t.equal(flooder.heard().iwant.length, 100)
  stage.beat()
  flooder.says({ ihave: [{ topic: topicA, ids: ids(4000) }] })
  flooder.says({ ihave: [{ topic: topicA, ids: ids(4000) }] })
  flooder.says({ ihave: [{ topic: topicA, ids: ids(4000) }] })
  t.equal(flooder.heard().iwant.length, 5000)
})

t.test('IHAVE of topics that we do not follow, and of what we have, is not answered', async (t) => {
  const { stage, peers } = meshed(2)
  const data = message()
  peers[0]?.sends(data)
  const teller = stage.peer('teller')
  teller.says({
    ihave: [
      { topic: topicB, ids: [randomBytes(32)] },
      { topic: topicA, ids: [idFor(data)] },
    ],
  })
  t.same(teller.heard().iwant, [])
  teller.says({ ihave: [{ topic: topicA, ids: [randomBytes(32)] }] })
  t.equal(teller.heard().iwant.length, 1)
})

t.test('broken promises cost, and a flood of them ends in the graylist', async (t) => {
  const { stage } = meshed(1)
  const liar = stage.peer('liar')
  const honest = stage.peer('honest')
  for (let beat = 0; beat < 40; beat += 1) {
    for (let told = 0; told < 10; told += 1) liar.says({ ihave: [{ topic: topicA, ids: [randomBytes(32)] }] })
    const kept = message()
    honest.says({ ihave: [{ topic: topicA, ids: [idFor(kept)] }] })
    honest.sends(kept)
    stage.beat()
  }
  t.ok(liar.score < -100, 'nothing more is asked of it')
  liar.heard()
  liar.says({ ihave: [{ topic: topicA, ids: [randomBytes(32)] }] })
  t.same(liar.heard().iwant, [])
  t.ok(honest.score > 0)
})

t.test('promises have until the next heartbeat when one of ours was held up, and no longer', async (t) => {
  const { stage } = meshed(1)
  const [honest, liar] = [stage.peer('honest'), stage.peer('liar')]
  const data = message()
  honest.says({ ihave: [{ topic: topicA, ids: [idFor(data)] }] })
  liar.says({ ihave: [{ topic: topicA, ids: [randomBytes(32)] }] })
  stage.wait(10_000)
  stage.beat()
  t.ok(honest.score >= 0 && liar.score >= 0, 'what they sent may not be read yet')
  honest.sends(data)
  // It is late again: whoever is always late would never punish anybody.
  stage.wait(10_000)
  stage.beat()
  t.ok(honest.score >= 0)
  t.ok(liar.score < 0)
  liar.says({ ihave: [{ topic: topicA, ids: [randomBytes(32)] }] })
  const before = liar.score
  stage.beat(5)
  t.ok(liar.score < before * 2, 'in time it is held to three seconds')
})

// Thresholds (v1.1)

t.test('below the thresholds there is no gossip, no publishing, and then no hearing', async (t) => {
  const { stage, peers } = meshed(2, { judge: ({ data }) => (data[0] === 0 ? reject('bad') : accept) })
  const data = Buffer.concat([Buffer.from([1]), message()])
  peers[0]?.sends(data)
  const sinner = stage.peer('sinner')
  const sin = (times: number) => {
    for (let sinned = 0; sinned < times; sinned += 1) sinner.sends(Buffer.concat([Buffer.from([0]), message()]))
  }
  const good = () => Buffer.concat([Buffer.from([1]), message()])
  sinner.says({ iwant: [idFor(data)] })
  t.equal(sinner.heard().messages.length, 1, 'control: above all thresholds')
  sin(2)
  t.equal(Math.round(sinner.score), -400)
  sinner.says({ iwant: [idFor(data)] })
  t.equal(sinner.heard().messages.length, 0, 'below -100 no gossip')
  stage.router.publish(topicA, good())
  t.equal(sinner.heard().messages.length, 1, 'but what we publish')
  sin(2)
  stage.router.publish(topicA, good())
  t.equal(sinner.heard().messages.length, 0, 'below -1,000 not that either')
  const before = stage.delivered.length
  sinner.sends(good())
  t.equal(stage.delivered.length, before + 1, 'and it is heard')
  sin(7)
  t.ok(sinner.score < -10_000)
  sinner.sends(good())
  t.equal(stage.delivered.length, before + 1, 'below -10,000 it is not')
})

t.test('connections of one address above the limit cost all of them, except on shared addresses', async (t) => {
  const stage = new Stage()
  const sybils = stage.peers(8, { ip: '9.9.9.9' }, 'sybil')
  const neighbours = stage.peers(8, { ip: '127.0.0.1' }, 'neighbour')
  stage.beat()
  for (const peer of sybils) t.equal(peer.score, -50 * 9, '8 - 5, squared')
  for (const peer of neighbours) t.equal(peer.score, 0)
  stage.router.changeColocationLimit(7)
  stage.beat()
  for (const peer of sybils) t.equal(peer.score, -50)
  stage.router.changeColocationLimit(0)
  stage.beat()
  for (const peer of sybils) t.equal(peer.score, 0, 'off')
  stage.router.changeColocationLimit(5)
  for (const peer of sybils.slice(0, 4)) peer.leaves()
  stage.beat()
  t.same(new Set(sybils.map(({ score }) => score)), new Set([0]), 'those who left do not count')
})

t.test('a bad score waits for a peer that leaves and comes back, for ten minutes; a good one does not', async (t) => {
  const { stage, peers } = meshed(1, { judge: ({ data }) => (data[0] === 0 ? reject('bad') : accept) })
  const bad = stage.peer('bad')
  bad.sends(Buffer.alloc(10))
  peers[0]?.sends(Buffer.from([1, 2, 3]))
  stage.beat()
  bad.leaves()
  peers[0]?.leaves()
  stage.beat()
  t.ok(stage.peer('bad').score < -20)
  t.equal(stage.peer('peer-0').score, 0)
  const [again] = [stage.peer('again')]
  again.sends(Buffer.from([0, 1]))
  again.leaves()
  stage.beat(601)
  t.equal(stage.peer('again').score, 0)
})

t.test('scores decay every twelve seconds', async (t) => {
  const { stage, peers } = meshed(1, { judge: () => reject('bad') })
  peers[0]?.sends(message())
  peers[0]?.sends(message())
  const first = peers[0]?.score ?? 0
  t.ok(first < -390)
  stage.beat(13)
  t.ok((peers[0]?.score ?? 0) > -101, 'halved, and squared')
})

t.test('time in the mesh and first deliveries count up to their caps', async (t) => {
  const { stage, peers } = meshed(1)
  for (let sent = 0; sent < 30; sent += 1) peers[0]?.sends(message())
  stage.beat(3)
  const score = peers[0]?.score ?? 0
  t.ok(score > 9 && score <= 10.1, `${score}`)
  stage.beat(300)
  t.ok((peers[0]?.score ?? 0) <= 0.11, 'P2 decays, P1 stays at 0.1')
  t.ok((peers[0]?.score ?? 0) > 0.09)
})

// IDONTWANT (v1.2)

t.test('of a large message the mesh is told while it waits or when it passes, where it speaks v1.2', async (t) => {
  const slow = Promise.withResolvers<Verdict>()
  const verdicts: (Verdict | Promise<Verdict>)[] = [accept, slow.promise, reject('bad'), accept]
  const stage = new Stage({ judge: () => verdicts.shift() ?? accept })
  stage.router.subscribe(topicA)
  const [from, new1, old] = [
    stage.peer('from', { protocol: '/meshsub/1.2.0' }),
    stage.peer('new', { protocol: '/meshsub/1.2.0' }),
    stage.peer('old', { protocol: '/meshsub/1.1.0' }),
  ]
  for (const peer of [from, new1, old]) peer.says({ graft: [topicA] })
  for (const what of ['passes', 'waits']) {
    const data = message(16 * 1024)
    from.sends(data)
    t.same(new1.heard().idontwant.map(Buffer.from), [Buffer.from(idFor(data))], what)
    t.same(old.heard().idontwant, [])
  }
  slow.resolve(accept)
  await slow.promise
  await Promise.resolve()
  t.equal(stage.delivered.length, 2)
  t.same(new1.heard().idontwant, [], 'once')
  from.sends(message(16 * 1024))
  t.same(new1.heard().idontwant, [], 'what is refused in one topic may be wanted in another')
  t.same(from.heard().idontwant, [])
  from.sends(message(16 * 1024 - 1))
  t.same(new1.heard().idontwant, [], 'a smaller one follows at once anyway')
})

t.test('what a peer does not want is not sent to it: not passed on, not published, not answered', async (t) => {
  const { stage, peers } = meshed(3)
  const [from, has, other] = peers
  const [first, second] = [message(), message()]
  has?.says({ idontwant: [idFor(first), idFor(second)] })
  from?.sends(first)
  stage.router.publish(topicA, second)
  has?.says({ iwant: [idFor(first)] })
  t.same(has?.heard().messages, [])
  t.same(other?.heard().messages, [first, second])
  t.same(stage.forwarded, [1])
})

t.test('an IDONTWANT flood is bounded, and what was said is forgotten with the message cache', async (t) => {
  const { stage, peers } = meshed(2)
  const [from, flooder] = peers
  const [early, late, old] = [message(), message(), message()]
  flooder?.says({ idontwant: [idFor(early)] })
  for (let sent = 0; sent < 5; sent += 1)
    flooder?.says({ idontwant: Array.from({ length: 500 }, () => randomBytes(32)) })
  flooder?.says({ idontwant: [idFor(late)] })
  from?.sends(early)
  from?.sends(late)
  t.same(flooder?.heard().messages, [late], 'more than 512 in a heartbeat are not heard')
  stage.beat()
  flooder?.says({ idontwant: [idFor(old)] })
  stage.beat(6)
  from?.sends(old)
  t.same(flooder?.heard().messages, [old])
})

t.test('of an IDONTWANT flood so many ids are taken in a heartbeat, and so many remembered, to the id', async (t) => {
  const stage = new Stage()
  const ids = (count: number) => Array.from({ length: count }, () => randomBytes(32))
  for (const [index, sizes] of [[511, 1], [512], [513], [30_000], Array<number>(60).fill(100)].entries()) {
    const flooder = stage.peer(`flooder-${index}`)
    for (const size of sizes) flooder.says({ idontwant: ids(size) })
    t.equal(flooder.peer.said, idontwantIds, `${sizes}`)
  }
  const modest = stage.peer('modest')
  modest.says({ idontwant: ids(511) })
  modest.says({ idontwant: [randomBytes(31), randomBytes(33), new Uint8Array(0), randomBytes(1000)] })
  t.equal(modest.peer.said, 511, 'what is no id is none of them')
  const steady = stage.peer('steady')
  const remembered = Array.from({ length: 20 }, () => {
    steady.says({ idontwant: ids(2000) })
    const { said } = steady.peer
    stage.beat()
    return said
  })
  t.equal(Math.max(...remembered), idontwantIds * mesh.history)
})

t.test('an id that is said again and again keeps nothing else from being forgotten', async (t) => {
  const stage = new Stage()
  const peer = stage.peer('one')
  const [always, data] = [randomBytes(32), message()]
  for (let beat = 0; beat < 20; beat += 1) {
    peer.says({ idontwant: [always, ...Array.from({ length: 500 }, () => randomBytes(32))] })
    t.ok(peer.peer.said <= mesh.history * 501, `${peer.peer.said} are known`)
    stage.beat()
  }
  peer.says({ idontwant: [idFor(data)] })
  stage.router.publish(topicA, data)
  t.same(peer.heard().messages, [], 'what it said last is known')
  stage.beat(mesh.history)
  t.equal(peer.peer.said, 0)
})

// Attacks

t.test('five thousand subscriptions to topics of its own leave nothing behind', async (t) => {
  const stage = new Stage()
  const peer = stage.peer('one', { follows: [] })
  const subscriptions = Array.from({ length: 5000 }, (_, index) => ({
    topic: `/waku/2/rs/7/${index}`,
    subscribe: true,
  }))
  peer.says({ subscriptions })
  t.equal(peer.peer.topics.size, 0)
  t.same(stage.router.subscribers('/waku/2/rs/7/1'), [])
  peer.says({ subscriptions: [{ topic: topicA, subscribe: true }] })
  t.same(stage.router.subscribers(topicA), ['one'], 'one that exists is heard')
})

t.test('what is no RPC costs, and enough of it ends in the graylist', async (t) => {
  const { stage, peers } = meshed(1)
  const [peer] = peers
  if (peer === undefined) throw new Error('one peer')
  t.throws(() => peer.sendsBody(Buffer.from([0xff, 0xff])), { code: 'wire/malformed' })
  stage.router.violated(peer.peer)
  t.ok(peer.score < 0)
  for (let times = 0; times < 32; times += 1) stage.router.violated(peer.peer)
  t.ok(peer.score < -10_000)
  t.doesNotThrow(() => peer.sendsBody(Buffer.from([0xff, 0xff])), 'it is not even read')
})

t.test('whatever bytes come, the router goes on, and remembers no more than it may', async (t) => {
  const { stage, peers } = meshed(3)
  const [attacker, from, other] = peers
  if (attacker === undefined || from === undefined || other === undefined) throw new Error('three peers')
  const valid = [
    frameOf({ subscriptions: [{ topic: topicA, subscribe: true }], graft: [topicA, topicB] }),
    frameOf({ ihave: [{ topic: topicA, ids: [randomBytes(32), randomBytes(32)] }], iwant: [randomBytes(32)] }),
    frameOf({ prune: [{ topic: topicB, backoff: 60 }], idontwant: [randomBytes(32)] }),
    newFrame(Buffer.from(topicA), message()).frame,
    newFrame(Buffer.from(topicB), message()).frame,
  ]
  let refused = 0
  const changed = fc.record({
    which: fc.nat(valid.length - 1),
    changes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
  })
  holds(
    t,
    fc.property(changed, ({ which, changes }) => {
      const body = Buffer.from((valid[which] ?? Buffer.alloc(1)).subarray(1))
      for (const [at, value] of changes) body[at % body.length] = value
      try {
        attacker.sendsBody(body)
      } catch (error) {
        assert.ok(isWaypostError(error, 'wire/malformed'), String(error))
        refused += 1
      }
    }),
    { numRuns: 5000 },
  )
  t.ok(refused > 100, `${refused} of 5,000 were refused`)
  t.ok(attacker.peer.topics.size <= 2)
  t.equal(stage.router.peers().length, 3)
  other.heard()
  const data = message()
  from.sends(data)
  t.same(stage.delivered.at(-1), { data, from: from.id })
  t.same(other.heard().messages, [data])
})
