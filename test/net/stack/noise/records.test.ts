import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { Cipher } from '../../../../src/net/stack/noise/cipher.ts'
import { maxPlaintextBytes, RecordReader } from '../../../../src/net/stack/noise/records.ts'
import { holds } from '../../../kit/property.ts'
import { recordsOf } from '../../../kit/secured.ts'

const key = randomBytes(32)

t.test('whatever pieces are sent and whatever pieces come, the same bytes arrive', async (t) => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 })
  holds(
    t,
    fc.property(pieces, fc.array(fc.nat(40)), (sent, cuts) => {
      const sealed = recordsOf(new Cipher(key), ...sent)
      return Buffer.concat(opened(cut(sealed, cuts))).equals(Buffer.concat(sent))
    }),
  )
})

t.test('large pieces fill records to the last byte, and arrive', async (t) => {
  const sizes = [maxPlaintextBytes - 1, maxPlaintextBytes, maxPlaintextBytes + 1, 3 * maxPlaintextBytes, 500_000]
  for (const size of sizes) {
    const whole = randomBytes(size)
    const pieces = [whole.subarray(0, 10), whole.subarray(10, 70_000), whole.subarray(70_000)]
    const sealed = recordsOf(new Cipher(key), ...pieces)
    const records = Math.ceil(size / maxPlaintextBytes)
    t.equal(sealed.length, size + records * 18, `${size} bytes are ${records} records`)
    const arrived = opened(cut(sealed, [1, 65_000, 200, 3]))
    t.equal(arrived[0]?.length, Math.min(size, maxPlaintextBytes))
    t.ok(Buffer.concat(arrived).equals(whole))
  }
})

t.test('nothing is no record', async (t) => {
  t.equal(recordsOf(new Cipher(key)).length, 0)
})

t.test('a record without plaintext is a record', async (t) => {
  const sealed = Buffer.alloc(16)
  new Cipher(key).sealInPlace(sealed)
  t.same(
    opened([Buffer.concat([Buffer.from([0, 16]), sealed])]).map(({ length }) => length),
    [0],
  )
})

t.test('a record shorter than its tag is refused', async (t) => {
  for (const length of [0, 1, 15]) t.throws(() => opened([Buffer.from([0, length])]), /shorter/, `${length} bytes`)
  t.same(opened([Buffer.from([0, 16])]), [], '16 are waited for')
})

t.test('a record with any bit wrong opens to nothing', async (t) => {
  const sealed = recordsOf(new Cipher(key), Buffer.from('a text'))
  t.equal(String(opened([sealed])[0]), 'a text', 'as it was sent')
  // A length that is wrong makes it wait for more, or cuts the tag off.
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const wrong = Uint8Array.from(sealed)
    wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.notOk(arrives(wrong), `bit ${bit}`)
  }
})

t.test('a record that is replayed, left out or exchanged with the next opens to nothing', async (t) => {
  const cipher = new Cipher(key)
  const [one, other] = ['one', 'other'].map((text) => recordsOf(cipher, Buffer.from(text)))
  if (one === undefined || other === undefined) throw new Error('two records')
  t.same(opened([one, other]).map(String), ['one', 'other'])
  t.throws(() => opened([one, one, other]), 'replayed')
  t.throws(() => opened([other]), 'left out')
  t.throws(() => opened([other, one]), 'exchanged')
})

t.test('a record that is cut short is waited for, and nothing of it is told', async (t) => {
  const sealed = recordsOf(new Cipher(key), Buffer.from('a text'))
  for (let kept = 0; kept < sealed.length; kept += 1) t.same(opened([sealed.subarray(0, kept)]), [])
})

/** The plaintexts of the records in `chunks`. */
function opened(chunks: readonly Uint8Array[]): Uint8Array[] {
  const [reader, cipher] = [new RecordReader(), new Cipher(key)]
  return chunks.flatMap((chunk) => {
    reader.add(chunk)
    const plaintexts: Uint8Array[] = []
    for (let record = reader.next(); record !== undefined; record = reader.next()) plaintexts.push(cipher.open(record))
    return plaintexts
  })
}

function arrives(sealed: Uint8Array): boolean {
  try {
    return opened([sealed]).length > 0
  } catch {
    return false
  }
}

/** `bytes` in chunks of these lengths, and then the rest. */
function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const [first, ...rest] = lengths
  return first === undefined ? [bytes] : [bytes.subarray(0, first), ...cut(bytes.subarray(first), rest)]
}
