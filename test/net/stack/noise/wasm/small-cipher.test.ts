import { createCipheriv, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { smallBytes } from '../../../../../src/net/stack/noise/wasm/memory.ts'
import { SmallCipher } from '../../../../../src/net/stack/noise/wasm/small-cipher.ts'
import { holds } from '../../../../kit/property.ts'

const cipher = new SmallCipher()

/** A record as OpenSSL makes it. */
function sealedByOpenssl(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Buffer {
  const openssl = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
  const ciphertext = openssl.update(plaintext)
  openssl.final()
  return Buffer.concat([ciphertext, openssl.getAuthTag()])
}

function sealed(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Buffer {
  const record = Buffer.concat([plaintext, Buffer.alloc(16, 0xee)])
  cipher.sealInPlace(key, nonce, record)
  return record
}

t.test('records of every small size are those of OpenSSL, and open again', async (t) => {
  const [key, nonce] = [randomBytes(32), randomBytes(12)]
  let wrong = 0
  for (let size = 0; size <= smallBytes; size += 1) {
    const plaintext = randomBytes(size)
    const record = sealed(key, nonce, plaintext)
    if (!record.equals(sealedByOpenssl(key, nonce, plaintext))) wrong += 1
    if (!plaintext.equals(cipher.open(key, nonce, record))) wrong += 1
  }
  t.equal(wrong, 0)
  t.ok(cipher.takes(smallBytes))
  t.notOk(cipher.takes(smallBytes + 1))
})

t.test('so they are for bytes that carry from limb to limb', async (t) => {
  const byte = fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xfb, 0xfc, 0xfe, 0xff)
  const bytes = (length: number) => fc.array(byte, { minLength: length, maxLength: length }).map(Buffer.from)
  const plaintexts = fc.array(byte, { maxLength: 300 }).map((some) => Buffer.from(some))
  holds(
    t,
    fc.property(bytes(32), bytes(12), plaintexts, (key, nonce, plaintext) => {
      const record = sealedByOpenssl(key, nonce, plaintext)
      return sealed(key, nonce, plaintext).equals(record) && plaintext.equals(cipher.open(key, nonce, record))
    }),
  )
})

/**
 * The tag is of the ciphertext, so that of a chosen ciphertext is compared: all ones, whose sums come nearest to the
 * prime.
 */
t.test('so they are for ciphertexts of ones', async (t) => {
  const nonce = Buffer.alloc(12)
  let wrong = 0
  for (let size = 1; size <= 600; size += 1) {
    const key = randomBytes(32)
    const stream = sealedByOpenssl(key, nonce, Buffer.alloc(size)).subarray(0, size)
    const plaintext = stream.map((byte) => byte ^ 0xff)
    if (!sealed(key, nonce, plaintext).equals(sealedByOpenssl(key, nonce, plaintext))) wrong += 1
  }
  t.equal(wrong, 0)
})

t.test('what one record leaves in memory does not reach the next', async (t) => {
  const [key, nonce] = [randomBytes(32), randomBytes(12)]
  for (const size of [0, 1, 15, 16, 17, 191, 192, 193]) {
    sealed(key, nonce, randomBytes(smallBytes))
    const plaintext = randomBytes(size)
    t.same(sealed(key, nonce, plaintext), sealedByOpenssl(key, nonce, plaintext), `${size} bytes`)
    cipher.open(key, nonce, sealedByOpenssl(key, nonce, randomBytes(smallBytes)))
    t.same(cipher.open(key, nonce, sealedByOpenssl(key, nonce, plaintext)), plaintext)
  }
})

t.test('a record with any bit wrong, or of another key or nonce, does not open', async (t) => {
  const [key, nonce] = [randomBytes(32), randomBytes(12)]
  const record = sealed(key, nonce, Buffer.from('a text'))
  t.equal(String(cipher.open(key, nonce, record)), 'a text')
  for (let bit = 0; bit < record.length * 8; bit += 1) {
    const wrong = Buffer.from(record)
    wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.throws(() => cipher.open(key, nonce, wrong), /another key/, `bit ${bit}`)
  }
  t.throws(() => cipher.open(randomBytes(32), nonce, record), /another key/)
  t.throws(() => cipher.open(key, randomBytes(12), record), /another key/)
})

t.test('a plaintext is in a buffer of its own', async (t) => {
  const [key, nonce] = [randomBytes(32), randomBytes(12)]
  const plaintext = cipher.open(key, nonce, sealed(key, nonce, Buffer.from('one')))
  cipher.open(key, nonce, sealed(key, nonce, Buffer.from('two')))
  t.equal(String(plaintext), 'one')
  t.equal(plaintext.buffer.byteLength, 3)
})
