import { createPrivateKey } from 'node:crypto'
import t from 'tap'
import { Cipher, lastNonce, tagBytes } from '../../../../src/net/stack/noise/cipher.ts'
import { type Ciphers, Handshake } from '../../../../src/net/stack/noise/handshake.ts'
import { generateKeyPair, type KeyPair, keyPairOf, sharedSecret } from '../../../../src/net/stack/noise/key-pair.ts'
import { bytesOf, hexOf, readVectors } from '../../../kit/vectors.ts'

type Party = 'initiator' | 'responder'

interface Vector {
  readonly id: string
  readonly prologue: string
  readonly initiatorStatic: string
  readonly initiatorEphemeral: string
  readonly responderStatic: string
  readonly responderEphemeral: string
  readonly handshakeHash?: string
  readonly messages: readonly { readonly from: Party; readonly payload: string; readonly ciphertext: string }[]
}

const { vectors } = readVectors<{ vectors: Vector[] }>('noise-xx')

for (const vector of vectors)
  t.test(`both ends say what the vector of ${vector.id} says`, async (t) => {
    const parties = partiesOf(vector)
    const [handshake, after] = [vector.messages.slice(0, 3), vector.messages.slice(3)]
    for (const { from, payload, ciphertext } of handshake) {
      t.equal(hexOf(parties[from].write(bytesOf(payload))), ciphertext, `${from} writes`)
      t.equal(hexOf(parties[other(from)].read(bytesOf(ciphertext))), payload, `${other(from)} reads`)
    }
    t.same(parties.initiator.hash, parties.responder.hash)
    if (vector.handshakeHash !== undefined) t.equal(hexOf(parties.initiator.hash), vector.handshakeHash)
    const ends = { initiator: parties.initiator.split(), responder: parties.responder.split() }
    for (const { from, payload, ciphertext } of after) {
      t.equal(hexOf(seal(ends[from].send, bytesOf(payload))), ciphertext, `${from} sends`)
      t.equal(hexOf(ends[other(from)].receive.open(bytesOf(ciphertext))), payload, `${other(from)} receives`)
    }
  })

t.test('vectors are there with and without a prologue, with and without payloads', async (t) => {
  t.ok(vectors.some(({ prologue }) => prologue === ''))
  t.ok(vectors.some(({ prologue }) => prologue !== ''))
  t.ok(vectors.some(({ messages }) => messages[0]?.payload === ''))
  t.ok(vectors.every(({ messages }) => messages.length > 4))
})

for (const index of [0, 1, 2])
  t.test(`message ${index + 1} of a handshake with any byte wrong ends it`, async (t) => {
    t.doesNotThrow(() => meet(), 'as it was sent')
    const length = meet().messages[index]?.length ?? 0
    t.ok(length >= 32)
    // The key in the first message cannot be judged by itself: with a wrong one the second message is none. The highest
    // bit of each byte: of a public key X25519 ignores the last of them, but the hash of the handshake does not.
    const survived = range(length).filter((at) => survives(() => meet({ message: index, bit: at * 8 + 7 })))
    t.same(survived, [])
  })

for (const index of [0, 1, 2])
  t.test(`message ${index + 1} of a handshake cut short ends it`, async (t) => {
    const length = meet().messages[index]?.length ?? 0
    const survived = range(length).filter((kept) => survives(() => meet({ message: index, kept })))
    t.same(survived, [])
  })

t.test('an end that speaks out of turn is an error, and so are keys before the end', async (t) => {
  const [initiator, responder] = ends()
  t.throws(() => responder.write(new Uint8Array()), /turn/)
  t.throws(() => initiator.read(new Uint8Array(32)), /turn/)
  t.throws(() => initiator.split(), /not complete/)
  t.throws(() => initiator.remoteStatic, /has not sent/)
})

t.test('each end learns the static key of the other', async (t) => {
  const { initiator, responder, keys } = meet()
  t.same(initiator.remoteStatic, keys.responder.publicBytes)
  t.same(responder.remoteStatic, keys.initiator.publicBytes)
})

t.test('a key that makes the secret zero is refused', async (t) => {
  t.equal(sharedSecret(generateKeyPair(), generateKeyPair().publicBytes).length, 32, 'an honest one')
  for (const point of [0, 1])
    t.throws(() =>
      sharedSecret(
        generateKeyPair(),
        Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? point : 0)),
      ),
    )
  const [initiator, responder] = ends()
  initiator.write(new Uint8Array())
  responder.read(new Uint8Array(32))
  t.throws(() => responder.write(new Uint8Array()))
})

t.test('a key is used for no nonce twice: after the last one it is at its end', async (t) => {
  const key = new Uint8Array(32)
  const [sends, receives] = [new Cipher(key, lastNonce), new Cipher(key, lastNonce)]
  const sealed = seal(sends, Buffer.from('last'))
  t.equal(Buffer.from(receives.open(sealed)).toString(), 'last')
  t.throws(() => seal(sends, Buffer.from('one more')), /all nonces/)
  t.throws(() => receives.open(sealed), /all nonces/)
})

t.test('the counter goes on above 32 bits', async (t) => {
  const key = new Uint8Array(32)
  const [sends, receives] = [new Cipher(key, 2 ** 32 - 1), new Cipher(key, 2 ** 32 - 1)]
  for (const text of ['one', 'other']) t.equal(String(receives.open(seal(sends, Buffer.from(text)))), text)
  t.throws(() => new Cipher(key).open(seal(new Cipher(key, 2 ** 32), Buffer.from('not the nonce 0'))))
})

/** How a message is changed on its way: one bit, or only so many bytes of it. */
interface Tampering {
  readonly message: number
  readonly bit?: number
  readonly kept?: number
}

/** A whole handshake and a record in each direction. */
function meet(tampering?: Tampering) {
  const keys = { initiator: generateKeyPair(), responder: generateKeyPair() }
  const [initiator, responder] = ends(keys)
  const messages: Uint8Array[] = []
  for (const [writer, reader] of [
    [initiator, responder],
    [responder, initiator],
    [initiator, responder],
  ] as const) {
    const message = writer.write(messages.length === 0 ? new Uint8Array() : Buffer.from('payload'))
    reader.read(tampering?.message === messages.length ? tampered(message, tampering) : message)
    messages.push(message)
  }
  exchange(initiator.split(), responder.split())
  return { initiator, responder, keys, messages }
}

function exchange(one: Ciphers, other: Ciphers): void {
  other.receive.open(seal(one.send, Buffer.from('there')))
  one.receive.open(seal(other.send, Buffer.from('and back')))
}

function tampered(message: Uint8Array, { bit, kept }: Tampering): Uint8Array {
  const changed = Uint8Array.from(message.subarray(0, kept))
  if (bit !== undefined) changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return changed
}

function survives(run: () => void): boolean {
  try {
    run()
    return true
  } catch {
    return false
  }
}

function ends(keys = { initiator: generateKeyPair(), responder: generateKeyPair() }): [Handshake, Handshake] {
  return [
    new Handshake({ initiator: true, staticKey: keys.initiator }),
    new Handshake({ initiator: false, staticKey: keys.responder }),
  ]
}

function partiesOf(vector: Vector): Record<Party, Handshake> {
  const made = (initiator: boolean, staticKey: string, ephemeralKey: string): Handshake =>
    new Handshake({
      initiator,
      staticKey: pairFrom(staticKey),
      ephemeralKey: pairFrom(ephemeralKey),
      prologue: bytesOf(vector.prologue),
    })
  return {
    initiator: made(true, vector.initiatorStatic, vector.initiatorEphemeral),
    responder: made(false, vector.responderStatic, vector.responderEphemeral),
  }
}

/** The pair of a private key of 32 bytes, which PKCS#8 wants inside of its own form (RFC 8410). */
function pairFrom(hex: string): KeyPair {
  const key = Buffer.from(`302e020100300506032b656e04220420${hex}`, 'hex')
  return keyPairOf(createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
}

function seal(cipher: Cipher, plaintext: Uint8Array): Uint8Array {
  const record = Buffer.concat([plaintext], plaintext.length + tagBytes)
  cipher.sealInPlace(record)
  return record
}

function other(party: Party): Party {
  return party === 'initiator' ? 'responder' : 'initiator'
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}
