import { randomBytes } from 'node:crypto'
import t from 'tap'
import { seal } from '../../../../src/net/discovery/discv5/keys.ts'
import { Challenges, type Endpoint, Sessions } from '../../../../src/net/discovery/discv5/session.ts'

const endpoint = (id: string, address = '203.0.113.1', port = 9000): Endpoint => ({
  id: id.padEnd(64, '0'),
  address,
  port,
})
const keys = () => ({ write: randomBytes(16), read: randomBytes(16) })
const head = Buffer.of(1)

function sealed(key: Uint8Array) {
  const nonce = randomBytes(12)
  return { nonce, sealed: seal(key, nonce, Buffer.from('hello'), head), head }
}

t.test('a session is of one node at one address, and no two messages have the same nonce', async (t) => {
  const sessions = new Sessions(10)
  const one = keys()
  sessions.set(endpoint('a'), one)
  t.ok(sessions.read(endpoint('a'), sealed(one.read)))
  t.equal(sessions.read(endpoint('a', '203.0.113.2'), sealed(one.read)), undefined)
  t.equal(sessions.read(endpoint('a', '203.0.113.1', 9001), sealed(one.read)), undefined)
  t.equal(sessions.read(endpoint('b'), sealed(one.read)), undefined)
  const nonces = Array.from({ length: 100 }, () =>
    Buffer.from(sessions.next(endpoint('a'))?.nonce ?? []).toString('hex'),
  )
  t.equal(new Set(nonces).size, 100)
  t.same(
    nonces.slice(0, 2).map((nonce) => nonce.slice(0, 8)),
    ['00000000', '00000001'],
  )
})

t.test('the keys before the last are still read, and those before them no more', async (t) => {
  const sessions = new Sessions(10)
  const [first, second, third] = [keys(), keys(), keys()] as const
  sessions.set(endpoint('a'), first)
  sessions.set(endpoint('a'), second)
  t.ok(sessions.read(endpoint('a'), sealed(first.read)))
  t.ok(sessions.read(endpoint('a'), sealed(second.read)))
  t.equal(sessions.next(endpoint('a'))?.key, second.write)
  sessions.set(endpoint('a'), third)
  t.equal(sessions.read(endpoint('a'), sealed(first.read)), undefined)
})

t.test('sessions have a bound, and the one used least recently goes', async (t) => {
  const sessions = new Sessions(3)
  for (const id of ['a', 'b', 'c']) sessions.set(endpoint(id), keys())
  sessions.next(endpoint('a'))
  sessions.set(endpoint('d'), keys())
  t.equal(sessions.size, 3)
  t.ok(sessions.has(endpoint('a')))
  t.notOk(sessions.has(endpoint('b')))
})

t.test('a challenge is taken once and in its time, and there is a bound', async (t) => {
  let now = 0
  const challenges = new Challenges({ capacity: 3, lifetime: 1000, clock: () => now })
  const challenge = { data: head, known: undefined }
  challenges.add(endpoint('a'), challenge)
  t.ok(challenges.has(endpoint('a')))
  t.equal(challenges.take(endpoint('a', '203.0.113.9')), undefined)
  t.ok(challenges.take(endpoint('a')))
  t.equal(challenges.take(endpoint('a')), undefined)
  challenges.add(endpoint('a'), challenge)
  now = 1000
  t.notOk(challenges.has(endpoint('a')))
  t.equal(challenges.take(endpoint('a')), undefined, 'too late')
  for (const id of ['a', 'b', 'c', 'd']) challenges.add(endpoint(id), challenge)
  t.equal(challenges.size, 3)
  t.equal(challenges.take(endpoint('a')), undefined, 'the oldest has gone')
})
