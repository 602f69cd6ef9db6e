import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Backoffs } from '../../../../src/protocols/relay/gossip/backoffs.ts'
import { rememberedBackoffs } from '../../../../src/protocols/relay/gossip/bounds.ts'
import { mesh } from '../../../../src/protocols/relay/params.ts'
import { holds } from '../../../kit/property.ts'

const beats = (count: number): number => count * mesh.heartbeat

t.test('whatever is added and shortened, each is left alone until its time and a heartbeat longer', async (t) => {
  const step = fc.record({
    what: fc.constantFrom('add' as const, 'shorten' as const, 'wait' as const),
    peer: fc.constantFrom('a', 'b', 'c'),
    count: fc.nat(20),
  })
  holds(
    t,
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const backoffs = new Backoffs()
      const expected = new Map<string, number>()
      let now = beats(5)
      for (const { what, peer, count } of steps) {
        const until = now + beats(count)
        const before = expected.get(peer)
        if (what === 'wait') now = until
        else backoffs[what](peer, until)
        if (what === 'add') expected.set(peer, Math.max(until, before ?? 0))
        if (what === 'shorten' && before !== undefined) expected.set(peer, Math.min(until, before))
        backoffs.look(now)
        for (const [one, end] of expected) if (end + mesh.heartbeat < now) expected.delete(one)
        for (const one of ['a', 'b', 'c']) assert.equal(backoffs.until(one), expected.get(one))
        assert.equal(backoffs.size, expected.size)
      }
    }),
    { numRuns: 300 },
  )
})

t.test('so many are remembered, and of those the newest', async (t) => {
  const backoffs = new Backoffs()
  for (let peer = 0; peer < rememberedBackoffs + 10; peer += 1) {
    backoffs.add(`peer-${peer}`, beats(100))
    if (peer === rememberedBackoffs) backoffs.add('peer-5', beats(50))
  }
  t.equal(backoffs.size, rememberedBackoffs)
  t.notOk(backoffs.has('peer-4'))
  t.equal(backoffs.until('peer-5'), beats(100), 'it was added again')
  t.ok(backoffs.has(`peer-${rememberedBackoffs + 9}`))
  backoffs.look(beats(102))
  t.equal(backoffs.size, 0)
})
