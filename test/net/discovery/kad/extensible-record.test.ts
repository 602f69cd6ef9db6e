/** The bytes of an Extensible Peer Record, by the field numbers of its specification, and what is taken for one. */
import { privateKeyFromRaw, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../../src/core/errors.ts'
import { ProtobufReader } from '../../../../src/core/protobuf.ts'
import {
  decodeExtensible,
  type ExtensibleRecord,
  encodeExtensible,
  openExtensible,
  sealExtensible,
} from '../../../../src/net/discovery/kad/extensible-record.ts'
import { sealEnvelope } from '../../../../src/net/discovery/signed-envelope.ts'
import { keyOf } from '../../../kit/dns-tree.ts'
import { holds } from '../../../kit/property.ts'

const hex = (wire: Uint8Array): string => Buffer.from(wire).toString('hex')
const key = privateKeyFromRaw(keyOf(1))
const otherKey = privateKeyFromRaw(keyOf(2))
const peerId = peerIdFromPrivateKey(key)

function recordOf(signer: PrivateKey, given: Partial<ExtensibleRecord> = {}): ExtensibleRecord {
  const id = peerIdFromPrivateKey(signer)
  const addresses = [multiaddr(`/ip4/127.0.0.1/tcp/60000/p2p/${id}`)]
  const services = [{ id: 'rs', data: Buffer.of(0xaa, 0xbb) }, { id: '/vac/waku/relay/2.0.0' }]
  return { peerId: id, sequence: 300n, addresses, services, ...given }
}

const domain = 'libp2p-routing-state'
const type = Buffer.from('/libp2p/extensible-peer-record/')
const malformed = (error: unknown): boolean => isWaypostError(error, 'wire/malformed')
const refusal = { code: 'wire/malformed' }

t.test('a record has the fields of the specification', async (t) => {
  // A peer id of secp256k1: identity multihash (00 25) of the key as protobuf (08 02 12 21 and 33 bytes).
  const id = `0025${hex(publicKeyToProtobuf(key.publicKey))}`
  const address = '1a0a0a08047f00000106ea60'
  const shards = '22080a0272731202aabb'
  const relay = `22170a15${hex(Buffer.from('/vac/waku/relay/2.0.0'))}`
  t.equal(hex(encodeExtensible(recordOf(key))), `0a27${id}10ac02${address}${shards}${relay}`)
})

t.test('an envelope has domain, type and payload under its signature, each with its length', async (t) => {
  const record = recordOf(key)
  const envelope = await sealExtensible(record, key)
  const reader = new ProtobufReader(envelope, 'test')
  const fields = new Map<number, Uint8Array>()
  for (let field = reader.next(); field !== 0; field = reader.next()) fields.set(field, reader.bytes())
  const payload = encodeExtensible(record)
  t.same([...fields.keys()], [1, 2, 3, 5])
  t.equal(hex(fields.get(2) ?? Buffer.of()), hex(type))
  t.equal(hex(fields.get(3) ?? Buffer.of()), hex(payload))
  const signed = Buffer.concat([
    Buffer.of(20),
    Buffer.from(domain),
    Buffer.of(31),
    type,
    Buffer.of(payload.length),
    payload,
  ])
  t.ok(payload.length < 128, 'its length is one byte')
  t.ok(await key.publicKey.verify(signed, fields.get(5) ?? Buffer.of()))
  const read = await openExtensible(envelope)
  t.same(read.addresses.map(String), record.addresses.map(String))
  t.equal(read.sequence, 300n)
  t.ok(read.peerId.equals(peerId))
})

t.test('a record is taken when its peer has signed it, and no other', async (t) => {
  const payload = encodeExtensible(recordOf(key))
  const envelopes = [
    { id: 'signed by another key', envelope: await sealEnvelope({ domain, type, payload }, otherKey) },
    { id: 'of another domain', envelope: await sealEnvelope({ domain: 'libp2p-relay-rsvp', type, payload }, key) },
    { id: 'of another type', envelope: await sealEnvelope({ domain, type: Buffer.of(3, 1), payload }, key) },
  ]
  t.ok(await openExtensible(await sealEnvelope({ domain, type, payload }, key)), 'the control is taken')
  for (const { id, envelope } of envelopes) await t.rejects(openExtensible(envelope), refusal, id)
  const changed = Buffer.from(await sealEnvelope({ domain, type, payload }, key))
  changed.writeUInt8(changed.readUInt8(changed.indexOf('relay')) ^ 1, changed.indexOf('relay'))
  await t.rejects(openExtensible(changed), refusal, 'changed by a bit')
})

t.test('a record of 1024 bytes is taken, and of one more is not', async (t) => {
  const bare = encodeExtensible(recordOf(key, { services: [{ id: '' }] })).length
  // Two bytes more for two lengths of two bytes.
  const filled = (length: number) => recordOf(key, { services: [{ id: 'x'.repeat(length - bare - 2) }] })
  const seal = (record: ExtensibleRecord) => sealEnvelope({ domain, type, payload: encodeExtensible(record) }, key)
  t.equal(encodeExtensible(filled(1024)).length, 1024)
  t.ok(await openExtensible(await seal(filled(1024))))
  await t.rejects(openExtensible(await seal(filled(1025))), refusal)
})

t.test('our own record leaves out addresses that do not fit', async (t) => {
  const addresses = Array.from({ length: 16 }, (_, index) => multiaddr(`/dns4/${'n'.repeat(60)}${index}.example/tcp/1`))
  const read = await openExtensible(await sealExtensible(recordOf(key, { addresses }), key))
  t.ok(read.addresses.length > 8 && read.addresses.length < 16)
  t.match(String(read.addresses[0]), /nn0\.example/)
})

t.test('whatever bytes come, a record or an error of ours comes of them', async (t) => {
  const whole = await sealExtensible(recordOf(key), key)
  const opened = async (bytes: Uint8Array): Promise<boolean> => {
    try {
      await openExtensible(bytes)
      return true
    } catch (error) {
      return malformed(error)
    }
  }
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 2100 }), opened))
  const cut = fc.tuple(fc.nat(whole.length - 1), fc.nat(255))
  await fc.assert(
    fc.asyncProperty(cut, ([at, byte]) => {
      const bytes = Uint8Array.from(whole)
      bytes[at] = byte
      return opened(bytes)
    }),
  )
  t.pass('the property holds')
})

t.test('what was encoded is decoded to the same', async (t) => {
  const service = fc.record({ id: fc.string({ maxLength: 20 }), data: fc.uint8Array({ maxLength: 33 }) })
  const property = fc.property(
    fc.bigInt(0n, 2n ** 64n - 1n),
    fc.array(service, { maxLength: 10 }),
    (sequence, services) => {
      const record = recordOf(key, { sequence, services })
      return hex(encodeExtensible(decodeExtensible(encodeExtensible(record), peerId))) === hex(encodeExtensible(record))
    },
  )
  holds(t, property)
})
