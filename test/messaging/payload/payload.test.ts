import { createHash, randomBytes } from 'node:crypto'
import { ecies, symmetric } from '@waku/message-encryption'
import fc from 'fast-check'
import t from 'tap'
import { KeyPair, sameBytes, uncompress, userId } from '../../../src/messaging/keys.ts'
import { eciesKeys, eciesOverheadBytes } from '../../../src/messaging/payload/ecies.ts'
import { frame, maxDataBytes, unframe } from '../../../src/messaging/payload/frame.ts'
import { type Audience, decrypt, encrypt, type Opener } from '../../../src/messaging/payload/payload.ts'
import { holds } from '../../kit/property.ts'
import { bytesOf, hexOf, readVectors } from '../../kit/vectors.ts'

const key = randomBytes(32)
const recipient = KeyPair.generate()
const signer = KeyPair.generate()

/** Both ways to encrypt, and how the client of others does the same. */
const ways = [
  {
    id: 'by a shared key',
    audience: { key } satisfies Audience,
    opener: { key } satisfies Opener,
    stranger: { key: randomBytes(32) } satisfies Opener,
    overhead: 28,
    seal: (framed: Uint8Array) => symmetric.encryptSymmetric(framed, key),
    open: (payload: Uint8Array) => symmetric.decryptSymmetric(payload, key),
  },
  {
    id: 'for one recipient',
    audience: { recipient: recipient.publicKey } satisfies Audience,
    opener: { recipient } satisfies Opener,
    stranger: { recipient: KeyPair.generate() } satisfies Opener,
    overhead: eciesOverheadBytes,
    seal: (framed: Uint8Array) => ecies.encryptAsymmetric(framed, uncompress(recipient.publicKey)),
    open: (payload: Uint8Array) => ecies.decryptAsymmetric(payload, recipient.secretBytes()),
  },
]

/** Around each size at which something changes: the padding is a whole block, the length takes a byte more. */
const sizes = [0, 1, 187, 188, 189, 190, 253, 254, 255, 256, 257, 65_535, 65_536, 70_000]

for (const { id, audience, opener, stranger, overhead, seal, open } of ways) {
  t.test(`what is encrypted ${id} comes back, with its author where it is signed`, async (t) => {
    holds(
      t,
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (data, signs) => {
        const opened = decrypt(encrypt(data, audience, signs ? signer : undefined), opener)
        const author = opened?.author && userId(opened.author)
        return (
          sameBytes(opened?.data ?? randomBytes(1), data) && author === (signs ? userId(signer.publicKey) : undefined)
        )
      }),
      { numRuns: 30 },
    )
  })

  t.test(`js-waku reads what is encrypted ${id}, and is read`, async (t) => {
    for (const size of sizes) {
      const data = randomBytes(size)
      for (const author of [undefined, signer]) {
        const theirs = ecies.postCipher(await open(encrypt(data, audience, author)))
        t.ok(theirs && sameBytes(theirs.payload, data), `${size} bytes, ours`)
        t.equal(theirs?.sig?.publicKey && hexOf(theirs.sig.publicKey), author && hexOf(uncompress(author.publicKey)))
        const ours = decrypt(await seal(await ecies.preCipher(data, author?.secretBytes())), opener)
        t.ok(ours && sameBytes(ours.data, data), `${size} bytes, theirs`)
        t.same(ours?.author && userId(ours.author), author && userId(author.publicKey))
      }
    }
  })

  t.test(`the size of what is encrypted ${id} tells blocks of 256 bytes only`, async (t) => {
    for (const size of sizes)
      for (const author of [undefined, signer])
        t.equal((encrypt(randomBytes(size), audience, author).length - overhead) % 256, 0, `${size} bytes`)
  })

  t.test(`nobody else opens what is encrypted ${id}, nor is anything opened of which a bit was changed`, async (t) => {
    const payload = encrypt(Buffer.from('secret'), audience, signer)
    t.ok(decrypt(payload, opener))
    t.equal(decrypt(payload, stranger), undefined)
    for (let index = 0; index < payload.length; index += 3) {
      const changed = Buffer.from(payload)
      changed[index] = (changed[index] ?? 0) ^ (1 << (index % 8))
      t.equal(decrypt(changed, opener), undefined, `byte ${index}`)
    }
    for (const length of [0, 1, 27, 28, 64, 65, 112, 113, payload.length - 1])
      t.equal(decrypt(payload.subarray(0, length), opener), undefined, `${length} bytes of it`)
  })

  t.test(`bytes of anybody are not opened ${id}, and do no harm`, async (t) => {
    holds(
      t,
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => decrypt(bytes, opener) === undefined),
    )
  })
}

t.test('a frame that is full before its padding gets a whole block more', async (t) => {
  t.equal(frame(randomBytes(254)).length, 512)
  t.equal(frame(randomBytes(253)).length, 256)
  t.equal(frame(randomBytes(188), signer).length, 256)
  t.equal(frame(randomBytes(189), signer).length, 512)
})

t.test('the flag of the signature is under the signature', async (t) => {
  const framed = Buffer.from(frame(Buffer.from('data'), signer))
  t.equal(framed[0], 0b101)
  t.equal(hexOf(unframe(framed)?.author ?? randomBytes(1)), hexOf(uncompress(signer.publicKey)))
  framed[0] = 0b1000_0101
  t.not(hexOf(unframe(framed)?.author ?? randomBytes(1)), hexOf(uncompress(signer.publicKey)))
})

t.test('padding of zero bytes, and none at all, is read: others may pad as they like', async (t) => {
  t.same(unframe(Buffer.from('0103616263', 'hex'))?.data, Buffer.from('abc'))
  t.same(unframe(Buffer.from('02030061626300000000', 'hex'))?.data, Buffer.from('abc'))
})

t.test('a frame without a length, or with one beyond its end, is none', async (t) => {
  for (const bytes of ['', '00', '01', '0104616263', '0300', '03ffffff61', '0500', '0503616263'])
    t.equal(unframe(Buffer.from(bytes, 'hex')), undefined, bytes)
})

t.test('random bytes are a frame or none, and what they hold is within them', async (t) => {
  holds(
    t,
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      (bytes) => (unframe(bytes)?.data.length ?? 0) < Math.max(1, bytes.length),
    ),
    { numRuns: 2000 },
  )
})

t.test('more data than a length of three bytes can say is refused', async (t) => {
  t.throws(() => frame(new Uint8Array(maxDataBytes + 1)), { code: 'payload/too-large' })
  t.equal(frame(new Uint8Array(maxDataBytes)).length, 2 ** 24 + 256)
})

t.test('the secret and the keys of ECIES are those of go-ethereum', async (t) => {
  const { shared, derivation } = readVectors<{
    shared: Readonly<Record<'one' | 'other' | 'secret', string>>
    derivation: { input: string; output: string }
  }>('ecies')
  const [one, other] = [shared.one, shared.other].map((secret) => KeyPair.fromSecret(bytesOf(secret)))
  t.equal(hexOf(one!.sharedSecret(other!.publicKey)), shared.secret)
  const { encryption, authentication } = eciesKeys(Buffer.from(derivation.input))
  const derived = bytesOf(derivation.output)
  t.equal(hexOf(encryption), hexOf(derived.subarray(0, 16)))
  t.equal(hexOf(authentication), createHash('sha256').update(derived.subarray(16)).digest('hex'))
})
