/** All layers together: two people, and a network that loses, doubles and turns around what they send. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { decodeMessage, encodeMessage } from '../../src/core/message.ts'
import { toMilliseconds, toNanoseconds } from '../../src/core/time.ts'
import { ChatKind, ContentType, ImageFormat } from '../../src/messaging/application/chat.ts'
import { type Judged, judge } from '../../src/messaging/application/judge.ts'
import { signPayload } from '../../src/messaging/application/metadata.ts'
import { type Payload, writePayload } from '../../src/messaging/application/payloads.ts'
import { ApplicationType } from '../../src/messaging/application/types.ts'
import { laterClock, nextClock } from '../../src/messaging/clock.ts'
import { type EncryptedMessage, protocolMessage } from '../../src/messaging/encryption/protocol-message.ts'
import { Session } from '../../src/messaging/encryption/session.ts'
import { KeyPair, type PublicKey, uncompress, userId } from '../../src/messaging/keys.ts'
import { DataSync } from '../../src/messaging/mvds/data-sync.ts'
import { oneToOneGroupId, peerName } from '../../src/messaging/mvds/group.ts'
import { parseSyncPayload, syncPayload } from '../../src/messaging/mvds/payload.ts'
import { keyFromPassword } from '../../src/messaging/payload/password.ts'
import { decrypt, encrypt } from '../../src/messaging/payload/payload.ts'
import { Reassembler } from '../../src/messaging/segmentation/reassembler.ts'
import { split } from '../../src/messaging/segmentation/split.ts'
import { negotiatedChannel } from '../../src/messaging/topics.ts'
import { holds } from '../kit/property.ts'

const [aliceKeys, bobKeys, bobsPrekey] = [1, 2, 3].map((seed) => KeyPair.fromSecret(Buffer.alloc(32, seed))) as [
  KeyPair,
  KeyPair,
  KeyPair,
]
const channel = negotiatedChannel(aliceKeys.sharedSecret(bobKeys.publicKey))
const key = await keyFromPassword(channel.name)

/** Bytes of a segment: small, so that few bytes make many. */
const segmentBytes = 2000

/** One person with one device, who talks with one other. */
class Person {
  readonly said: (Judged & { believed: true })[] = []
  readonly refused: string[] = []
  readonly #keys: KeyPair
  readonly #device: string
  readonly #other: { identity: PublicKey; installation: string }
  readonly #now: () => number
  readonly #sync: DataSync
  readonly #segments: Reassembler
  #session: Session | undefined
  #clock = 0n

  constructor(keys: KeyPair, device: string, other: { identity: PublicKey; installation: string }, now: () => number) {
    this.#keys = keys
    this.#device = device
    this.#other = other
    this.#now = now
    this.#sync = new DataSync({ clock: now })
    this.#segments = new Reassembler({ clock: now })
  }

  /** Begins with the other's prekey. */
  begin(prekey: KeyPair): void {
    this.#session = Session.start(this.#keys, { ...this.#other, prekey: prekey.publicKey })
  }

  write(text: string, image?: Uint8Array): void {
    this.#clock = nextClock(this.#clock, this.#now())
    const payload = writePayload('chatMessage', {
      clock: this.#clock,
      timestamp: BigInt(this.#now()),
      text,
      chatId: userId(this.#other.identity),
      kind: ChatKind.oneToOne,
      contentType: image ? ContentType.image : ContentType.text,
      content: image && { case: 'image', value: { payload: image, format: ImageFormat.jpeg } },
    })
    const { body } = signPayload(ApplicationType.chatMessage, payload, this.#keys)
    this.#sync.send(peerName(this.#other.identity), oneToOneGroupId(this.#keys.publicKey, this.#other.identity), body)
  }

  /** The Waku messages that are due. */
  due(): Uint8Array[] {
    if (this.#session === undefined) return []
    return this.#sync.tick().outgoing.flatMap(({ payload }) => this.#seal(syncPayload.encode(payload)))
  }

  /** Something waits to be sent or confirmed. */
  get waits(): number | undefined {
    return this.#sync.dueAt
  }

  #seal(plaintext: Uint8Array): Uint8Array[] {
    const { message, next } = this.#session!.encrypt(plaintext)
    this.#session = next
    const encrypted = new Map([[this.#other.installation, message]])
    const parts = split(protocolMessage.encode({ installation: this.#device, encrypted }), segmentBytes)
    const { contentTopic } = channel
    return parts.map((part) =>
      encodeMessage({
        contentTopic,
        version: 1,
        timestamp: toNanoseconds(this.#now()),
        payload: encrypt(part, { key }, this.#keys),
      }),
    )
  }

  take(body: Uint8Array): void {
    const { payload, timestamp } = decodeMessage(body)
    const outer = decrypt(payload, { key })
    if (outer?.author === undefined) return
    const segment = this.#segments.accept(userId(outer.author), outer.data)
    if (segment.kind !== 'whole' && segment.kind !== 'not a segment') return
    const whole = segment.kind === 'whole' ? segment.payload : outer.data
    const sealed = protocolMessage.parse(whole)?.encrypted.get(this.#device)
    const plaintext = sealed && this.#open(sealed)
    if (plaintext) this.#read(plaintext, outer.author, toMilliseconds(timestamp ?? 0n))
  }

  #open(sealed: EncryptedMessage): Uint8Array | undefined {
    const session = this.#session ?? Session.answer(this.#keys, bobsPrekey, this.#other, sealed)
    const opened = session?.decrypt(sealed)
    if (!opened?.opened) return undefined
    this.#session = opened.next
    return opened.plaintext
  }

  #read(plaintext: Uint8Array, author: PublicKey, sentAt: number): void {
    const { delivered } = this.#sync.receive(peerName(author), parseSyncPayload(plaintext)!)
    const below = { place: { kind: 'private' }, protection: 'session', transport: author, encryption: author } as const
    for (const { message } of delivered) {
      const judged = judge(message.body, { ...below, sentAt, now: this.#now() }, uncompress(this.#keys.publicKey))
      if (!judged.believed) this.refused.push(judged.why)
      else this.#hear(judged)
    }
  }

  #hear(judged: Judged & { believed: true }): void {
    this.said.push(judged)
    if (judged.payload.name === 'chatMessage') this.#clock = laterClock(this.#clock, judged.payload.message.clock)
  }
}

function two() {
  const time = { now: 1_700_000_000_000 }
  const now = () => time.now
  const alice = new Person(aliceKeys, 'phone-a', { identity: bobKeys.publicKey, installation: 'phone-b' }, now)
  const bob = new Person(bobKeys, 'phone-b', { identity: aliceKeys.publicKey, installation: 'phone-a' }, now)
  alice.begin(bobsPrekey)
  return { time, alice, bob }
}

type Message = Extract<Payload, { name: 'chatMessage' }>['message']
const textsOf = ({ said }: Person) => said.map(({ payload }) => (payload.message as Message).text).sort()

/** How the network treats the envelopes of one moment, each by its place in the list. */
const weather = fc.array(
  fc.record({ copies: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 7 }), backwards: fc.boolean() }),
  { maxLength: 8 },
)

t.test('what two people write arrives once and is believed, whatever the network does', async (t) => {
  holds(
    t,
    fc.property(weather, fc.integer({ min: 1, max: 5 }), (moments, count) => {
      const { time, alice, bob } = two()
      const written = Array.from({ length: count }, (_, index) => `message ${index}`)
      for (const text of written) alice.write(text)
      let hasAnswered = false
      const rounds = [...moments, ...new Array(20).fill({ copies: [1], backwards: false })]
      for (const { copies, backwards } of rounds) {
        const sent = [
          ...alice.due().map((body) => ({ to: bob, body })),
          ...bob.due().map((body) => ({ to: alice, body })),
        ].flatMap((one, index) => new Array<typeof one>(copies[index % copies.length]).fill(one))
        for (const { to, body } of backwards ? sent.reverse() : sent) to.take(body)
        if (!hasAnswered && bob.said.length > 0) for (const text of written) bob.write(`re ${text}`)
        hasAnswered ||= bob.said.length > 0
        const dueAt = Math.min(alice.waits ?? Number.POSITIVE_INFINITY, bob.waits ?? Number.POSITIVE_INFINITY)
        time.now = Math.max(time.now + 300, Number.isFinite(dueAt) ? dueAt : 0)
      }
      t.same([...alice.refused, ...bob.refused], [])
      t.same(textsOf(bob), written)
      t.same(
        textsOf(alice),
        written.map((text) => `re ${text}`),
      )
      return alice.waits === undefined && bob.waits === undefined
    }),
    { numRuns: 10 },
  )
})

t.test('a picture in many segments comes through although one in eight is lost', async (t) => {
  const { time, alice, bob } = two()
  const picture = randomBytes(15 * segmentBytes)
  alice.write('', picture)
  const sent = alice.due()
  t.equal(sent.length, 16 + 2)
  for (const [index, body] of sent.entries()) if (index !== 3 && index !== 15) bob.take(body)
  const [{ payload } = fail()] = bob.said
  t.match(payload, { name: 'chatMessage', message: { content: { case: 'image', value: { payload: picture } } } })
  time.now += 300
  for (const body of bob.due()) alice.take(body)
  t.equal(alice.waits, undefined, 'and is confirmed')
})

function fail(): never {
  throw new Error('nothing came')
}
