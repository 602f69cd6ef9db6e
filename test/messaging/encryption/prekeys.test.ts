import { inspect } from 'node:util'
import t from 'tap'
import { PrekeyRing, prekeyGrace, prekeyLifetime } from '../../../src/messaging/encryption/prekeys.ts'

const now = 1_700_000_000_123_456_789n

t.test('a ring hands a prekey out for a day, and keeps it a month more', async (t) => {
  const first = PrekeyRing.create(now)
  const { key } = first.current
  t.equal(first.turn(now + prekeyLifetime - 1n), first)
  const second = first.turn(now + prekeyLifetime)
  t.notSame(second.current.key, key)
  t.equal(second.current.version, 2)
  t.ok(second.find(key))
  const almost = second.turn(now + prekeyLifetime + prekeyGrace - 1n)
  t.ok(almost.find(key))
  t.equal(almost.turn(now + prekeyLifetime + prekeyGrace).find(key), undefined)
})

t.test('a ring that rested for a year still knows the prekey that others have', async (t) => {
  const first = PrekeyRing.create(now)
  const later = first.turn(now + 365n * prekeyLifetime)
  t.equal(later.size, 2)
  t.ok(later.find(first.current.key))
})

t.test('a ring that turns each day stays small, and a clock that is set back does it no harm', async (t) => {
  let ring = PrekeyRing.create(now)
  for (let day = 1n; day < 100n; day += 1n) ring = ring.turn(now + day * prekeyLifetime)
  t.equal(ring.size, 32)
  const back = ring.turn(now)
  t.notSame(back.current.key, ring.current.key, 'what was made ahead is handed out no longer')
  t.ok(back.find(ring.current.key))
  t.equal(back.turn(now), back)
  t.same(PrekeyRing.fromBytes(ring.toBytes()).toBytes(), ring.toBytes())
  t.ok(PrekeyRing.fromBytes(ring.toBytes()).find(ring.current.key))
})

t.test('prekeys turn and are forgotten in time after a clock that was a year ahead is set right', async (t) => {
  const ahead = PrekeyRing.create(now).turn(now + 365n * prekeyLifetime)
  const { key } = ahead.current
  const right = ahead.turn(now + 1n)
  t.equal(right.current.version, 3)
  t.notSame(right.turn(now + 1n + prekeyLifetime).current.key, right.current.key)
  t.ok(right.turn(now + prekeyGrace).find(key))
  t.equal(right.turn(now + 1n + prekeyGrace).find(key), undefined)
})

t.test('damaged prekeys are refused, and no ring shows a key', async (t) => {
  for (const bytes of [new Uint8Array(0), Buffer.of(8, 1), Buffer.of(1)])
    t.throws(() => PrekeyRing.fromBytes(bytes), { code: 'session/unreadable' })
  const stored = Buffer.from(PrekeyRing.create(now).toBytes())
  t.equal(PrekeyRing.fromBytes(stored).size, 1, 'the control')
  // Version, then the prekey, and in it the secret: two bytes each before what they hold. No secret key is as large.
  stored.fill(0xff, 6, 6 + 32)
  t.throws(() => PrekeyRing.fromBytes(stored), { code: 'session/unreadable' })
  t.equal(inspect(PrekeyRing.create(now), { showHidden: true }), 'PrekeyRing of 1')
})
