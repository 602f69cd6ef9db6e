import fc from 'fast-check'
import t from 'tap'
import { ChatKind, ContentType } from '../../../src/messaging/application/chat.ts'
import { type Circumstances, judge } from '../../../src/messaging/application/judge.ts'
import { signPayload } from '../../../src/messaging/application/metadata.ts'
import { writePayload } from '../../../src/messaging/application/payloads.ts'
import { ApplicationType } from '../../../src/messaging/application/types.ts'
import { KeyPair, uncompress, userId } from '../../../src/messaging/keys.ts'
import { holds } from '../../kit/property.ts'

const [me, alice, mallory] = [1, 2, 3].map((seed) => KeyPair.fromSecret(Buffer.alloc(32, seed))) as [
  KeyPair,
  KeyPair,
  KeyPair,
]
const myKey = uncompress(me.publicKey)
const sentAt = 1_700_000_000_000
const clock = BigInt(sentAt)
const text = writePayload('chatMessage', {
  clock,
  timestamp: clock,
  text: 'hello',
  chatId: userId(me.publicKey),
  kind: ChatKind.oneToOne,
  contentType: ContentType.text,
})

const inSession: Circumstances = {
  place: { kind: 'private' },
  protection: 'session',
  transport: alice.publicKey,
  encryption: alice.publicKey,
  sentAt,
  now: sentAt,
}

t.test('a message is believed with its author and id', async (t) => {
  const { id, body } = signPayload(ApplicationType.chatMessage, text, alice)
  const judged = judge(body, inSession, myKey)
  t.match(judged, { believed: true, id, author: uncompress(alice.publicKey), payload: { name: 'chatMessage' } })
})

const signed = (payload: Uint8Array, by = alice, type: ApplicationType = ApplicationType.chatMessage) =>
  signPayload(type, payload, by).body

const refusals: readonly { what: string; body: Uint8Array; below?: Partial<Circumstances>; why: string }[] = [
  { what: 'no wrapper', body: Buffer.of(0xff), why: 'malformed' },
  { what: 'no signature', body: Buffer.from('12026869', 'hex'), why: 'not signed' },
  { what: 'an unknown type', body: signed(text, alice, 14 as ApplicationType), why: 'unknown type' },
  {
    what: 'a payload of another type',
    body: signed(text, alice, ApplicationType.communityDescription),
    why: 'malformed',
  },
  { what: 'the signature of another', body: signed(text, mallory), why: 'signers differ' },
  {
    what: 'no encryption',
    body: signed(text),
    below: { protection: 'open', encryption: undefined },
    why: 'not encrypted',
  },
  {
    what: 'a public place',
    body: signed(text),
    below: { place: { kind: 'public chat', name: 'x' } },
    why: 'wrong place',
  },
  {
    what: 'a clock and an envelope ahead of our time',
    body: signed(text),
    below: { now: sentAt - 200_000 },
    why: 'clock ahead',
  },
  { what: 'a clock ahead', body: signed(text), below: { sentAt: sentAt - 200_000 }, why: 'clock ahead' },
]

for (const { what, body, below, why } of refusals)
  t.test(`a payload with ${what} is not believed`, async (t) => {
    t.same(judge(body, { ...inSession, ...below }, myKey), { believed: false, why })
  })

t.test('of bytes that were changed nothing is believed of the author', async (t) => {
  const body = signed(text)
  const bent = fc.tuple(fc.nat({ max: body.length - 1 }), fc.integer({ min: 1, max: 255 }))
  let refusedOnes = 0
  holds(
    t,
    fc.property(bent, ([at, bits]) => {
      const other = Buffer.from(body)
      other[at]! ^= bits
      const judged = judge(other, inSession, myKey)
      if (!judged.believed) {
        refusedOnes += 1
        return
      }
      // What is not signed, the type and the wrapper's form, may change: the message may not.
      t.same(
        judged.payload.message,
        (judge(body, inSession, myKey) as { payload: { message: unknown } }).payload.message,
      )
    }),
    { numRuns: 200 },
  )
  t.ok(refusedOnes > 100, 'nearly all are refused')
})
