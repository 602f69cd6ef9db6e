import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { chooseMesh } from '../../../../src/protocols/relay/gossip/mesh.ts'
import { Peer } from '../../../../src/protocols/relay/gossip/peer.ts'
import { Score } from '../../../../src/protocols/relay/gossip/scores.ts'
import { Topic } from '../../../../src/protocols/relay/gossip/topics.ts'
import { mesh } from '../../../../src/protocols/relay/params.ts'
import { holds } from '../../../kit/property.ts'

interface Made {
  readonly score: number
  readonly dialled?: boolean
  readonly protocol?: string | undefined
  readonly inMesh?: boolean
}

let made = 0

function peerOf({ score, dialled = false, protocol = '/meshsub/1.1.0' }: Made): Peer {
  made += 1
  const kept = new Score({ topics: new Map(), behaviour: 0 }, undefined)
  kept.value = score
  return new Peer({ peer: `peer-${made}`, dialled, ip: undefined, protocol, send: () => {} }, kept)
}

function topicOf(peers: readonly Made[]): Topic {
  const topic = new Topic('t', 0)
  for (const one of peers) {
    const peer = peerOf(one)
    topic.subscribers.add(peer)
    if (one.inMesh === true) topic.mesh.add(peer)
  }
  return topic
}

const options = { random: Math.random, improveBelow: undefined }

t.test('whatever a mesh is, it comes within its bounds as far as there are peers', async (t) => {
  const peers = fc.array(
    fc.record({ score: fc.integer({ min: -5, max: 20 }), dialled: fc.boolean(), inMesh: fc.boolean() }),
    { maxLength: 40 },
  )
  holds(
    t,
    fc.property(peers, (peers) => {
      const topic = topicOf(peers)
      const before = new Set(topic.mesh)
      const { graft, prune } = chooseMesh(topic, options)
      for (const peer of graft) assert.ok(!before.has(peer) && peer.score.value >= 0)
      for (const peer of prune) assert.ok(before.has(peer))
      const after = [...before].filter((peer) => !prune.includes(peer)).concat(graft)
      assert.equal(new Set(after).size, after.length)
      assert.ok(after.every(({ score }) => score.value >= 0))
      const willing = peers.filter(({ score }) => score >= 0)
      assert.ok(after.length <= mesh.high + mesh.outbound)
      assert.ok(after.length >= Math.min(mesh.low, willing.length))
      const dialled = willing.filter(({ dialled }) => dialled).length
      const wasCut = prune.some(({ score }) => score.value >= 0)
      const candidates = after.filter(({ port }) => port.dialled).length
      if (!wasCut && after.length >= mesh.low) assert.ok(candidates >= Math.min(mesh.outbound, dialled))
    }),
    { numRuns: 500 },
  )
})

t.test('a mesh below Dlo is filled up to D, and one between Dlo and Dhi left alone', async (t) => {
  const inside = (count: number) => Array.from({ length: count }, () => ({ score: 1, dialled: true, inMesh: true }))
  const outside = Array.from({ length: 20 }, () => ({ score: 1 }))
  t.equal(chooseMesh(topicOf([...inside(3), ...outside]), options).graft.length, 3)
  for (const count of [4, 5, 6, 7, 8])
    t.same(chooseMesh(topicOf([...inside(count), ...outside]), options), { graft: [], prune: [] }, `${count}`)
  t.equal(chooseMesh(topicOf([...inside(9), ...outside]), options).prune.length, 3)
})

t.test('a mesh without enough peers that we dialled gets more of them', async (t) => {
  const inside = Array.from({ length: 5 }, () => ({ score: 1, inMesh: true }))
  const outside = [
    ...Array.from({ length: 5 }, () => ({ score: 1 })),
    ...Array.from({ length: 5 }, () => ({ score: 1, dialled: true })),
  ]
  const { graft } = chooseMesh(topicOf([...inside, ...outside]), options)
  t.same(
    graft.map(({ port }) => port.dialled),
    [true, true, true],
  )
})

t.test('of a mesh that is cut down, Dout that we dialled stay, even with the worst scores', async (t) => {
  const inside = [
    ...Array.from({ length: 8 }, () => ({ score: 10, inMesh: true })),
    ...Array.from({ length: 4 }, () => ({ score: 1, inMesh: true, dialled: true })),
  ]
  const topic = topicOf(inside)
  const { prune } = chooseMesh(topic, options)
  t.equal(prune.length, 6)
  t.equal(prune.filter(({ port }) => port.dialled).length, 1)
})

t.test('a mesh whose median is below the threshold gets two that are better than it', async (t) => {
  const inside = Array.from({ length: 6 }, () => ({ score: 1, inMesh: true, dialled: true }))
  const outside = [
    ...Array.from({ length: 5 }, () => ({ score: 0.5 })),
    ...Array.from({ length: 5 }, () => ({ score: 5 })),
  ]
  const topic = topicOf([...inside, ...outside])
  t.same(
    chooseMesh(topic, { ...options, improveBelow: 2 }).graft.map(({ score }) => score.value),
    [5, 5],
  )
  t.same(chooseMesh(topic, { ...options, improveBelow: 1 }).graft, [], 'at the threshold it does not')
  t.same(chooseMesh(topic, options).graft, [], 'nor at another heartbeat')
})

t.test('nobody is taken whom we cannot talk to, who is backed off, or who scores below zero', async (t) => {
  const topic = topicOf([{ score: 0 }, { score: -1 }])
  const mute = peerOf({ score: 5 })
  Object.assign(mute.port, { protocol: undefined })
  const backedOff = peerOf({ score: 5 })
  for (const peer of [mute, backedOff]) topic.subscribers.add(peer)
  topic.backoffs.add(backedOff.id, 1000)
  t.same(
    chooseMesh(topic, options).graft.map(({ score }) => score.value),
    [0],
  )
})
