import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { idBytes, logDistance, nodeIdOf } from '../../../../src/net/discovery/discv5/ids.ts'
import {
  ephemeralKeyPair,
  provesIdentity,
  seal,
  sessionKeys,
  sharedSecret,
  signIdentity,
  unseal,
} from '../../../../src/net/discovery/discv5/keys.ts'
import { maxPacketBytes, maxRecords, minPacketBytes } from '../../../../src/net/discovery/discv5/limits.ts'
import { decodeMessage, encodeMessage, type Message } from '../../../../src/net/discovery/discv5/messages.ts'
import {
  decodePacket,
  encodeHead,
  encodePacket,
  handshakeData,
  type ProtocolId,
  whoareyouData,
} from '../../../../src/net/discovery/discv5/packet.ts'
import { decodeEnr } from '../../../../src/net/discovery/enr.ts'
import { encodeList, encodeString } from '../../../../src/net/discovery/rlp.ts'
import { holds } from '../../../kit/property.ts'
import { bytesOf, hexOf, readVectors } from '../../../kit/vectors.ts'
import { headOf } from './stranger.ts'

interface PacketVector {
  readonly id: string
  readonly sourceId: string
  readonly destinationId: string
  readonly nonce: string
  readonly packet: string
  readonly readKey?: string
  readonly requestId?: string
  readonly pingSequence?: string
  readonly challenge?: string
  readonly challengeSequence?: string
  readonly ephemeralKey?: string
  readonly ephemeralPublicKey?: string
}

type Row = Readonly<Record<string, string>>

interface Vectors {
  readonly nodeAKey: string
  readonly nodeBKey: string
  readonly packets: readonly PacketVector[]
  readonly ecdh: Row
  readonly keyDerivation: Row
  readonly idSignature: Row
  readonly encryption: Row
  readonly messages: { readonly ping: Row; readonly pong: Row & { readonly port: string } }
}

const vectors = readVectors<Vectors>('discv5')
const field = (row: Row, name: string): Uint8Array => bytesOf(row[name] ?? '')

/** The vector of this name, with what it must have. */
function vector(id: string): Required<PacketVector> {
  const found = vectors.packets.find((one) => one.id === id)
  if (found === undefined) throw new Error(`no vector ${id}`)
  return found as Required<PacketVector>
}

function opened({ destinationId, packet }: PacketVector, protocol: ProtocolId = 'discv5') {
  return decodePacket(bytesOf(packet), idBytes(destinationId), protocol)
}

t.test('the ordinary packet of the specification is read, and written the same', async (t) => {
  const { sourceId, destinationId, nonce, readKey, requestId, packet, ...rest } = vector('ping message')
  const read = opened({ sourceId, destinationId, nonce, packet, id: 'ping' })
  if (read?.kind !== 'message') return t.fail('no message')
  t.equal(read.source, sourceId)
  const plain = unseal(bytesOf(readKey), read.nonce, read.sealed, read.head)
  const message = decodeMessage(plain ?? new Uint8Array())
  t.match(message, { type: 'ping', sequence: BigInt(rest.pingSequence) })
  t.equal(hexOf(message?.id ?? new Uint8Array()), requestId)
  const iv = bytesOf(packet).subarray(0, 16)
  const head = encodeHead({
    iv,
    protocol: 'discv5',
    kind: 'message',
    nonce: bytesOf(nonce),
    authdata: idBytes(sourceId),
  })
  const sealed = seal(bytesOf(readKey), bytesOf(nonce), plain ?? new Uint8Array(), head)
  t.equal(hexOf(encodePacket(destinationId, head, sealed)), packet)
})

t.test('the WHOAREYOU packet of the specification is read, and written the same', async (t) => {
  const { nonce, challenge, destinationId, packet, challengeSequence } = vector('whoareyou')
  const read = opened(vector('whoareyou'))
  if (read?.kind !== 'whoareyou') return t.fail('no WHOAREYOU')
  t.equal(hexOf(read.nonce), nonce)
  t.equal(hexOf(read.challenge), challenge)
  t.equal(read.sequence, BigInt(challengeSequence))
  const authdata = whoareyouData(bytesOf(challenge).subarray(39, 55), read.sequence)
  const head = encodeHead({
    iv: read.challenge.subarray(0, 16),
    protocol: 'discv5',
    kind: 'whoareyou',
    nonce: bytesOf(nonce),
    authdata,
  })
  t.equal(hexOf(encodePacket(destinationId, head)), packet)
})

for (const id of ['ping handshake', 'ping handshake with record'])
  t.test(`the ${id} of the specification is read, and written the same`, async (t) => {
    const one = vector(id)
    const read = opened(one)
    if (read?.kind !== 'handshake') return t.fail('no handshake')
    t.equal(read.source, one.sourceId)
    t.equal(hexOf(read.ephemeralKey), one.ephemeralPublicKey)
    t.equal(read.record !== undefined, id.endsWith('record'))

    const handshake = { initiator: one.sourceId, recipient: one.destinationId, challenge: bytesOf(one.challenge) }
    const secret = sharedSecret(read.ephemeralKey, bytesOf(vectors.nodeBKey))
    const { initiator } = sessionKeys(secret, handshake)
    t.equal(hexOf(initiator), one.readKey)
    const plain = unseal(initiator, read.nonce, read.sealed, read.head)
    t.match(decodeMessage(plain ?? new Uint8Array()), { type: 'ping', sequence: BigInt(one.pingSequence) })

    const signature = signIdentity(bytesOf(vectors.nodeAKey), read.ephemeralKey, handshake)
    t.equal(hexOf(signature), hexOf(read.signature))
    if (read.record !== undefined) {
      const { publicKey } = decodeEnr(read.record)
      t.equal(nodeIdOf(publicKey), one.sourceId)
      t.ok(provesIdentity(read.signature, publicKey, read.ephemeralKey, handshake))
      const other = { ...handshake, recipient: one.sourceId }
      t.notOk(provesIdentity(read.signature, publicKey, read.ephemeralKey, other), 'it is for this recipient alone')
    }
    const head = encodeHead({
      iv: read.head.subarray(0, 16),
      protocol: 'discv5',
      kind: 'handshake',
      nonce: read.nonce,
      authdata: handshakeData(one.sourceId, { ...read, signature }),
    })
    const sealed = seal(initiator, read.nonce, plain ?? new Uint8Array(), head)
    t.equal(hexOf(encodePacket(one.destinationId, head, sealed)), one.packet)
  })

t.test('key agreement, key derivation, identity proof and seal are those of the specification', async (t) => {
  const { ecdh, keyDerivation, idSignature, encryption } = vectors
  t.equal(hexOf(sharedSecret(field(ecdh, 'publicKey'), field(ecdh, 'secretKey'))), ecdh.sharedSecret)

  const { nodeIdA = '', nodeIdB = '' } = keyDerivation
  const secret = sharedSecret(field(keyDerivation, 'destinationPublicKey'), field(keyDerivation, 'ephemeralKey'))
  const handshake = { initiator: nodeIdA, recipient: nodeIdB, challenge: field(keyDerivation, 'challenge') }
  const keys = sessionKeys(secret, handshake)
  t.equal(hexOf(keys.initiator), keyDerivation.initiatorKey)
  t.equal(hexOf(keys.recipient), keyDerivation.recipientKey)

  const ephemeral = field(idSignature, 'ephemeralPublicKey')
  const proof = { ...handshake, challenge: field(idSignature, 'challenge'), recipient: idSignature.nodeIdB ?? '' }
  t.equal(hexOf(signIdentity(field(idSignature, 'staticKey'), ephemeral, proof)), idSignature.signature)

  const [key, nonce, plain, head, sealed] = (['key', 'nonce', 'plain', 'head', 'sealed'] as const).map((name) =>
    field(encryption, name),
  ) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  t.equal(hexOf(seal(key, nonce, plain, head)), hexOf(sealed))
  t.same(unseal(key, nonce, sealed, head), plain)
  t.equal(unseal(key, nonce, sealed, Buffer.of(1)), undefined, 'the head is vouched for')
  t.equal(unseal(key, nonce, sealed.subarray(0, 15), head), undefined, 'less than a tag')
})

t.test('PING and PONG are encoded as in the specification', async (t) => {
  const { ping, pong } = vectors.messages
  const id = bytesOf('01')
  t.equal(hexOf(encodeMessage({ type: 'ping', id, sequence: 1n })), ping.encoded)
  const message: Message = { type: 'pong', id, sequence: 1n, address: pong.address ?? '', port: Number(pong.port) }
  t.equal(hexOf(encodeMessage(message)), pong.encoded)
  t.match(decodeMessage(field(pong, 'encoded')), message)
})

t.test('a packet of another protocol id, version, length or kind is none', async (t) => {
  const one = vector('ping message')
  t.ok(opened(one))
  t.equal(opened(one, 'd5waku'), undefined, 'the networks do not mix')
  const ours = headOf('message', idBytes(one.sourceId))
  const read = (head: Uint8Array, message = randomBytes(44)) =>
    decodePacket(encodePacket(one.destinationId, head, message), idBytes(one.destinationId), 'd5waku')
  t.equal(read(ours)?.kind, 'message')
  const changed = (at: number, to: number): Uint8Array => Uint8Array.from(ours).fill(to, at, at + 1)
  t.equal(read(changed(16 + 7, 2)), undefined, 'version 2')
  t.equal(read(changed(16 + 8, 3)), undefined, 'kind 3')
  t.equal(read(changed(16 + 21, 0xff)), undefined, 'authdata beyond the end')
  t.equal(read(changed(16 + 22, 31)), undefined, 'an id of 31 bytes')
  t.equal(read(ours, randomBytes(maxPacketBytes - ours.length))?.kind, 'message', 'the largest')
  t.equal(read(ours, randomBytes(maxPacketBytes - ours.length + 1)), undefined, 'above the largest')
  const short = encodePacket(one.destinationId, ours).subarray(0, minPacketBytes - 1)
  t.equal(decodePacket(short, idBytes(one.destinationId), 'd5waku'), undefined, 'below the smallest')
})

const requestId = fc.uint8Array({ maxLength: 8 })
const sequence = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const record = fc
  .array(fc.uint8Array({ maxLength: 20 }), { maxLength: 3 })
  .map((items) => encodeList(items.map(encodeString)))
const messages: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: fc.constant('ping' as const), id: requestId, sequence }),
  fc.record({
    type: fc.constant('pong' as const),
    id: requestId,
    sequence,
    address: fc.constantFrom('192.0.2.7', '2001:db8:0:0:0:0:0:1', '0.0.0.0'),
    port: fc.nat(65_535),
  }),
  fc.record({
    type: fc.constant('findnode' as const),
    id: requestId,
    distances: fc.array(fc.nat(256), { maxLength: 16 }),
  }),
  fc.record({
    type: fc.constant('nodes' as const),
    id: requestId,
    total: fc.nat(16),
    records: fc.array(record, { maxLength: maxRecords }),
  }),
  fc.record({
    type: fc.constant('talkreq' as const),
    id: requestId,
    protocol: fc.uint8Array({ maxLength: 20 }),
    request: fc.uint8Array({ maxLength: 200 }),
  }),
  fc.record({ type: fc.constant('talkresp' as const), id: requestId, response: fc.uint8Array({ maxLength: 200 }) }),
)

t.test('a message is read as it was written', async (t) => {
  const same = fc.property(messages, (message) => {
    const read = decodeMessage(encodeMessage(message))
    return read !== undefined && hexOf(encodeMessage(read)) === hexOf(encodeMessage(message))
  })
  holds(t, same, { numRuns: 1000 })
})

t.test('a message that is changed, cut or made up is read or refused, and nothing is thrown', async (t) => {
  const change = fc.record({ message: messages, at: fc.nat(), to: fc.nat(255), cut: fc.nat() })
  const survives = (bytes: Uint8Array): boolean => {
    decodeMessage(bytes)
    return true
  }
  const changed = fc.property(change, ({ message, at, to, cut }) => {
    const bytes = Buffer.from(encodeMessage(message))
    bytes[at % bytes.length] = to
    return survives(bytes) && survives(bytes.subarray(0, cut % (bytes.length + 1)))
  })
  holds(t, changed, { numRuns: 5000 })
  holds(
    t,
    fc.property(fc.nat(8), fc.uint8Array({ maxLength: 300 }), (code, rest) => survives(Buffer.from([code, ...rest]))),
    { numRuns: 5000 },
  )
})

t.test('what a message claims is believed only as far as it may be', async (t) => {
  const id = Buffer.of(1)
  const nodes = (total: number, records: Uint8Array[]) =>
    decodeMessage(encodeMessage({ type: 'nodes', id, total, records }))
  t.match(nodes(255, []), { total: 16 }, 'NODES of 255 packets')
  t.match(nodes(1, Array(50).fill(encodeList([]))), { records: { length: maxRecords } })
  const distances = Array.from({ length: 200 }, (_, index) => index)
  t.match(decodeMessage(encodeMessage({ type: 'findnode', id, distances })), { distances: { length: 16 } })
  t.equal(decodeMessage(encodeMessage({ type: 'findnode', id, distances: [257] })), undefined, 'a distance above 256')
  const long = Buffer.alloc(9, 1)
  t.equal(decodeMessage(encodeMessage({ type: 'ping', id: long, sequence: 1n })), undefined, 'a request id of 9 bytes')
  // A list that says to be 2^56 bytes long.
  t.equal(decodeMessage(bytesOf('01ff00ffffffffffffff')), undefined)
  t.equal(decodeMessage(bytesOf('01ffffffffffffffffff')), undefined)
})

t.test('a packet that is changed or made up is read or refused, and nothing is thrown or kept', async (t) => {
  const own = idBytes(vector('ping message').destinationId)
  const survives = (bytes: Uint8Array): boolean => {
    const read = decodePacket(bytes, own, 'discv5')
    if (read?.kind === 'message') unseal(randomBytes(16), read.nonce, read.sealed, read.head)
    return true
  }
  const changed = fc.property(fc.constantFrom(...vectors.packets), fc.nat(), fc.nat(255), ({ packet }, at, to) => {
    const bytes = Buffer.from(bytesOf(packet))
    bytes[at % bytes.length] = to
    return survives(bytes)
  })
  holds(t, changed, { numRuns: 5000 })
  holds(t, fc.property(fc.uint8Array({ maxLength: 1400 }), survives), { numRuns: 5000 })
})

t.test('an identity proof that is no signature proves nothing', async (t) => {
  const one = vector('ping handshake')
  const handshake = { initiator: one.sourceId, recipient: one.destinationId, challenge: bytesOf(one.challenge) }
  const { publicKey, privateKey } = ephemeralKeyPair()
  const good = signIdentity(privateKey, publicKey, handshake)
  t.ok(provesIdentity(good, publicKey, publicKey, handshake))
  for (const wrong of [Buffer.alloc(64), Buffer.alloc(64, 0xff), randomBytes(64)])
    t.notOk(provesIdentity(wrong, publicKey, publicKey, handshake))
  t.notOk(provesIdentity(good, Buffer.alloc(33), publicKey, handshake), 'a key that is none')
})

t.test('the distance is the place of the first bit that differs', async (t) => {
  const zero = '0'.repeat(64)
  t.equal(logDistance(zero, zero), 0)
  t.equal(logDistance(zero, `${'0'.repeat(63)}1`), 1)
  t.equal(logDistance(zero, `8${'0'.repeat(63)}`), 256)
  t.equal(logDistance(`8${'0'.repeat(63)}`, `9${'0'.repeat(63)}`), 253)
})
