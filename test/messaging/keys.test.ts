import { inspect } from 'node:util'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import fc from 'fast-check'
import t from 'tap'
import {
  type CompressedKey,
  compress,
  compressedKey,
  KeyPair,
  keccak256,
  keyOfUser,
  recoverSigner,
  sameBytes,
  type UncompressedKey,
  uncompress,
  uncompressedKey,
  userId,
} from '../../src/messaging/keys.ts'
import { holds } from '../kit/property.ts'
import { bytesOf, hexOf, readVectors } from '../kit/vectors.ts'

interface Vectors {
  readonly secret: Readonly<Record<string, string>>
  readonly pub: Readonly<Record<string, string>>
  readonly dh_IKA_IKB: string
}
const vectors = readVectors<Vectors>('status-encryption')

const secrets = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .filter((bytes) => secp256k1.utils.isValidSecretKey(bytes))
const pairs = secrets.map((secret) => KeyPair.fromSecret(secret))
const digests = fc.uint8Array({ minLength: 32, maxLength: 32 })
const digest = keccak256(Buffer.from('digest'))

function pair(name: string): KeyPair {
  return KeyPair.fromSecret(bytesOf(vectors.secret[name] ?? ''))
}

t.test('public keys are those that status-go has for the same secrets', async (t) => {
  for (const name of Object.keys(vectors.secret)) t.equal(hexOf(pair(name).publicKey), vectors.pub[name], name)
})

t.test(
  'a shared secret is the X coordinate that status-go gets, from both sides and both forms of the key',
  async (t) => {
    const [alice, bob] = [pair('IKA'), pair('IKB')]
    t.equal(hexOf(alice.sharedSecret(bob.publicKey)), vectors.dh_IKA_IKB)
    t.equal(hexOf(bob.sharedSecret(uncompress(alice.publicKey))), vectors.dh_IKA_IKB)
  },
)

t.test('a short X coordinate has its zeros in front', async (t) => {
  const base = compressedKey(secp256k1.Point.BASE.toBytes(true))
  for (const multiple of [153, 246, 886]) {
    const pair = KeyPair.fromSecret(bytesOf(multiple.toString(16).padStart(64, '0')))
    const secret = pair.sharedSecret(base)
    t.equal(secret.length, 32)
    t.equal(secret[0], 0, `X of ${multiple} times the base point is short`)
  }
})

t.test('both parties come to the same secret', async (t) => {
  holds(
    t,
    fc.property(pairs, pairs, (one, other) =>
      sameBytes(one.sharedSecret(other.publicKey), other.sharedSecret(one.publicKey)),
    ),
    { numRuns: 10 },
  )
})

t.test('a signature names its signer, with v as 0 and 1 and as 27 and 28', async (t) => {
  holds(
    t,
    fc.property(pairs, digests, (pair, digest) => {
      const signature = pair.sign(digest)
      const v = signature[64] ?? 2
      const other = Buffer.from(signature)
      other[64] = v + 27
      const signer = userId(pair.publicKey)
      return (
        v < 2 &&
        [signature, other].every((one) => userId(recoverSigner(digest, one) ?? pair.publicKey) === signer) &&
        recoverSigner(digest, other) !== undefined
      )
    }),
    { numRuns: 10 },
  )
})

t.test('a signature over another digest, or changed in any byte, does not name the signer', async (t) => {
  const pair = KeyPair.generate()
  const signature = pair.sign(digest)
  const nameOf = (digest: Uint8Array, signature: Uint8Array) => {
    const signer = recoverSigner(digest, signature)
    return signer === undefined ? 'nobody' : userId(signer)
  }
  t.equal(nameOf(digest, signature), userId(pair.publicKey))
  t.not(nameOf(keccak256(digest), signature), userId(pair.publicKey))
  for (let index = 0; index < signature.length; index += 1) {
    const changed = Buffer.from(signature)
    changed[index] = (changed[index] ?? 0) ^ 1
    t.not(nameOf(digest, changed), userId(pair.publicKey), `byte ${index}`)
  }
})

t.test('what is no signature names nobody', async (t) => {
  const signature = KeyPair.generate().sign(digest)
  t.ok(recoverSigner(digest, signature))
  for (const v of [2, 3, 26, 29, 255])
    t.equal(recoverSigner(digest, Buffer.concat([signature.subarray(0, 64), Buffer.of(v)])), undefined)
  t.equal(recoverSigner(digest, signature.subarray(0, 64)), undefined)
  t.equal(recoverSigner(digest, Buffer.concat([signature, Buffer.of(0)])), undefined)
  t.equal(recoverSigner(digest, new Uint8Array(65)), undefined)
  t.equal(recoverSigner(digest, new Uint8Array(65).fill(255)), undefined)
})

t.test('keccak-256 is that of Ethereum, of all parts together', async (t) => {
  t.equal(hexOf(keccak256()), 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470')
  t.same(keccak256(Buffer.from('ab'), Buffer.from('c')), keccak256(Buffer.from('abc')))
})

t.test('the two forms of a key lead to each other', async (t) => {
  holds(
    t,
    fc.property(pairs, ({ publicKey }) => {
      const long = uncompress(publicKey)
      return (
        long.length === 65 &&
        sameBytes(compress(long), publicKey) &&
        sameBytes(keyOfUser(userId(publicKey)), long) &&
        sameBytes(keyOfUser(hexOf(publicKey)), long)
      )
    }),
    { numRuns: 10 },
  )
})

t.test('the two forms cannot be mixed up, nor bytes taken for a key', async (t) => {
  const takesShort = (key: CompressedKey) => key.length
  const takesLong = (key: UncompressedKey) => key.length
  const short = KeyPair.generate().publicKey
  const long = uncompress(short)
  t.equal(takesShort(short), 33)
  t.equal(takesLong(long), 65)
  // @ts-expect-error: the compiler refuses the long form for the short one
  t.equal(takesShort(long), 65)
  // @ts-expect-error: and the short one for the long one
  t.equal(takesLong(short), 33)
  // @ts-expect-error: and bytes that nobody looked at
  t.equal(takesShort(new Uint8Array(3)), 3)
})

t.test('what is no point of the curve is no key', async (t) => {
  const { publicKey } = KeyPair.generate()
  t.same(compressedKey(publicKey), publicKey)
  const off = Buffer.from(uncompress(publicKey))
  t.same(uncompressedKey(off), off)
  off[64] = (off[64] ?? 0) ^ 1
  t.throws(() => uncompressedKey(off), { code: 'key/invalid' })
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.alloc(33),
    Buffer.alloc(33, 255),
    publicKey.subarray(1),
    uncompress(publicKey),
  ])
    t.throws(() => compressedKey(bytes), { code: 'key/invalid' })
  t.throws(() => keyOfUser('0x04'), { code: 'key/invalid' })
  for (const secret of [Buffer.alloc(32), Buffer.alloc(32, 255), Buffer.alloc(31, 1)])
    t.throws(() => KeyPair.fromSecret(secret), { code: 'key/invalid' })
})

t.test('random bytes are a key or refused, whatever they are', async (t) => {
  const prefixed = fc.tuple(fc.constantFrom(0, 2, 3, 4, 6), fc.uint8Array({ minLength: 30, maxLength: 66 }))
  holds(
    t,
    fc.property(prefixed, ([prefix, rest]) => {
      const bytes = Buffer.from([prefix, ...rest])
      for (const read of [compressedKey, uncompressedKey]) {
        try {
          read(bytes)
        } catch (error) {
          if ((error as { code?: string }).code !== 'key/invalid') return false
        }
      }
      return true
    }),
  )
})

t.test('a key pair shows its public key only, however it is printed', async (t) => {
  const pair = KeyPair.generate()
  const secret = pair.secretBytes()
  const shown = [inspect(pair, { showHidden: true, depth: 9 }), JSON.stringify({ pair }), String(pair), inspect([pair])]
  const forms = [hexOf(secret), Buffer.from(secret).toString('base64'), secret.join(','), secret.join(', ')]
  for (const text of shown) for (const form of forms) t.notOk(text.includes(form))
  t.ok(inspect({ secret: Buffer.from(secret).toString('hex') }).includes(forms[0] ?? ''), 'control: it would be found')
  secret.fill(0)
  t.notSame(pair.secretBytes(), secret, 'what is handed out is a copy')
})
