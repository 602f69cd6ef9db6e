import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Quota } from '../../src/net/quota.ts'

const minute = 60_000

/** A quota whose clock the test sets. */
function quota(perPeer: number, total: number): { quota: Quota; pass: (time: number) => void } {
  let now = 0
  const clock = (): number => now
  return {
    quota: new Quota({
      perPeer: { volume: perPeer, period: minute },
      total: { volume: total, period: minute },
      clock,
    }),
    pass: (time) => {
      now += time
    },
  }
}

/** How many of `count` requests of `peer` pass. */
function passed(quota: Quota, peer: string, count: number): number {
  return Array.from({ length: count }, () => quota.take(peer)).filter(Boolean).length
}

t.test('a peer may ask as often as its quota says, and no more', async (t) => {
  const { quota: own } = quota(3, 100)
  t.equal(passed(own, 'a', 3), 3)
  t.equal(own.take('a'), false)
  t.equal(own.take('b'), true, 'another peer has its own')
})

t.test('all peers together may ask as often as the total says', async (t) => {
  const { quota: common } = quota(3, 4)
  t.equal(passed(common, 'a', 3), 3)
  t.equal(passed(common, 'b', 3), 1)
  t.equal(common.take('c'), false)
})

t.test('tokens come back evenly, and never above the volume', async (t) => {
  const { quota: own, pass } = quota(4, 100)
  passed(own, 'a', 4)
  pass(minute / 4 - 1)
  t.equal(own.take('a'), false)
  pass(1)
  t.equal(passed(own, 'a', 2), 1)
  pass(100 * minute)
  t.equal(passed(own, 'a', 10), 4)
})

t.test('a refusal costs nothing, to the peer or to the others', async (t) => {
  const { quota: own, pass } = quota(1, 2)
  own.take('a')
  t.equal(passed(own, 'a', 1000), 0)
  t.equal(own.take('b'), true, 'the flood of a took nothing of the total')
  pass(minute)
  t.equal(own.take('a'), true, 'nor does a wait longer')
})

t.test('a clock that steps back gives nobody tokens', async (t) => {
  const { quota: own, pass } = quota(1, 10)
  own.take('a')
  pass(-10 * minute)
  t.equal(own.take('a'), false)
})

t.test('a flood of new peers is held by the total, and forgets the one that asked least recently', async (t) => {
  const { quota: own } = quota(1, 100_000)
  own.take('first')
  t.equal(own.take('first'), false)
  for (let peer = 0; peer < 10_000; peer += 1) own.take(`peer ${peer}`)
  t.equal(own.take('peer 9999'), false, 'the last one is remembered')
  t.equal(own.take('first'), true, 'the first one is not')
})

t.test('in any period nobody gets more than twice the volume', async () => {
  const steps = fc.array(fc.integer({ min: 0, max: minute / 4 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 20 }), (steps, volume) => {
      const { quota: own, pass } = quota(volume, 1000)
      let now = 0
      const times: number[] = []
      for (const step of steps) {
        pass(step)
        now += step
        if (own.take('a')) times.push(now)
      }
      const most = Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + minute).length))
      assert.ok(most <= 2 * volume)
    }),
    { numRuns: 100 },
  )
})

t.test('other rates hold at once, for those who have asked before too', async (t) => {
  const { quota: own } = quota(1, 100)
  t.equal(passed(own, 'a', 2), 1)
  own.change({ perPeer: { volume: 2, period: minute }, total: { volume: 3, period: minute } })
  t.equal(passed(own, 'a', 3), 2)
  t.equal(passed(own, 'b', 3), 1)
})
