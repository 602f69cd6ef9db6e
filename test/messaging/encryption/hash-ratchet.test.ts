import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { headerWithKeys, headerWithRekey, keysOfHeader } from '../../../src/messaging/encryption/group-exchange.ts'
import { GroupKey } from '../../../src/messaging/encryption/group-key.ts'
import {
  HashRatchet,
  type HashRatchetOpened,
  maxSequenceSteps,
  sequenceWindow,
} from '../../../src/messaging/encryption/hash-ratchet.ts'
import {
  type EncryptedMessage,
  encryptedMessage,
  type HashRatchetHeader,
  hashRatchetHeader,
} from '../../../src/messaging/encryption/protocol-message.ts'
import { openRekey, rekeyIndex, sealRekey } from '../../../src/messaging/encryption/rekey.ts'
import { KeyPair, type PublicKey } from '../../../src/messaging/keys.ts'
import type { DraftOf } from '../../../src/messaging/schema.ts'
import { holds } from '../../kit/property.ts'

const groupKey = new GroupKey(Buffer.from('group'), 1_700_000_000_000n)

interface Sent {
  readonly message: EncryptedMessage
  readonly text: string
}

/** As it comes from the wire. */
function received(draft: DraftOf<typeof encryptedMessage>): EncryptedMessage {
  return encryptedMessage.decode(encryptedMessage.encode(draft))
}

function send(sender: HashRatchet, count: number): Sent[] {
  let next = sender
  return Array.from({ length: count }, (_, n) => {
    const sent = next.encrypt(Buffer.from(`message ${n}`))
    next = sent.next
    return { message: received(sent.message), text: `message ${n}` }
  })
}

/** The same message under another number. */
function renumbered(message: EncryptedMessage, sequence: number): EncryptedMessage {
  return received({ ...message, hashRatchet: { ...message.hashRatchet, sequence } })
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
const read = (reader: HashRatchet, sequence: number) => reader.decrypt(at(sequence).message)

t.test('numbers begin at 1; 0 brings keys and is no data', async (t) => {
  t.match(at(1).message.hashRatchet, {
    sequence: 1,
    groupId: Buffer.from('group'),
    deprecatedKeyId: groupKey.deprecatedId,
  })
  t.equal(textOf(fresh.decrypt(renumbered(at(1).message, 0))), 'no-data')
})

t.test('messages open in any order within the window, with a restart at each', async (t) => {
  holds(
    t,
    fc.property(fc.shuffledSubarray(messages.slice(0, sequenceWindow), { maxLength: 12 }), (some) => {
      let reader = fresh
      return some.every(({ message, text }) => {
        const result = HashRatchet.fromBytes(reader.toBytes()).decrypt(message)
        if (result.opened) reader = result.next
        return textOf(result) === text
      })
    }),
    { numRuns: 15 },
  )
})

t.test('two members that write under one number are both read', async (t) => {
  const [one, other] = ['one', 'other'].map((text) => received(fresh.encrypt(Buffer.from(text)).message))
  t.equal(one!.hashRatchet?.sequence, other!.hashRatchet?.sequence)
  const first = fresh.decrypt(one!)
  t.equal(textOf(first), 'one')
  t.equal(textOf(nextOf(first).decrypt(other!)), 'other')
})

t.test('who has read message n writes message n + 1', async (t) => {
  t.equal(nextOf(read(fresh, 7)).encrypt(Buffer.from('text')).message.hashRatchet?.sequence, 8)
})

t.test('2000 messages may be missing, and one more may not', async (t) => {
  t.equal(textOf(read(fresh, maxSequenceSteps)), `message ${maxSequenceSteps - 1}`)
  t.equal(textOf(read(fresh, maxSequenceSteps + 1)), 'too-far')
  t.equal(textOf(read(nextOf(read(fresh, 1)), maxSequenceSteps + 1)), `message ${maxSequenceSteps}`)
  t.equal(textOf(fresh.decrypt(renumbered(at(1).message, 2 ** 32 - 1))), 'too-far')
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
  const { message, text } = at(3)
  for (let byte = 0; byte < message.payload.length; byte += 1) {
    const payload = Buffer.from(message.payload)
    payload[byte] = (payload[byte] ?? 0) ^ 1
    t.equal(textOf(fresh.decrypt({ ...message, payload })), 'forged')
  }
  t.equal(textOf(fresh.decrypt(renumbered(message, 4))), 'forged')
  t.equal(textOf(fresh.decrypt({ ...message, payload: new Uint8Array(0) })), 'forged')
  t.equal(textOf(fresh.decrypt({ ...message, hashRatchet: undefined })), 'forged')
  t.equal(textOf(HashRatchet.of(new GroupKey(Buffer.from('group'), 1n)).decrypt(message)), 'forged')
  t.equal(textOf(fresh.decrypt(message)), text)
})

t.test('damaged bytes are refused, and nothing shows a key when it is printed', async (t) => {
  for (const bytes of [new Uint8Array(0), randomBytes(40), fresh.toBytes().subarray(0, -1)])
    t.throws(() => HashRatchet.fromBytes(bytes), { code: 'session/unreadable' })
  const stored = nextOf(read(fresh, 10)).toBytes()
  t.same(HashRatchet.fromBytes(stored).toBytes(), stored)
  // The newest stands last: its number, then its key. None is before the oldest.
  const back = Buffer.from(nextOf(read(fresh, 10)).forgetBefore(8).toBytes())
  back[back.length - 32 - 3] = 7
  t.throws(() => HashRatchet.fromBytes(back), { code: 'session/unreadable' })
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

t.test('a rekey that nobody would read is not written', async (t) => {
  const [owner, one] = [KeyPair.generate(), KeyPair.generate()]
  const rekey = (count: number) => sealRekey(owner, new Array(count).fill(one.publicKey), groupKey.secretBytes())
  t.same(openRekey(one, owner.publicKey, rekey(16)), Buffer.from(groupKey.secretBytes()))
  t.throws(() => rekey(17), { code: 'rekey/unreadable', message: /16 under one index/ })
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

/** A header as it comes from the wire. */
function receivedHeader(draft: DraftOf<typeof hashRatchetHeader>): HashRatchetHeader {
  return hashRatchetHeader.decode(hashRatchetHeader.encode(draft))
}

t.test('keys travel in a header to one member, and sealed in a rekey to all', async (t) => {
  const [owner, member, stranger] = [KeyPair.generate(), KeyPair.generate(), KeyPair.generate()]
  const idsOf = (keys: readonly GroupKey[]) => keys.map(({ id }) => Buffer.from(id).toString('hex'))
  const other = new GroupKey(groupKey.groupId, 1_700_000_001_000n)
  const direct = receivedHeader(headerWithKeys(groupKey.groupId, [groupKey, other]))
  t.same(idsOf(keysOfHeader(direct, member, owner.publicKey)), idsOf([groupKey, other]))
  const rekey = receivedHeader(headerWithRekey(owner, [member.publicKey], groupKey))
  t.same(idsOf(keysOfHeader(rekey, member, owner.publicKey)), idsOf([groupKey]))
  t.same(keysOfHeader(rekey, stranger, owner.publicKey), [])
  t.same(keysOfHeader({ ...rekey, sequence: 1 }, member, owner.publicKey), [], 'only under number 0')
  const [message] = messages
  const [read] = keysOfHeader(rekey, member, owner.publicKey)
  t.equal(read && textOf(HashRatchet.of(read).decrypt(message!.message)), 'message 0')
})

t.test('a key of an older peer has the short id for a timestamp, and one of another length is none', async (t) => {
  const member = KeyPair.generate()
  const header = receivedHeader({
    groupId: groupKey.groupId,
    keys: {
      keys: [
        { deprecatedId: 77, key: groupKey.secretBytes() },
        { deprecatedId: 78, key: new Uint8Array(31) },
      ],
    },
  })
  t.same(
    keysOfHeader(header, member, member.publicKey).map(({ timestamp }) => timestamp),
    [77n],
  )
})
