import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { GroupKey } from '../../../src/messaging/encryption/group-key.ts'
import {
  HashRatchet,
  type HashRatchetOpened,
  maxSequenceSteps,
  sequenceWindow,
} from '../../../src/messaging/encryption/hash-ratchet.ts'
import { openRekey, rekeyIndex, sealRekey } from '../../../src/messaging/encryption/rekey.ts'
import { KeyPair, type PublicKey } from '../../../src/messaging/keys.ts'
import { holds } from '../../kit/property.ts'

const groupKey = new GroupKey(Buffer.from('group'), 1_700_000_000_000n)

interface Sent {
  readonly sequence: number
  readonly payload: Uint8Array
  readonly text: string
}

function send(sender: HashRatchet, count: number): Sent[] {
  let next = sender
  return Array.from({ length: count }, (_, n) => {
    const sent = next.encrypt(Buffer.from(`message ${n}`))
    next = sent.next
    return { sequence: sent.sequence, payload: sent.payload, text: `message ${n}` }
  })
}

function textOf(result: HashRatchetOpened): string {
  return result.opened ? Buffer.from(result.plaintext).toString() : result.why
}

function nextOf(result: HashRatchetOpened): HashRatchet {
  if (!result.opened) throw new Error(`refused: ${result.why}`)
  return result.next
}

const fresh = HashRatchet.of(groupKey)
const messages = send(fresh, maxSequenceSteps + 2)
const at = (sequence: number) => messages[sequence - 1]!
const read = (reader: HashRatchet, sequence: number) => reader.decrypt(sequence, at(sequence).payload)

t.test('numbers begin at 1; 0 brings keys and is no data', async (t) => {
  t.equal(at(1).sequence, 1)
  t.equal(textOf(fresh.decrypt(0, at(1).payload)), 'no-data')
})

t.test('messages open in any order within the window, with a restart at each', async (t) => {
  holds(
    t,
    fc.property(fc.shuffledSubarray(messages.slice(0, sequenceWindow), { maxLength: 12 }), (some) => {
      let reader = fresh
      return some.every(({ sequence, payload, text }) => {
        const result = HashRatchet.fromBytes(reader.toBytes()).decrypt(sequence, payload)
        if (result.opened) reader = result.next
        return textOf(result) === text
      })
    }),
    { numRuns: 15 },
  )
})

t.test('two members that write under one number are both read', async (t) => {
  const [one, other] = [fresh.encrypt(Buffer.from('one')), fresh.encrypt(Buffer.from('other'))]
  t.equal(one.sequence, other.sequence)
  const first = fresh.decrypt(one.sequence, one.payload)
  t.equal(textOf(first), 'one')
  t.equal(textOf(nextOf(first).decrypt(other.sequence, other.payload)), 'other')
})

t.test('who has read message n writes message n + 1', async (t) => {
  t.equal(nextOf(read(fresh, 7)).encrypt(Buffer.from('text')).sequence, 8)
})

t.test('2000 messages may be missing, and one more may not', async (t) => {
  t.equal(textOf(read(fresh, maxSequenceSteps)), `message ${maxSequenceSteps - 1}`)
  t.equal(textOf(read(fresh, maxSequenceSteps + 1)), 'too-far')
  t.equal(textOf(read(nextOf(read(fresh, 1)), maxSequenceSteps + 1)), `message ${maxSequenceSteps}`)
  t.equal(textOf(fresh.decrypt(2 ** 32 - 1, at(1).payload)), 'too-far')
})

t.test('what is before the window cannot be opened, nor computed from what is kept', async (t) => {
  const reader = nextOf(read(fresh, 1500))
  t.equal(textOf(read(reader, 1500 - sequenceWindow)), `message ${1499 - sequenceWindow}`)
  t.equal(textOf(read(reader, 1499 - sequenceWindow)), 'forgotten')
  t.notOk(Buffer.from(reader.toBytes()).includes(groupKey.secretBytes()))
  t.ok(Buffer.from(fresh.toBytes()).includes(groupKey.secretBytes()), 'control: it was there at first')
})

t.test('a window that is closed by hand is closed', async (t) => {
  const reader = nextOf(read(fresh, 10)).forgetBefore(8)
  t.equal(textOf(read(reader, 8)), 'message 7')
  t.equal(textOf(read(reader, 7)), 'forgotten')
  t.equal(textOf(read(reader.forgetBefore(99), 10)), 'message 9', 'the newest stays, to write the next')
  t.same(reader.forgetBefore(3).toBytes(), reader.toBytes())
})

t.test('nothing is kept for each step', async (t) => {
  t.equal(nextOf(read(fresh, 900)).toBytes().length < 200, true)
})

t.test('a forged message changes nothing', async (t) => {
  const { payload, text } = at(3)
  for (let byte = 0; byte < payload.length; byte += 1) {
    const changed = Buffer.from(payload)
    changed[byte] = (changed[byte] ?? 0) ^ 1
    t.equal(textOf(fresh.decrypt(3, changed)), 'forged')
  }
  t.equal(textOf(fresh.decrypt(4, payload)), 'forged')
  t.equal(textOf(fresh.decrypt(3, new Uint8Array(0))), 'forged')
  t.equal(textOf(fresh.decrypt(3, payload)), text)
})

t.test('damaged bytes are refused, and nothing shows a key when it is printed', async (t) => {
  for (const bytes of [new Uint8Array(0), randomBytes(40), fresh.toBytes().subarray(0, -1)])
    t.throws(() => HashRatchet.fromBytes(bytes), { code: 'session/unreadable' })
  const secret = Buffer.from(groupKey.secretBytes()).toString('hex')
  const text = [fresh, groupKey].map((one) => inspect(one, { showHidden: true, depth: 9 }) + JSON.stringify(one)).join()
  t.notMatch(text, secret)
  t.match(inspect({ secret }), secret, 'control: it would be found')
})

t.test('a rekey brings the key to each member and to nobody else', async (t) => {
  const owner = KeyPair.generate()
  const members = Array.from({ length: 5 }, () => KeyPair.generate())
  const entries = sealRekey(
    owner,
    members.map(({ publicKey }) => publicKey),
    groupKey.secretBytes(),
  )
  t.equal(entries.size, members.length)
  for (const member of members) t.same(openRekey(member, owner.publicKey, entries), Buffer.from(groupKey.secretBytes()))
  t.equal(openRekey(KeyPair.generate(), owner.publicKey, entries), undefined)
  t.equal(openRekey(members[0]!, KeyPair.generate().publicKey, entries), undefined, 'nor from another owner')
})

t.test('members whose index is the same find their own entry behind that of another', async (t) => {
  const owner = KeyPair.generate()
  const [one, other] = [KeyPair.generate(), KeyPair.generate()]
  const entryFor = (member: PublicKey) => sealRekey(owner, [member], groupKey.secretBytes()).get(rekeyIndex(member))
  const colliding = Buffer.concat([
    entryFor(one.publicKey) ?? owner.publicKey,
    entryFor(other.publicKey) ?? owner.publicKey,
  ])
  t.equal(colliding.length, 120)
  for (const member of [one, other]) {
    const entries = new Map([[rekeyIndex(member.publicKey), colliding]])
    t.same(openRekey(member, owner.publicKey, entries), Buffer.from(groupKey.secretBytes()))
  }
  const twice = sealRekey(owner, [one.publicKey, one.publicKey], groupKey.secretBytes())
  t.equal(twice.get(rekeyIndex(one.publicKey))?.length, 120)
  t.same(openRekey(one, owner.publicKey, twice), Buffer.from(groupKey.secretBytes()))
})

t.test('entries of anybody bring nothing and do no harm', async (t) => {
  const [owner, member] = [KeyPair.generate(), KeyPair.generate()]
  holds(
    t,
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      (entry) => openRekey(member, owner.publicKey, new Map([[rekeyIndex(member.publicKey), entry]])) === undefined,
    ),
    { numRuns: 30 },
  )
})
