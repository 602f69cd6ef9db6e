import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { MessageCache } from '../../../../src/protocols/relay/gossip/message-cache.ts'
import { mesh } from '../../../../src/protocols/relay/params.ts'
import { holds } from '../../../kit/property.ts'

t.test('it gives what was put in the last six windows, and tells of the last three, by topic', async (t) => {
  const steps = fc.array(fc.oneof(fc.constant('shift' as const), fc.constantFrom('a', 'b')), { maxLength: 200 })
  holds(
    t,
    fc.property(steps, (steps) => {
      const cache = new MessageCache()
      const windows: { id: string; topic: string }[][] = [[]]
      for (const [index, step] of steps.entries()) {
        if (step === 'shift') {
          cache.shift()
          windows.unshift([])
        } else {
          cache.put(String(index), step, Buffer.from([index]))
          windows[0]?.push({ id: String(index), topic: step })
        }
      }
      const recent = windows.slice(0, mesh.gossipHistory).flat()
      for (const topic of ['a', 'b'])
        assert.deepEqual(
          cache.idsToTell(topic).sort(),
          recent.flatMap((one) => (one.topic === topic ? [one.id] : [])).sort(),
        )
      const kept = windows.slice(0, mesh.history).flat()
      assert.equal(cache.size, kept.length)
      for (const { id } of windows.flat())
        assert.equal(cache.ask(id, 'peer').length, kept.filter((one) => one.id === id).length)
    }),
  )
})

t.test('under a flood it stays within its bytes, and the newest are there', async (t) => {
  const most = 60_000
  const cache = new MessageCache(most)
  for (let index = 0; index < 10_000; index += 1) {
    cache.put(String(index), 'topic', Buffer.alloc(100))
    assert.ok(cache.bytes <= most)
  }
  t.ok(cache.bytes > most / 2, 'it is used')
  t.equal(cache.ask('9999', 'peer').length, 1)
  t.equal(cache.ask('9700', 'peer').length, 1)
  t.equal(cache.ask('9000', 'peer').length, 0)
})

t.test('a message as large as the whole cache has its place', async (t) => {
  const cache = new MessageCache(1000)
  cache.put('small', 'topic', Buffer.alloc(10))
  cache.put('large', 'topic', Buffer.alloc(900))
  t.equal(cache.ask('large', 'peer').length, 1)
})

t.test('the same bytes in two topics are two messages of one id', async (t) => {
  const cache = new MessageCache()
  cache.put('same', 'a', Buffer.from('in a'))
  cache.put('same', 'b', Buffer.from('in b'))
  t.same(cache.ask('same', 'peer').map(String), ['in a', 'in b'])
  t.same([cache.idsToTell('a'), cache.idsToTell('b')], [['same'], ['same']])
})
