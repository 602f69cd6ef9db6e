import t from 'tap'
import { DialHistory } from '../../../src/net/peer-manager/dial-history.ts'

function history(capacity = 10) {
  const now = { time: 0 }
  return { now, past: new DialHistory({ capacity, clock: () => now.time, random: () => 1 }) }
}

t.test('a stranger that fails is left alone longer each time, and forgotten in the end', async (t) => {
  const { past } = history()
  t.equal(past.waitFor('peer'), 0, 'it was never dialled')
  const waits = Array.from({ length: 4 }, () => {
    t.equal(past.failed('peer'), false)
    return past.waitFor('peer')
  })
  t.same(waits, [30_000, 120_000, 480_000, 1_920_000])
  t.equal(past.failed('peer'), true)
})

t.test('a stranger that was forgotten and is told of again is not begun with anew', async (t) => {
  const { now, past } = history()
  for (let failures = 0; failures < 5; failures += 1) past.failed('peer')
  t.equal(past.waitFor('peer'), 7_200_000)
  now.time = 7_200_000
  t.equal(past.waitFor('peer'), 0, 'it may be dialled')
  t.equal(past.failed('peer'), true, 'once')
  t.equal(past.waitFor('peer'), 7_200_000)
  past.connected('peer')
  t.equal(past.isFriend('peer'), true, 'and is a friend as soon as it is reached')
})

t.test('the wait ends with time', async (t) => {
  const { now, past } = history()
  past.failed('peer')
  now.time = 29_999
  t.equal(past.waitFor('peer'), 1)
  now.time = 30_000
  t.equal(past.waitFor('peer'), 0)
})

t.test('a friend is tried again within a second, and much longer than a stranger', async (t) => {
  const { past } = history()
  past.recall('friend')
  t.equal(past.isFriend('friend'), true)
  t.equal(past.waitFor('friend'), 0)
  past.failed('friend')
  t.equal(past.waitFor('friend'), 1000)
  for (let failures = 1; failures < 14; failures += 1) t.equal(past.failed('friend'), false)
  t.equal(past.waitFor('friend'), 600_000)
  t.equal(past.failed('friend'), true)
})

t.test('a connection that held is renewed at once, one that does not hold less and less often', async (t) => {
  const { now, past } = history()
  past.connected('peer')
  now.time = 60_000
  past.lost('peer')
  t.equal(past.waitFor('peer'), 1000)
  const waits = Array.from({ length: 3 }, () => {
    past.connected('peer')
    past.lost('peer')
    return past.waitFor('peer')
  })
  t.same(waits, [2000, 4000, 8000])
})

t.test('the history is bounded', async (t) => {
  const { past } = history(2)
  for (const peer of ['a', 'b', 'c']) past.failed(peer)
  t.equal(past.waitFor('a'), 0)
  t.equal(past.waitFor('c'), 30_000)
})
