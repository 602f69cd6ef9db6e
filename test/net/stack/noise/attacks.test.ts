/** What a peer can do to the secure channel, whose identity it has not proved yet, or has. */
import { createPublicKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { generateKeyPair as generateIdentity } from '@libp2p/crypto/keys'
import type { MessageStream, PrivateKey, SecuredConnection } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import t, { type Test } from 'tap'
import { ProtobufWriter } from '../../../../src/core/protobuf.ts'
import { Channel } from '../../../../src/net/stack/noise/channel.ts'
import { Cipher } from '../../../../src/net/stack/noise/cipher.ts'
import { type Ciphers, Handshake } from '../../../../src/net/stack/noise/handshake.ts'
import { generateKeyPair, type KeyPair } from '../../../../src/net/stack/noise/key-pair.ts'
import { maxMessageBytes, readMessage, sendMessage } from '../../../../src/net/stack/noise/messages.ts'
import { encodePayload, signIdentity } from '../../../../src/net/stack/noise/payload.ts'
import { connected, end, received, receivedBytes, recordsOf } from '../../../kit/secured.ts'

const muxers = ['/yamux/1.0.0']
const nothing = new Uint8Array()

/** What a peer says of itself in a handshake. */
type Say = (staticKey: KeyPair, identity: PrivateKey) => Promise<Uint8Array>

const honest: Say = async ({ publicBytes }, identity) =>
  encodePayload({ ...(await signIdentity(identity, publicBytes)), streamMuxers: muxers })

/** Lies, and what they are answered with. */
const lies: readonly { readonly id: string; readonly say: Say; readonly wrong: RegExp }[] = [
  {
    id: 'a signature of another identity',
    wrong: /has not signed/,
    say: async ({ publicBytes }, identity) => {
      const { signature } = await signIdentity(await generateIdentity('Ed25519'), publicBytes)
      return encodePayload({ ...(await signIdentity(identity, publicBytes)), signature, streamMuxers: muxers })
    },
  },
  {
    id: 'a signature of another static key',
    wrong: /has not signed/,
    say: async (_, identity) =>
      encodePayload({ ...(await signIdentity(identity, generateKeyPair().publicBytes)), streamMuxers: muxers }),
  },
  {
    id: 'a signature of no length',
    wrong: /has not signed/,
    say: async ({ publicBytes }, identity) =>
      encodePayload({ ...(await signIdentity(identity, publicBytes)), signature: nothing, streamMuxers: muxers }),
  },
  { id: 'nothing', wrong: /./, say: async () => nothing },
  { id: 'no protobuf', wrong: /malformed|noise handshake payload/, say: async () => Buffer.alloc(100, 255) },
  {
    id: 'a key that is none',
    wrong: /./,
    say: async ({ publicBytes }, identity) => {
      const { signature } = await signIdentity(identity, publicBytes)
      return encodePayload({ identityKey: randomBytes(36), signature, streamMuxers: muxers })
    },
  },
  { id: 'an RSA key of 16,384 bits', wrong: /too large/, say: async () => rsaPayload(16_384) },
  { id: 'an RSA key of 4,096 bits that is not theirs', wrong: /has not signed/, say: async () => rsaPayload(4096) },
  {
    id: 'muxers that we do not speak',
    wrong: /no muxer/,
    say: async ({ publicBytes }, identity) =>
      encodePayload({ ...(await signIdentity(identity, publicBytes)), streamMuxers: ['/other/1.0.0'] }),
  },
  { id: 'more than a handshake has to say', wrong: /too long/, say: async () => Buffer.alloc(maxMessageBytes) },
  { id: 'as much as a record can hold', wrong: /too long/, say: async () => Buffer.alloc(65_000) },
]

t.test('a peer that is honest is let in, in both directions', async (t) => {
  const identity = await generateIdentity('Ed25519')
  const [dialling, dialled] = await Promise.all([
    attackListener(t, honest, identity),
    attackDialler(t, honest, identity),
  ])
  for (const { remotePeer, streamMuxer } of [await dialling, await dialled]) {
    t.ok(identity.publicKey.toCID().equals(remotePeer.toCID()))
    t.equal(streamMuxer?.protocol, muxers[0])
  }
})

for (const kind of ['RSA', 'secp256k1', 'Ed25519'] as const)
  t.test(`a peer with a key of the kind ${kind} is let in`, async (t) => {
    const identity = kind === 'RSA' ? await generateIdentity(kind, 2048) : await generateIdentity(kind)
    const { remotePeer } = await attackListener(t, honest, identity)
    t.ok(identity.publicKey.toCID().equals(remotePeer.toCID()))
  })

for (const { id, say, wrong } of lies)
  t.test(`a peer that sends ${id} is not let in`, async (t) => {
    await t.rejects(attackListener(t, say), { message: wrong }, 'when it dials')
    await t.rejects(attackDialler(t, say), { message: wrong }, 'when it is dialled')
  })

t.test('a peer is who it was dialled as, or it is not let in', async (t) => {
  const [identity, another] = [await generateIdentity('RSA', 2048), await end('ours')]
  const { peerId } = await end('ours', [], identity)
  await t.resolves(attackDialler(t, honest, identity, peerId), 'the right one')
  await t.rejects(attackDialler(t, honest, identity, another.peerId), { name: 'UnexpectedPeerError' })
})

t.test('messages of another handshake are no handshake', async (t) => {
  const spoken: Uint8Array[] = []
  await attackListener(t, honest, undefined, spoken)
  const [first = nothing, last = nothing] = spoken
  const { dialled, accepted } = await connected(t)
  const { encrypter } = await end('ours', muxers)
  const answered = encrypter.secureInbound(accepted)
  const refused = t.rejects(answered, { name: 'InvalidCryptoExchangeError' })
  sendMessage(dialled, first)
  await readMessage(dialled)
  sendMessage(dialled, last)
  await refused
})

t.test('a peer that never answers is waited for as long as the signal says', async (t) => {
  const steps: readonly ((connection: MessageStream) => Promise<void>)[] = [
    async () => {},
    async (connection) => void connection.send(Buffer.from([0])),
    async (connection) => {
      sendMessage(connection, new Handshake({ initiator: true, staticKey: generateKeyPair() }).write(nothing))
      await readMessage(connection)
    },
  ]
  for (const step of steps) {
    const { dialled, accepted } = await connected(t)
    const waits = new AbortController()
    const answered = (await end('ours', muxers)).encrypter.secureInbound(accepted, { signal: waits.signal })
    const refused = t.rejects(answered, { message: 'that was long enough' })
    await step(dialled)
    waits.abort(new Error('that was long enough'))
    await refused
  }
})

t.test('a handshake that was called off before it began does not begin', async (t) => {
  const { dialled } = await connected(t)
  const signal = AbortSignal.abort(new Error('too late'))
  const { encrypter } = await end('ours')
  await t.rejects(encrypter.secureInbound(dialled, { signal }), { message: 'too late' })
})

for (const leave of ['closes', 'resets'] as const)
  t.test(`a peer that ${leave} the connection at any step ends the handshake`, async (t) => {
    const go = (connection: MessageStream): void =>
      leave === 'closes' ? void connection.close() : connection.abort(new Error('gone'))
    for (const after of [0, 1, 2]) {
      const { dialled, accepted } = await connected(t)
      const answered = (await end('ours', muxers)).encrypter.secureInbound(accepted)
      const refused = t.rejects(answered, `after ${after} messages`)
      const handshake = new Handshake({ initiator: true, staticKey: generateKeyPair() })
      if (after > 0) sendMessage(dialled, handshake.write(nothing))
      if (after > 1) {
        handshake.read(await readMessage(dialled))
        dialled.send(Buffer.from([1, 0, 5]))
      }
      go(dialled)
      await refused
    }
  })

t.test('a peer that is gone when its last message is read is not let in', async (t) => {
  const { dialled, accepted } = await connected(t)
  const unshift = accepted.unshift.bind(accepted)
  let messages = 0
  // What follows a message is given back when the message is read: here the second one of the peer.
  accepted.unshift = (data) => {
    unshift(data)
    messages += 1
    if (messages === 2) accepted.abort(new Error('gone'))
  }
  const answered = (await end('ours', muxers)).encrypter.secureInbound(accepted)
  const refused = t.rejects(answered, { name: 'ConnectionClosedError' })
  await dial(dialled, honest)
  await refused
})

t.test('a handshake that comes byte by byte is one', async (t) => {
  const { dialled, accepted } = await connected(t)
  const send = dialled.send.bind(dialled)
  dialled.send = (data) => data.subarray().every((byte) => send(Uint8Array.of(byte)))
  const answered = (await end('ours', muxers)).encrypter.secureInbound(accepted)
  await dial(dialled, honest)
  await t.resolves(answered)
})

t.test('what comes with the last message of the handshake is not lost', async (t) => {
  const { dialled, accepted } = await connected(t)
  const answered = (await end('ours', muxers)).encrypter.secureInbound(accepted)
  const held: Uint8Array[] = []
  const ciphers = await dial(dialled, honest, undefined, (last) => held.push(last))
  const [last = nothing] = held
  const framed = Buffer.concat([Buffer.from([last.length >> 8, last.length & 255]), last])
  const records = sealed(ciphers.send, 'first')
  // One packet with half a record, and one with the rest.
  dialled.send(Buffer.concat([framed, records.subarray(0, 10)]))
  dialled.send(records.subarray(10))
  t.equal(String(await receivedBytes((await answered).connection, 5)), 'first')
})

/** Bytes where a record is expected. */
const noRecords: readonly { readonly id: string; readonly bytes: (record: Uint8Array) => Uint8Array }[] = [
  { id: 'of length 0', bytes: () => Buffer.from([0, 0]) },
  { id: 'shorter than a tag', bytes: () => Buffer.concat([Buffer.from([0, 15]), Buffer.alloc(15)]) },
  { id: 'with a wrong bit', bytes: flipped },
  { id: 'of random bytes', bytes: () => Buffer.concat([Buffer.from([0, 100]), randomBytes(100)]) },
  { id: 'that came before', bytes: (record) => record },
]

for (const { id, bytes } of noRecords)
  t.test(`a record ${id} ends the connection, after what came before it`, async (t) => {
    const { dialled, accepted } = await connected(t)
    const answered = (await end('ours', muxers)).encrypter.secureInbound(accepted)
    const { send } = await dial(dialled, honest)
    const { connection } = await answered
    const [got, closed] = [received(connection), once(connection, 'close')]
    const record = sealed(send, 'good')
    dialled.send(Buffer.concat([record, bytes(id === 'that came before' ? record : sealed(send, 'bad'))]))
    await closed
    t.equal(String(await got), 'good')
    t.equal(connection.status, 'aborted')
    t.not(accepted.status, 'open')
  })

t.test('a record of nothing now and then leaves nothing behind, and too many end the connection', async (t) => {
  const [key, other] = [randomBytes(32), randomBytes(32)]
  const [outbound, inbound] = multiaddrConnectionPair({ delay: 0 })
  const send = new Cipher(key)
  const channel = new Channel(inbound, { receive: new Cipher(key), send: new Cipher(other) })
  const pieces: string[] = []
  channel.addEventListener('message', ({ data }) => {
    for (const piece of data instanceof Uint8Array ? [data] : data) pieces.push(Buffer.from(piece).toString())
  })
  outbound.send(Buffer.concat([...Array.from({ length: 50 }, () => emptyRecord(send)), sealed(send, 'good')]))
  while (pieces.length === 0) await turn()
  t.equal(channel.status, 'open')
  t.same(pieces, ['good'])
  outbound.send(Buffer.concat(Array.from({ length: 10_000 }, () => emptyRecord(send))))
  outbound.send(sealed(send, 'late'))
  while (channel.status === 'open' && pieces.length === 1) await turn()
  t.equal(channel.status, 'aborted')
  t.same(pieces, ['good'])
})

t.test('a record that is cut off by the end of the connection is not told', async (t) => {
  const { dialled, accepted } = await connected(t)
  const answered = (await end('ours', muxers)).encrypter.secureInbound(accepted)
  const { send } = await dial(dialled, honest)
  const got = received((await answered).connection)
  dialled.send(Buffer.concat([sealed(send, 'good'), sealed(send, 'cut off').subarray(0, -1)]))
  await dialled.close()
  t.equal(String(await got), 'good')
})

t.test('a thousand random handshakes end in an error each, and the next peer is served', async (t) => {
  const random = generator(37)
  const { encrypter } = await end('ours', muxers)
  let [refused, served] = [0, 0]
  for (let round = 0; round < 1000; round += 1) {
    const [outbound, inbound] = multiaddrConnectionPair({ delay: 0 })
    const ending = encrypter.secureInbound(inbound, { signal: AbortSignal.timeout(20_000) }).then(
      () => (served += 1),
      () => (refused += 1),
    )
    if (round % 250 === 0) await dial(outbound, honest)
    else outbound.send(garbage(random))
    if (round % 250 !== 0) await outbound.close()
    await ending
    outbound.abort(new Error('next'))
  }
  t.equal(served, 4)
  t.equal(refused, 996)
})

t.test('thousands of streams with wrong bytes tell no more than was sent', async (t) => {
  const random = generator(41)
  let wholes = 0
  for (let round = 0; round < 3000; round += 1) {
    const [outbound, inbound] = multiaddrConnectionPair({ delay: 0 })
    const [key, other] = [randomBytes(32), randomBytes(32)]
    const send = new Cipher(key)
    const got = received(new Channel(inbound, { receive: new Cipher(key), send: new Cipher(other) }))
    const texts = Array.from({ length: 4 }, () => 'x'.repeat(random() % 60).concat(String(round)))
    const bytes = Buffer.concat(texts.map((text) => sealed(send, text)))
    const at = random() % (bytes.length * 2)
    // Every second one is as it was sent.
    if (at < bytes.length) bytes.writeUInt8((bytes[at] ?? 0) ^ (1 << (random() & 7)), at)
    const half = random() % bytes.length
    for (const part of [bytes.subarray(0, half), bytes.subarray(half)])
      if (part.length > 0 && outbound.status === 'open') outbound.send(part)
    await outbound.close()
    const text = String(await got)
    if (!texts.join('').startsWith(text)) t.fail(`round ${round} tells what was not sent`)
    if (at < bytes.length && text === texts.join('')) t.fail(`round ${round} tells what was changed`)
    if (text === texts.join('')) wholes += 1
  }
  t.ok(wholes > 1000, `${wholes} came as they were sent`)
})

/** Our end listens; the other one dials and says what it likes. */
async function attackListener(
  t: Test,
  say: Say,
  identity?: PrivateKey,
  spoken?: Uint8Array[],
): Promise<SecuredConnection> {
  const { dialled, accepted } = await connected(t)
  const answered = (await end('ours', muxers)).encrypter.secureInbound(accepted)
  // What it is refused with is seen by whoever calls.
  answered.catch(() => {})
  await dial(dialled, say, identity, undefined, spoken)
  return answered
}

/** Our end dials; the other one listens and says what it likes. */
async function attackDialler(
  t: Test,
  say: Say,
  identity?: PrivateKey,
  remotePeer?: SecuredConnection['remotePeer'],
): Promise<SecuredConnection> {
  const { dialled, accepted } = await connected(t)
  const answered = (await end('ours', muxers)).encrypter.secureOutbound(dialled, remotePeer && { remotePeer })
  answered.catch(() => {})
  const staticKey = generateKeyPair()
  const handshake = new Handshake({ initiator: false, staticKey })
  handshake.read(await readMessage(accepted))
  sendMessage(accepted, handshake.write(await say(staticKey, identity ?? (await generateIdentity('Ed25519')))))
  return answered
}

/** Dials by hand. `hold` is given the last message instead of the connection; `spoken` has what was sent. */
async function dial(
  connection: MessageStream,
  say: Say,
  identity?: PrivateKey,
  hold = (last: Uint8Array): void => sendMessage(connection, last),
  spoken: Uint8Array[] = [],
): Promise<Ciphers> {
  const staticKey = generateKeyPair()
  const handshake = new Handshake({ initiator: true, staticKey })
  const first = handshake.write(nothing)
  sendMessage(connection, first)
  handshake.read(await readMessage(connection))
  const last = handshake.write(await say(staticKey, identity ?? (await generateIdentity('Ed25519'))))
  hold(last)
  spoken.push(first, last)
  return handshake.split()
}

function sealed(cipher: Ciphers['send'], text: string): Uint8Array {
  return recordsOf(cipher, Buffer.from(text))
}

/** A length, and the tag of nothing. */
function emptyRecord(cipher: Ciphers['send']): Uint8Array {
  const record = Buffer.alloc(18)
  record.writeUInt16BE(16)
  cipher.sealInPlace(record.subarray(2))
  return record
}

function flipped(record: Uint8Array): Uint8Array {
  return record.with(5, (record[5] ?? 0) ^ 1)
}

/** An identity with an RSA key of so many bits, which nobody needs to own for it to be looked at. */
function rsaPayload(bits: number): Uint8Array {
  const n = randomBytes(bits / 8)
  n[0] = 0xff
  const key = createPublicKey({ key: { kty: 'RSA', n: n.toString('base64url'), e: 'AQAB' }, format: 'jwk' })
  const identityKey = new ProtobufWriter(4096)
    .uint32(1, 0)
    .bytes(2, key.export({ format: 'der', type: 'spki' }))
    .finish()
  return encodePayload({ identityKey, signature: randomBytes(Math.min(bits / 8, 1024)), streamMuxers: muxers })
}

/** Random bytes, often with a length before them that fits. */
function garbage(random: () => number): Uint8Array {
  const bytes = Buffer.from(Array.from({ length: 1 + (random() % 200) }, () => random() & 255))
  if (random() % 4 > 0 && bytes.length > 2) bytes.writeUInt16BE(bytes.length - 2)
  return bytes
}

/** Numbers that look random, and are the same in each run (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}
