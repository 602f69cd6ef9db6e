import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { Fate, SeenIds } from '../../../../src/protocols/relay/gossip/seen-ids.ts'
import { holds } from '../../../kit/property.ts'

const lifetime = 120_000

function idOf(value: number | string): string {
  return createHash('sha256').update(String(value)).digest('latin1')
}

t.test('it remembers what a plain map remembers, for one lifetime at least and two at most', async (t) => {
  const steps = fc.array(
    fc.record({
      id: fc.integer({ min: 0, max: 300 }),
      fate: fc.constantFrom(Fate.accepted, Fate.ignored, Fate.rejected, Fate.waiting),
      passes: fc.integer({ min: 0, max: 20_000 }),
    }),
    { maxLength: 400 },
  )
  holds(
    t,
    fc.property(steps, (steps) => {
      let now = 0
      const seen = new SeenIds({ lifetime, most: 1_000_000 }, now)
      const plain = new Map<string, { fate: Fate; since: number }>()
      for (const { id: value, fate, passes } of steps) {
        const id = idOf(value)
        const known = plain.get(id)
        const found = seen.fateOf(id, 0)
        assert.equal(seen.fateOfBytes(Buffer.from(id, 'latin1'), 0), found)
        if (known !== undefined && now - known.since < lifetime) assert.equal(found, known.fate)
        if (known === undefined || now - known.since > 2 * lifetime) assert.equal(found, Fate.unknown)
        seen.set(id, 0, fate)
        plain.set(id, { fate, since: found === Fate.unknown || known === undefined ? now : known.since })
        assert.equal(seen.fateOf(id, 0), fate)
        now += passes
        seen.look(now)
      }
    }),
  )
})

t.test('a hundred thousand ids are all there, none that is not, in some tens of bytes each', async (t) => {
  const seen = new SeenIds({ lifetime, most: 1_000_000 }, 0)
  const ids = Array.from({ length: 100_000 }, (_, index) => idOf(index))
  for (const id of ids) seen.set(id, 0, Fate.accepted)
  t.equal(seen.size, ids.length)
  t.equal(ids.filter((id) => seen.fateOf(id, 0) === Fate.accepted).length, ids.length)
  const strangers = Array.from({ length: 10_000 }, (_, index) => idOf(`stranger ${index}`))
  t.equal(strangers.filter((id) => seen.fateOf(id, 0) !== Fate.unknown).length, 0)
  const bytes = ids.map((id) => Buffer.from(id, 'latin1'))
  t.equal(bytes.filter((id) => seen.fateOfBytes(id, 0) === Fate.accepted).length, ids.length, 'as bytes too')
  t.ok(seen.bytes / ids.length < 100, `${seen.bytes / ids.length} bytes an id`)
})

t.test('ids that differ in one bit are told apart', async (t) => {
  const seen = new SeenIds({ lifetime, most: 1000 }, 0)
  const id = randomBytes(32)
  seen.set(id.toString('latin1'), 0, Fate.accepted)
  const others = Array.from({ length: 256 }, (_, bit) => {
    const other = Buffer.from(id)
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return other.toString('latin1')
  })
  t.same(new Set(others.map((other) => seen.fateOf(other, 0))), new Set([Fate.unknown]))
})

t.test('a flood of ids is bounded, and the newest are remembered', async (t) => {
  const seen = new SeenIds({ lifetime, most: 1000 }, 0)
  for (let index = 0; index < 50_000; index += 1) seen.set(idOf(index), 0, Fate.accepted)
  t.ok(seen.size <= 2000)
  t.equal(seen.fateOf(idOf(49_999), 0), Fate.accepted)
  t.equal(seen.fateOf(idOf(49_000), 0), Fate.accepted, 'the last thousand')
  t.equal(seen.fateOf(idOf(40_000), 0), Fate.unknown)
})

t.test('what was rejected after it waited is rejected', async (t) => {
  const seen = new SeenIds({ lifetime, most: 1000 }, 0)
  seen.set(idOf(1), 0, Fate.waiting)
  seen.look(lifetime)
  seen.set(idOf(1), 0, Fate.rejected)
  t.equal(seen.fateOf(idOf(1), 0), Fate.rejected, 'also when a generation passed meanwhile')
  t.equal(seen.size, 1, 'in one place')
})

t.test('each topic has fates of its own', async (t) => {
  const seen = new SeenIds({ lifetime, most: 1_000_000 }, 0)
  for (let topic = 0; topic < 1024; topic += 2) seen.set(idOf(1), topic, Fate.rejected)
  for (let topic = 0; topic < 1024; topic += 1)
    assert.equal(seen.fateOf(idOf(1), topic), topic % 2 === 0 ? Fate.rejected : Fate.unknown)
  t.equal(seen.size, 512)
})
