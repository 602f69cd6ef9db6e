import { inspect } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { GroupKey } from '../../../src/messaging/encryption/group-key.ts'
import { GroupKeyRing, lateFor, maxGroupKeysHeld } from '../../../src/messaging/encryption/group-key-ring.ts'
import { holds } from '../../kit/property.ts'

const groupId = Buffer.from('group')
const now = 1_700_000_000_000
const keyAt = (time: number) => new GroupKey(groupId, BigInt(time))
const [first, second, third] = [keyAt(1), keyAt(2), keyAt(3)] as [GroupKey, GroupKey, GroupKey]
const ringOf = (...keys: readonly GroupKey[]) =>
  keys.reduce((ring, key) => GroupKeyRing.fromBytes(ring.take(key, now).toBytes()), GroupKeyRing.empty())
const written = (ring: GroupKeyRing, text: string) => ring.encrypt(Buffer.from(text))!
const read = (ring: GroupKeyRing, message: Parameters<GroupKeyRing['decrypt']>[0]) => {
  const result = ring.decrypt(message)
  return result.opened ? Buffer.from(result.plaintext).toString() : result.why
}

t.test('it writes by the newest key, whichever came last, and reads by all', async (t) => {
  const orders = [first, second, third].flatMap((one) =>
    [first, second, third].map((other) => [one, other, ...[first, second, third]]),
  )
  for (const order of orders) {
    const ring = ringOf(...order)
    t.same(written(ring, 'x').message.hashRatchet.keyId, third.id)
    for (const key of [first, second, third]) t.equal(read(ring, written(ringOf(key), 'text').message), 'text')
    t.same(ring.span, { oldest: 1, newest: 3 })
  }
  t.equal(read(ringOf(first, third), written(ringOf(second), 'text').message), 'no key')
  t.equal(GroupKeyRing.empty().encrypt(Buffer.from('x')), undefined)
})

t.test('a key that comes again goes on with the ratchet that is there', async (t) => {
  const sent = written(ringOf(first), 'one')
  const again = sent.next.take(first, now)
  t.equal(again, sent.next)
  t.equal(written(again, 'two').message.hashRatchet.sequence, 2)
  t.equal(again.sequence, 1)
})

t.test('a key that another has followed is forgotten after its time, and not taken again', async (t) => {
  const ring = ringOf(first, second)
  const { message } = written(ringOf(first), 'late')
  t.equal(read(ring.at(now + lateFor - 1), message), 'late', 'control')
  const later = GroupKeyRing.fromBytes(ring.at(now + lateFor).toBytes())
  t.equal(read(later, message), 'no key')
  t.notOk(Buffer.from(later.toBytes()).includes(first.secretBytes()))
  t.ok(Buffer.from(ring.toBytes()).includes(first.secretBytes()), 'control: it was there')
  t.equal(later.take(first, now), later)
  t.equal(read(later, written(ringOf(second), 'x').message), 'x', 'the newest stays, however old')
  const emptied = ring.emptied()
  t.equal(emptied.take(second, now), emptied)
  t.ok(emptied.take(third, now).has(third.id))
})

t.test('of many keys the newest stay', async (t) => {
  const ring = ringOf(...Array.from({ length: maxGroupKeysHeld + 5 }, (_, n) => keyAt(n + 1)))
  t.same(ring.span, { oldest: 6, newest: maxGroupKeysHeld + 5 })
  t.same(JSON.parse(JSON.stringify(ring)), { keys: maxGroupKeysHeld })
})

t.test('members who write by turns and at once read each other in any order', async (t) => {
  const texts = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.constantFrom(first, second, third)), { maxLength: 12 })
  holds(
    t,
    fc.property(texts, fc.infiniteStream(fc.nat()), (said, random) => {
      const writers = new Map<string, GroupKeyRing>()
      const messages = said.map(([who, key], n) => {
        const name = `${who}${key.timestamp}`
        const sent = written(writers.get(name) ?? ringOf(key), `text ${n}`)
        writers.set(name, sent.next)
        return { message: sent.message, text: `text ${n}`, place: random.next().value as number }
      })
      let reader = ringOf(first, second, third)
      return messages
        .toSorted((one, other) => one.place - other.place)
        .every(({ message, text }) => {
          const result = GroupKeyRing.fromBytes(reader.toBytes()).decrypt(message)
          if (result.opened) reader = result.next
          return result.opened && Buffer.from(result.plaintext).toString() === text
        })
    }),
    { numRuns: 30 },
  )
})

t.test('damaged bytes are refused, and nothing shows a key', async (t) => {
  const stored = ringOf(first, second).toBytes()
  for (const bytes of [new Uint8Array(0), stored.subarray(0, -1)])
    t.throws(() => GroupKeyRing.fromBytes(bytes), { code: 'session/unreadable' })
  const secret = Buffer.from(first.secretBytes()).toString('hex')
  t.notMatch(inspect(ringOf(first), { showHidden: true, depth: 9 }), secret)
  t.match(inspect({ secret }), secret, 'control: it would be found')
})

t.test('a key that its owner keeps comes back whole, or not', async (t) => {
  const back = GroupKey.fromBytes(first.toBytes())
  t.same([back.id, back.groupId, back.timestamp], [first.id, first.groupId, first.timestamp])
  t.same(back.secretBytes(), first.secretBytes())
  t.throws(() => GroupKey.fromBytes(first.toBytes().subarray(0, -1)), { code: 'session/unreadable' })
})
