/** The bytes of rendezvous, by the field numbers of its specification. */
import { generateKeyPair, privateKeyFromRaw, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import t from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { ProtobufWriter } from '../../../src/core/protobuf.ts'
import {
  decodeCookie,
  decodeRequest,
  decodeResponse,
  encodeCookie,
  encodeRequest,
  encodeResponse,
  type RendezvousRequest,
  type RendezvousResponse,
} from '../../../src/protocols/rendezvous/codec.ts'
import { namespaceOf, parseNamespace } from '../../../src/protocols/rendezvous/namespaces.ts'
import { openRecord, sealRecord } from '../../../src/protocols/rendezvous/peer-record.ts'
import { keyOf } from '../../kit/dns-tree.ts'
import { holds } from '../../kit/property.ts'

const hex = (wire: Uint8Array): string => Buffer.from(wire).toString('hex')
const bytes = (text: string): Uint8Array => Buffer.from(text, 'hex')

/** "rs/1/0" is 72732f312f30. */
const requests: { id: string; request: RendezvousRequest; wire: string }[] = [
  {
    id: 'register',
    request: { is: 'register', registration: { namespace: 'rs/1/0', record: bytes('aabb'), ttl: 60 } },
    wire: '0800120e0a0672732f312f301202aabb183c',
  },
  { id: 'unregister', request: { is: 'unregister', namespace: 'rs/1/0' }, wire: '080222080a0672732f312f30' },
  {
    id: 'discover',
    request: { is: 'discover', namespace: 'rs/1/0', limit: 12, cookie: bytes('cc') },
    wire: '08032a0d0a0672732f312f30100c1a01cc',
  },
  {
    id: 'discover all',
    request: { is: 'discover', namespace: undefined, limit: undefined, cookie: undefined },
    wire: '08032a00',
  },
]

const responses: { id: string; response: RendezvousResponse; wire: string }[] = [
  { id: 'registered', response: { is: 'registered', status: 0, reason: '', ttl: 60 }, wire: '08011a040800183c' },
  {
    id: 'refused',
    response: { is: 'registered', status: 102, reason: 'no', ttl: undefined },
    wire: '08011a06086612026e6f',
  },
  {
    id: 'discovered',
    response: {
      is: 'discovered',
      status: 0,
      reason: '',
      registrations: [{ namespace: 'rs/1/0', record: bytes('aabb'), ttl: 59 }],
      cookie: bytes('cc'),
    },
    wire: '0804321' + '50a0e0a0672732f312f301202aabb183b1201cc1800',
  },
]

t.test('requests and responses have their golden bytes, in both directions', async (t) => {
  for (const { id, request, wire } of requests) {
    t.equal(hex(encodeRequest(request)), wire, id)
    t.same(decodeRequest(bytes(wire)), request, id)
  }
  for (const { id, response, wire } of responses) {
    t.equal(hex(encodeResponse(response)), wire, id)
    t.same(decodeResponse(bytes(wire)), response, id)
  }
  const round = { first: 3n, last: 7n }
  t.equal(hex(encodeCookie({ round, next: 5n, namespace: 'a' })), '080512016118032007')
  t.same(decodeCookie(bytes('080518032007')), { round, next: 5n, namespace: undefined })
})

t.test('what is no request is refused', async (t) => {
  for (const wire of ['', '12020a00', '0800', '0801', '080222', '08051200', '0804321'.padEnd(8, '0')])
    t.throws(() => decodeRequest(bytes(wire)), { code: 'wire/malformed' }, wire)
})

t.test('whatever comes, it is read or refused with an error of ours', async (t) => {
  const wires = [...requests, ...responses].map(({ wire }) => bytes(wire))
  const mutated = fc.tuple(fc.constantFrom(...wires), fc.nat(40), fc.nat(255)).map(([wire, at, byte]) => {
    const other = Uint8Array.from(wire)
    other[at % other.length] = byte
    return other
  })
  for (const read of [decodeRequest, decodeResponse, decodeCookie] as const)
    holds(
      t,
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), mutated), (wire) => {
        try {
          return read(wire) !== undefined
        } catch (error) {
          return isWaypostError(error, 'wire/malformed')
        }
      }),
      { numRuns: 1000 },
    )
})

t.test('namespaces are those of shards, with what is served there', async (t) => {
  t.equal(namespaceOf({ cluster: 16, shard: 32 }), 'rs/16/32')
  t.equal(namespaceOf({ cluster: 16, shard: 32, capability: 'lightpush' }), 'rs/16/32/Lightpush')
  t.match(parseNamespace('rs/16/32'), { cluster: 16, shard: 32 })
  t.match(parseNamespace('rs/16/32/Store'), { cluster: 16, shard: 32, capability: 'store' })
  t.match(parseNamespace('rs/16/mix'), { cluster: 16, capability: 'mix' })
  for (const wrong of [
    '',
    'rs/16',
    'rs/16/1024',
    'rs/x/1',
    'rs/1/1/Nonsense',
    'rs/1/mix/Store',
    '/waku/2/rs/1/1',
    `rs/1/1/${'a'.repeat(255)}`,
  ])
    t.equal(parseNamespace(wrong), undefined, wrong)
})

const address = multiaddr('/ip4/192.0.2.1/tcp/60000')

/** An envelope as somebody else makes it, signed over the domain `domain`. */
async function envelope(
  key: PrivateKey,
  payload: Uint8Array,
  domain = 'libp2p-custom-peer-record',
  type = bytes('300000'),
) {
  const length = (part: Uint8Array): Uint8Array =>
    Buffer.from(part.length < 128 ? [part.length] : [(part.length & 127) | 128, part.length >> 7])
  const content = [Buffer.from(domain), type, payload].flatMap((part) => [length(part), part])
  const signature = await key.sign(Buffer.concat(content))
  return new ProtobufWriter()
    .bytes(1, publicKeyToProtobuf(key.publicKey))
    .bytes(2, type)
    .bytes(3, payload)
    .bytes(5, signature)
    .finish()
}

t.test('a record in its envelope is read again, as nwaku writes it and as the specification has it', async (t) => {
  const key = privateKeyFromRaw(keyOf(1))
  const peerId = peerIdFromPrivateKey(key)
  const ours = await sealRecord({ peerId, sequence: 7n, addresses: [address.encapsulate(`/p2p/${peerId}`)] }, key)
  const read = { peerId: `${peerId}`, sequence: 7n, addresses: [`${address}/p2p/${peerId}`] }
  const shown = async (wire: Uint8Array) => {
    const { peerId, sequence, addresses } = await openRecord(wire)
    return { peerId: `${peerId}`, sequence, addresses: addresses.map(String) }
  }
  t.same(await shown(ours), read, 'ours')
  const nwaku = new ProtobufWriter()
    .bytes(1, peerId.toMultihash().bytes)
    .uint64(2, 7n)
    .bytes(3, address.bytes)
    .string(4, 'ab'.repeat(32))
    .finish()
  t.same(await shown(await envelope(key, nwaku)), read, 'nwaku')
  t.same(await shown(await envelope(key, nwaku, undefined, bytes('0505'))), read, 'an earlier nwaku')
  const text = new ProtobufWriter().string(1, `${peerId}`).uint64(2, 7n).string(3, `${address}`).finish()
  t.same(await shown(await envelope(key, text)), read, 'the specification')
})

t.test('a record that its own peer did not sign, or that says nothing, is refused', async (t) => {
  const key = privateKeyFromRaw(keyOf(1))
  const other = await generateKeyPair('secp256k1')
  const record = (id: PrivateKey, addresses: readonly Uint8Array[]): Uint8Array => {
    const writer = new ProtobufWriter().bytes(1, peerIdFromPrivateKey(id).toMultihash().bytes).uint64(2, 7n)
    for (const bytes of addresses) writer.bytes(3, bytes)
    return writer.finish()
  }
  const good = await envelope(key, record(key, [address.bytes]))
  t.equal((await openRecord(good)).addresses.length, 1)
  const flipped = Uint8Array.from(good)
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1
  for (const [id, wrong] of Object.entries({
    'a signature that was changed': flipped,
    'another domain': await envelope(key, record(key, [address.bytes]), 'libp2p-peer-record'),
    'of another peer than its signer': await envelope(other, record(key, [address.bytes])),
    'no addresses': await envelope(key, record(key, [])),
    'an address that is none': await envelope(key, record(key, [bytes('ff')])),
    'no record': await envelope(key, new Uint8Array()),
    empty: new Uint8Array(),
    nonsense: Buffer.from('nonsense'),
  }))
    await t.rejects(openRecord(wrong), { code: 'wire/malformed' }, id)
})
