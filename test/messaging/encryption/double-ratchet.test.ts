import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import {
  associatedData,
  maxSkippedMessages,
  Ratchet,
  type Ratcheted,
  type RatchetOpened,
} from '../../../src/messaging/encryption/double-ratchet.ts'
import { openRatcheted, stepChain, stepRoot } from '../../../src/messaging/encryption/ratchet-keys.ts'
import { KeyPair } from '../../../src/messaging/keys.ts'
import { holds } from '../../kit/property.ts'

/** Both sides of a session that has just begun. */
function begin(): { alice: Ratchet; bob: Ratchet } {
  const sharedKey = randomBytes(32)
  const prekey = KeyPair.generate()
  return { alice: Ratchet.start(sharedKey, prekey.publicKey), bob: Ratchet.answer(sharedKey, prekey) }
}

/** Messages numbered from `from`, and the sender after them. */
function send(sender: Ratchet, count: number, from = 0): { messages: Ratcheted[]; next: Ratchet } {
  let next = sender
  const messages = Array.from({ length: count }, (_, n) => {
    const sent = next.encrypt(Buffer.from(`message ${from + n}`))
    next = sent.next
    return sent.message
  })
  return { messages, next }
}

function opened(result: RatchetOpened): { text: string; next: Ratchet } {
  if (!result.opened) throw new Error(`refused: ${result.why}`)
  return { text: Buffer.from(result.plaintext).toString(), next: result.next }
}

/** The receiver after it has read `messages`, and what they said. */
function readAll(receiver: Ratchet, messages: readonly Ratcheted[]): { texts: string[]; next: Ratchet } {
  let next = receiver
  const texts = messages.map((message) => {
    const read = opened(next.decrypt(message))
    next = read.next
    return read.text
  })
  return { texts, next }
}

function whyOf(result: RatchetOpened): string {
  return result.opened ? 'opened' : result.why
}

function keptOf(ratchet: Ratchet): number {
  return ratchet.toJSON().kept ?? Number.NaN
}

/** Both sides after one message each way. */
function acquainted(): { alice: Ratchet; bob: Ratchet } {
  const { alice, bob } = begin()
  const hello = alice.encrypt(Buffer.from('hello'))
  const heard = opened(bob.decrypt(hello.message)).next
  const answer = heard.encrypt(Buffer.from('hello yourself'))
  return { alice: opened(hello.next.decrypt(answer.message)).next, bob: answer.next }
}

t.test('messages of a chain are opened in any order, each once', async (t) => {
  const { alice, bob } = acquainted()
  const { messages } = send(alice, 12)
  holds(
    t,
    fc.property(fc.shuffledSubarray(messages, { minLength: 1 }), (some) => {
      const { texts, next } = readAll(bob, some)
      const isRight = texts.every((text, index) => text === `message ${messages.indexOf(some[index] ?? some[0]!)}`)
      return isRight && some.every((message) => whyOf(next.decrypt(message)) === 'used')
    }),
    { numRuns: 10 },
  )
})

t.test('a message leaves the ratchet that opened it as it was', async (t) => {
  const { alice, bob } = acquainted()
  const before = bob.toBytes()
  const { message } = alice.encrypt(Buffer.from('text'))
  t.equal(opened(bob.decrypt(message)).text, 'text')
  t.same(bob.toBytes(), before)
  t.equal(opened(bob.decrypt(message)).text, 'text', 'until the next one is kept, nothing has happened')
})

t.test('a bit that is changed in any field is found, and the message still opens afterwards', async (t) => {
  const { alice, bob } = acquainted()
  const { messages } = send(alice, 3)
  const message = messages[2]!
  const flipped = (bytes: Uint8Array, bit: number) => {
    const copy = Buffer.from(bytes)
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return copy
  }
  const changes: Ratcheted[] = [
    ...Array.from({ length: 33 * 8 }, (_, bit) => bit)
      .filter((bit) => bit % 9 === 0)
      .map((bit) => ({ ...message, key: flipped(message.key, bit) })),
    ...[0, 1, 3, 4, 9].map((n) => ({ ...message, n })),
    ...[0, 1, 2, 3, 900].filter((n) => n !== message.previous).map((previous) => ({ ...message, previous })),
    ...Array.from({ length: message.ciphertext.length }, (_, byte) => ({
      ...message,
      ciphertext: flipped(message.ciphertext, byte * 8 + (byte % 8)),
    })),
    { ...message, ciphertext: message.ciphertext.subarray(1) },
    { ...message, ciphertext: new Uint8Array(0) },
    { ...message, key: new Uint8Array(0) },
  ]
  for (const change of changes) t.equal(whyOf(bob.decrypt(change)), 'forged')
  t.equal(opened(bob.decrypt(message)).text, 'message 2')
})

t.test(
  'a thousand messages may be missing, and one more may not, in a chain that begins and in one that goes on',
  async (t) => {
    const { alice, bob } = acquainted()
    const { messages } = send(alice, maxSkippedMessages + 3)
    t.equal(opened(bob.decrypt(messages[maxSkippedMessages]!)).text, `message ${maxSkippedMessages}`)
    t.equal(whyOf(bob.decrypt(messages[maxSkippedMessages + 1]!)), 'too-far')
    const { next } = readAll(bob, messages.slice(0, 1))
    t.equal(opened(next.decrypt(messages[maxSkippedMessages + 1]!)).text, `message ${maxSkippedMessages + 1}`)
    t.equal(whyOf(next.decrypt(messages[maxSkippedMessages + 2]!)), 'too-far')
  },
)

t.test('what is too far ahead is refused before a key is made, in each chain', async (t) => {
  const { alice, bob } = acquainted()
  const first = alice.encrypt(Buffer.from('first'))
  const { next } = readAll(bob, [first.message])
  const { message } = first.next.encrypt(Buffer.from('text'))
  const stranger = KeyPair.generate().publicKey
  // Were the keys made, each of these would take hours.
  for (const reader of [bob, next]) {
    t.equal(whyOf(reader.decrypt({ ...message, n: 2 ** 32 - 1 })), 'too-far')
    t.equal(whyOf(reader.decrypt({ ...message, key: stranger, n: 2 ** 32 - 1 })), 'too-far')
    t.equal(whyOf(reader.decrypt({ ...message, key: stranger, previous: 2 ** 32 - 1 })), 'too-far')
    t.equal(opened(reader.decrypt(message)).text, 'text')
  }
})

t.test('a flood of forged messages that skip much leaves nothing behind', async (t) => {
  const { alice, bob } = acquainted()
  const { message } = alice.encrypt(Buffer.from('text'))
  const { next: heard } = readAll(bob, [message])
  for (const n of [1, 500, maxSkippedMessages]) {
    const forged = { ...message, n, ciphertext: randomBytes(100) }
    t.equal(whyOf(bob.decrypt(forged)), 'forged')
    t.equal(whyOf(bob.decrypt({ ...forged, key: KeyPair.generate().publicKey, previous: n })), 'forged')
    t.equal(whyOf(heard.decrypt(forged)), 'forged')
  }
  t.equal(keptOf(heard), 0)
  t.equal(keptOf(bob), 0)
  t.equal(opened(bob.decrypt(message)).text, 'text')
})

t.test('at most 2000 keys are kept, the oldest go', async (t) => {
  const { alice, bob } = acquainted()
  const { messages } = send(alice, 2202)
  // Three leaps of 1000, 1000 and 199: 2199 are passed over.
  const leaps = [messages[1000]!, messages[2001]!, messages[2201]!]
  const { next } = readAll(bob, leaps)
  t.equal(keptOf(next), 2000)
  t.equal(whyOf(next.decrypt(messages[0]!)), 'used')
  t.equal(opened(next.decrypt(messages[2200]!)).text, 'message 2200')
  t.equal(keptOf(readAll(bob, leaps.slice(0, 1)).next), 1000)
  t.equal(
    opened(readAll(bob, leaps.slice(0, 2)).next.decrypt(messages[0]!)).text,
    'message 0',
    'control: it was kept until then',
  )
})

t.test('a key is kept until 3000 more were made', async (t) => {
  const { alice, bob } = acquainted()
  const { messages } = send(alice, 3003)
  const { next } = readAll(bob, messages.slice(1, 2999))
  t.equal(keptOf(next), 1)
  t.equal(opened(next.decrypt(messages[0]!)).text, 'message 0')
  const { next: later } = readAll(next, messages.slice(2999, 3003))
  t.equal(keptOf(later), 0)
  t.equal(whyOf(later.decrypt(messages[0]!)), 'used')
})

t.test('messages of a chain that the sender has left come late', async (t) => {
  const { alice, bob } = acquainted()
  const early = send(alice, 4)
  const { next: heard } = readAll(bob, early.messages.slice(1, 2))
  const answer = heard.encrypt(Buffer.from('answer'))
  const turned = opened(early.next.decrypt(answer.message)).next
  const late = send(turned, 2, 4)
  const order = [late.messages[1]!, early.messages[3]!, late.messages[0]!, early.messages[0]!, early.messages[2]!]
  const { texts, next } = readAll(answer.next, order)
  t.same(texts, ['message 5', 'message 3', 'message 4', 'message 0', 'message 2'])
  t.equal(keptOf(next), 0)
  for (const message of [...early.messages, ...late.messages]) t.not(whyOf(next.decrypt(message)), 'opened')
})

t.test('who was written to may write first by the shared secret, as in status-go', async (t) => {
  const { alice, bob } = begin()
  const { messages, next } = send(bob, 3)
  const { texts, next: heard } = readAll(alice, [messages[2]!, messages[0]!])
  t.same(texts, ['message 2', 'message 0'])
  const answer = heard.encrypt(Buffer.from('answer'))
  const turned = opened(next.decrypt(answer.message))
  t.equal(turned.text, 'answer')
  const last = turned.next.encrypt(Buffer.from('last'))
  const read = opened(heard.decrypt(last.message))
  t.equal(read.text, 'last')
  t.equal(opened(read.next.decrypt(messages[1]!)).text, 'message 1')
})

/** The first keys of messages in a chain. */
function messageKeys(chainKey: Uint8Array): Uint8Array[] {
  const first = stepChain(chainKey)
  return [first.messageKey, stepChain(first.chainKey).messageKey]
}

/**
 * Whether a thief opens one of `messages`: takes each 32 bytes of `storage` for the key of a message, of a chain, and for
 * a root, which leads on by the Diffie-Hellman `secret` that the thief can compute.
 */
function thiefOpens(storage: Uint8Array, secret: Uint8Array, messages: readonly Ratcheted[]): boolean {
  const windows = Array.from({ length: Math.max(0, storage.length - 31) }, (_, at) => storage.subarray(at, at + 32))
  return windows
    .flatMap((window) => [window, ...messageKeys(window), ...messageKeys(stepRoot(window, secret).chainKey)])
    .some((key) => messages.some((message) => openRatcheted(key, message.ciphertext, associatedData(message))))
}

t.test('a thief of who began opens nothing that was sent, also while no answer came', async (t) => {
  const [sharedKey, prekey, own] = [randomBytes(32), KeyPair.generate(), KeyPair.generate()]
  const { messages, next } = send(Ratchet.start(sharedKey, prekey.publicKey, own), 2)
  const secret = own.sharedSecret(prekey.publicKey)
  t.notOk(thiefOpens(next.toBytes(), secret, messages))
  // status-go keeps the shared secret at this point, for a chain that hardly anybody uses.
  t.ok(thiefOpens(Buffer.concat([next.toBytes(), sharedKey]), secret, messages), 'control: with it they open')
})

t.test('a thief of who has read opens nothing of it', async (t) => {
  const [sharedKey, prekey, own] = [randomBytes(32), KeyPair.generate(), KeyPair.generate()]
  const { messages } = send(Ratchet.start(sharedKey, prekey.publicKey, own), 2)
  const before = Ratchet.answer(sharedKey, prekey)
  const secret = own.sharedSecret(prekey.publicKey)
  t.ok(thiefOpens(before.toBytes(), secret, messages), 'control: before they were read they open')
  const one = readAll(before, messages.slice(1)).next
  t.ok(thiefOpens(one.toBytes(), secret, messages.slice(0, 1)), 'control: one that is still awaited opens')
  t.notOk(thiefOpens(one.toBytes(), secret, messages.slice(1)))
  t.notOk(thiefOpens(readAll(one, messages.slice(0, 1)).next.toBytes(), secret, messages))
})

t.test('after a turn of both, a stolen state opens nothing that follows', async (t) => {
  const { alice, bob } = acquainted()
  const stolen = Ratchet.fromBytes(bob.toBytes())
  const first = alice.encrypt(Buffer.from('before the turn'))
  t.equal(opened(stolen.decrypt(first.message)).text, 'before the turn', 'control: the thief reads until then')
  const heard = opened(bob.decrypt(first.message)).next
  const answer = heard.encrypt(Buffer.from('turn'))
  const turned = opened(first.next.decrypt(answer.message)).next
  const secret = turned.encrypt(Buffer.from('after the turn'))
  t.equal(opened(answer.next.decrypt(secret.message)).text, 'after the turn')
  t.equal(whyOf(stolen.decrypt(secret.message)), 'forged')
  t.equal(whyOf(opened(stolen.decrypt(first.message)).next.decrypt(secret.message)), 'forged')
})

t.test('what is on disk is read back, and damage is found', async (t) => {
  const { alice, bob } = acquainted()
  const { messages } = send(alice, 5)
  const { next } = readAll(bob, [messages[3]!])
  const stored = next.toBytes()
  t.same(Ratchet.fromBytes(stored).toBytes(), stored)
  t.same(readAll(Ratchet.fromBytes(stored), [messages[0]!, messages[4]!]).texts, ['message 0', 'message 4'])
  for (const bytes of [new Uint8Array(0), randomBytes(50), stored.subarray(0, -1), Buffer.of(8, 2)])
    t.throws(() => Ratchet.fromBytes(bytes), { code: 'session/unreadable' })
})

t.test('random bytes are refused as a state, whatever they are', async (t) => {
  holds(
    t,
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        Ratchet.fromBytes(bytes)
        return false
      } catch (error) {
        return (error as { code?: string }).code === 'session/unreadable'
      }
    }),
  )
})

t.test('a ratchet shows no key when it is printed', async (t) => {
  const { alice } = acquainted()
  const text = inspect(alice, { showHidden: true, depth: 9 }) + JSON.stringify(alice)
  t.match(text, /Ratchet \{"sent":0,"received":1,"kept":0\}/)
})
