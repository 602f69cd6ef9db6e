import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { ProtobufWriter } from '../../../src/core/protobuf.ts'
import { protocolMessage } from '../../../src/messaging/encryption/protocol-message.ts'
import type { DraftOf } from '../../../src/messaging/schema.ts'
import { holds } from '../../kit/property.ts'
import { hexOf } from '../../kit/vectors.ts'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const uint32 = fc.nat(2 ** 32 - 1)
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const id = fc.string({ maxLength: 12 })
const mapOf = <Key, Value>(keys: fc.Arbitrary<Key>, values: fc.Arbitrary<Value>) =>
  fc.array(fc.tuple(keys, values), { maxLength: 4 }).map((entries) => new Map(entries))
const maybe = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: undefined })

const bundles = fc.record({
  identity: bytes(33),
  prekeys: mapOf(id, fc.record({ key: bytes(33), version: uint32, protocolVersion: uint32 })),
  signature: bytes(65),
  timestamp: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
})
const groupKeys = fc.record({
  keys: fc.array(fc.record({ deprecatedId: uint32, key: bytes(32), timestamp: uint64 }), { maxLength: 3 }),
  rekey: maybe(fc.record({ timestamp: uint64, keys: mapOf(uint32, bytes(120)) })),
})
const encrypted = fc.record({
  x3dh: maybe(fc.record({ key: bytes(33), prekey: bytes(33) })),
  ratchet: maybe(fc.record({ key: bytes(33), n: uint32, previous: uint32, prekey: bytes(33) })),
  payload: bytes(60),
  oneShot: maybe(fc.record({ key: bytes(33) })),
  hashRatchet: maybe(
    fc.record({
      deprecatedKeyId: uint32,
      sequence: uint32,
      groupId: bytes(40),
      keyId: bytes(32),
      keys: maybe(groupKeys),
    }),
  ),
})
const messages = fc.record({
  installation: id,
  bundles: fc.array(bundles, { maxLength: 3 }),
  encrypted: mapOf(id, encrypted),
  publicMessage: maybe(bytes(60)),
})

/** Bytes as text, so that views and copies compare. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return hexOf(value)
  if (value instanceof Map) return Array.from(value, ([key, inner]) => [key, plain(inner)])
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

t.test('a message comes back as it was written', async (t) => {
  holds(
    t,
    fc.property(messages, (message) => {
      t.same(plain(protocolMessage.decode(protocolMessage.encode(message))), plain(message))
      return true
    }),
    { numRuns: 60 },
  )
})

t.test('the fields have the numbers of status-go', async (t) => {
  const key = Buffer.of(2)
  const written = protocolMessage.encode({
    installation: 'i',
    bundles: [
      {
        identity: key,
        prekeys: new Map([['d', { key, version: 1, protocolVersion: 1 }]]),
        signature: key,
        timestamp: 1n,
      },
    ],
    encrypted: new Map([
      [
        'd',
        {
          x3dh: { key, prekey: key },
          ratchet: { key, n: 1, previous: 2, prekey: key },
          payload: key,
          oneShot: { key },
        },
      ],
    ]),
    publicMessage: key,
  })
  const prekey = new ProtobufWriter().bytes(1, key).uint32(2, 1).uint32(3, 1).finish()
  const entry = new ProtobufWriter().string(1, 'd').bytes(2, prekey).finish()
  const bundle = new ProtobufWriter().bytes(1, key).bytes(2, entry).bytes(4, key).uint32(5, 1).finish()
  const x3dh = new ProtobufWriter().bytes(1, key).bytes(4, key).finish()
  const ratchet = new ProtobufWriter().bytes(1, key).uint32(2, 1).uint32(3, 2).bytes(4, key).finish()
  const oneShot = new ProtobufWriter().bytes(1, key).finish()
  const inner = new ProtobufWriter().bytes(1, x3dh).bytes(2, ratchet).bytes(3, key).bytes(101, oneShot).finish()
  const encrypted = new ProtobufWriter().string(1, 'd').bytes(2, inner).finish()
  const expected = new ProtobufWriter().string(2, 'i').bytes(3, bundle).bytes(101, encrypted).bytes(102, key).finish()
  t.equal(hexOf(written), hexOf(expected))
})

t.test('fields that nobody knows are passed over', async (t) => {
  const known = protocolMessage.encode({ installation: 'device', publicMessage: Buffer.of(1) })
  const unknown = new ProtobufWriter()
    .bytes(77, Buffer.of(1, 2))
    .uint64(5000, 2n ** 64n - 1n)
    .finish()
  const message = protocolMessage.decode(Buffer.concat([unknown, known, unknown]))
  t.equal(message.installation, 'device')
  t.same(message.publicMessage, Buffer.of(1))
})

const key = Buffer.alloc(33)
const prekeys = (count: number) =>
  new Map(Array.from({ length: count }, (_, n) => [`${n}`, { key, version: 0, protocolVersion: 1 }]))
const parts = (count: number) => new Map(Array.from({ length: count }, (_, n) => [`${n}`, { payload: key }]))
const rekeyOf = (entry: Uint8Array) => ({ hashRatchet: { keys: { rekey: { keys: new Map([[1, entry]]) } } } })

/** At each bound what is just within it, and what is not. */
const bounds: readonly {
  id: string
  within: DraftOf<typeof protocolMessage>
  above: DraftOf<typeof protocolMessage>
}[] = [
  {
    id: 'bundles',
    within: { bundles: Array(8).fill({ identity: key }) },
    above: { bundles: Array(9).fill({ identity: key }) },
  },
  {
    id: 'devices of a bundle',
    within: { bundles: [{ prekeys: prekeys(16) }] },
    above: { bundles: [{ prekeys: prekeys(17) }] },
  },
  { id: 'devices that it is for', within: { encrypted: parts(32) }, above: { encrypted: parts(33) } },
  { id: 'letters of a device', within: { installation: 'x'.repeat(64) }, above: { installation: 'x'.repeat(65) } },
  {
    id: 'bytes of a key',
    within: { bundles: [{ identity: key }] },
    above: { bundles: [{ identity: Buffer.alloc(34) }] },
  },
  {
    id: 'bytes of a signature',
    within: { bundles: [{ signature: Buffer.alloc(65) }] },
    above: { bundles: [{ signature: Buffer.alloc(66) }] },
  },
  {
    id: 'entries under one index of a rekey',
    within: { encrypted: new Map([['none', rekeyOf(Buffer.alloc(960))]]) },
    above: { encrypted: new Map([['none', rekeyOf(Buffer.alloc(961))]]) },
  },
]

for (const { id, within, above } of bounds) {
  t.test(`more ${id} than the bound make a message malformed`, async (t) => {
    t.ok(protocolMessage.parse(protocolMessage.encode(within)))
    t.throws(() => protocolMessage.decode(protocolMessage.encode(above)), { code: 'wire/malformed' })
  })
}

t.test('random bytes, and messages with a byte changed, are read or malformed', async (t) => {
  const changed = fc.tuple(messages, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
    const written = Buffer.from(protocolMessage.encode(message))
    if (written.length > 0) written[at % written.length] = byte
    return written
  })
  holds(
    t,
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), changed), (body) => {
      try {
        return protocolMessage.decode(body) !== undefined
      } catch (error) {
        return isWaypostError(error, 'wire/malformed')
      }
    }),
    { numRuns: 300 },
  )
})
