import fc from 'fast-check'
import t from 'tap'
import { chatMessage } from '../../../src/messaging/application/chat.ts'
import { messageId, openPayload, signPayload } from '../../../src/messaging/application/metadata.ts'
import { readPayload, writePayload } from '../../../src/messaging/application/payloads.ts'
import { ApplicationType } from '../../../src/messaging/application/types.ts'
import { KeyPair, keccak256, uncompress } from '../../../src/messaging/keys.ts'
import { holds } from '../../kit/property.ts'
import { bytesOf, hexOf } from '../../kit/vectors.ts'

const alice = KeyPair.fromSecret(Buffer.alloc(32, 1))
const aliceKey = uncompress(alice.publicKey)
const text = writePayload('chatMessage', { clock: 1n, text: 'hello' })

t.test('a signed payload comes back with its author, type and id', async (t) => {
  const { id, body } = signPayload(ApplicationType.chatMessage, text, alice)
  const opened = openPayload(body)
  t.same(opened, { id, signer: aliceKey, type: 1, payload: Buffer.from(text) })
  t.equal(hexOf(id), hexOf(keccak256(aliceKey, body)))
})

t.test('the id is of the bytes as they came, whatever they say', async (t) => {
  const { id, body } = signPayload(ApplicationType.chatMessage, text, alice)
  const longer = Buffer.concat([body, bytesOf('a00601')])
  const opened = openPayload(longer)
  t.ok(typeof opened === 'object' && hexOf(opened.id) !== hexOf(id))
  t.same(typeof opened === 'object' && opened.id, messageId(aliceKey, longer))
})

t.test('the type is not signed: the same signature stands under another', async (t) => {
  const { body } = signPayload(ApplicationType.chatMessage, text, alice)
  const retyped = Buffer.concat([body, bytesOf('1802')])
  t.match(openPayload(retyped), { signer: aliceKey, type: 2 }, 'which is why its origin is checked')
})

t.test('a payload that was changed has another author', async (t) => {
  const { body } = signPayload(ApplicationType.chatMessage, text, alice)
  const bent = Buffer.from(body)
  bent[body.length - 3]! ^= 1
  const opened = openPayload(bent)
  t.ok(typeof opened === 'string' || hexOf(opened.signer) !== hexOf(aliceKey))
})

t.test('what is not signed, or no wrapper at all, is told apart', async (t) => {
  t.equal(openPayload(new Uint8Array(0)), 'not signed')
  t.equal(openPayload(bytesOf('12026869')), 'not signed')
  t.equal(openPayload(bytesOf('0a4100')), 'malformed')
})

t.test('an empty payload may be signed: a contact code without profile is one', async (t) => {
  const { body } = signPayload(ApplicationType.contactCodeAdvertisement, new Uint8Array(0), alice)
  t.match(openPayload(body), { signer: aliceKey, type: 15 })
})

t.test('every type has a schema, and reads what it writes', async (t) => {
  for (const [name, type] of Object.entries(ApplicationType)) {
    const read = readPayload(type, new Uint8Array(0))
    t.ok(typeof read === 'object' && read.name === name, name)
    t.equal(readPayload(type, bytesOf('ff')), 'malformed', name)
  }
  t.equal(readPayload(14, new Uint8Array(0)), 'unknown type')
  t.equal(new Set(Object.values(ApplicationType)).size, Object.keys(ApplicationType).length)
})

// By hand: clock 1 (08 01), timestamp 2 (10 02), text "hi", chat id "c", kind 1, content type 7, then an image in field
// 10 with payload aa and format 2, and a display name in field 14.
const golden = '0801' + '1002' + '1a026869' + '320163' + '3801' + '4007' + '5205' + '0a01aa' + '1002' + '72056e616d6573'

t.test('a chat message has its golden bytes', async (t) => {
  const draft = {
    clock: 1n,
    timestamp: 2n,
    text: 'hi',
    chatId: 'c',
    kind: 1,
    contentType: 7,
    content: { case: 'image', value: { payload: bytesOf('aa'), format: 2 } },
    displayName: 'names',
  } as const
  t.equal(hexOf(chatMessage.encode(draft)), golden)
  t.match(chatMessage.decode(bytesOf(golden)), draft)
})

t.test('no bytes crash the reader of any type', async (t) => {
  const types = fc.constantFrom(...Object.values(ApplicationType))
  const noise = fc.uint8Array({ maxLength: 80 })
  let read = 0
  holds(
    t,
    fc.property(types, noise, noise, (type, body, wrapper) => {
      openPayload(wrapper)
      if (typeof readPayload(type, body) === 'object') read += 1
    }),
    { numRuns: 1000 },
  )
  t.ok(read > 0, 'some are read')
})
