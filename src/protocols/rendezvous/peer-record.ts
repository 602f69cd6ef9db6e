/**
 * What a peer puts up of itself: a Waku peer record in a signed envelope of libp2p (RFC 0002 of its specifications).
 *
 * There are two forms of the record. nwaku writes the peer id and the addresses in binary, and demands the key of its mix
 * protocol, which may be empty; WAKU-RENDEZVOUS has all three as text, the key optional. We write nwaku's and read both:
 * an address in text begins with a slash, which is no code of a binary one.
 */
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { WaypostError } from '../../core/errors.ts'
import { ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'
import { openEnvelope, sealEnvelope } from '../../net/discovery/signed-envelope.ts'
import { maxAddresses } from './limits.ts'

export interface WakuPeerRecord {
  readonly peerId: PeerId
  /** Grows with each change: Unix time in seconds. */
  readonly sequence: bigint
  /** Each ends in `/p2p/<its id>`. */
  readonly addresses: readonly Multiaddr[]
}

/** What the signature is over, beside type and record: nwaku. */
const domain = 'libp2p-custom-peer-record'

/** The code 0x300000 of multicodec's private range: nwaku. */
const payloadType = Buffer.of(0x30, 0x00, 0x00)

const Field = { peerId: 1, sequence: 2, address: 3, mixKey: 4 } as const

const slash = 0x2f

/** The envelope of our own record. */
export async function sealRecord(record: WakuPeerRecord, privateKey: PrivateKey): Promise<Uint8Array> {
  return await sealEnvelope({ domain, type: payloadType, payload: encodeRecord(record) }, privateKey)
}

/** The record in an envelope that its own peer has signed. Any type is taken: an earlier nwaku wrote another one. Throws `wire/malformed`. */
export async function openRecord(envelope: Uint8Array): Promise<WakuPeerRecord> {
  return await openEnvelope(envelope, { domain, read: decodeRecord })
}

function encodeRecord({ peerId, sequence, addresses }: WakuPeerRecord): Uint8Array {
  const writer = new ProtobufWriter(1024)
    .bytes(Field.peerId, peerId.toMultihash().bytes)
    .uint64(Field.sequence, sequence)
  for (const address of addresses.slice(0, maxAddresses)) writer.bytes(Field.address, withoutPeer(address).bytes)
  // nwaku demands the field and passes over a peer whose key is empty: it has no mix.
  return writer.string(Field.mixKey, '').finish()
}

/** The record in `payload`, which is to be of its signer. */
function decodeRecord(payload: Uint8Array, signer: PeerId): WakuPeerRecord {
  const reader = new ProtobufReader(payload, 'peer record')
  let id: Uint8Array = new Uint8Array()
  let sequence: bigint | undefined
  const addresses: Uint8Array[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === Field.peerId) id = reader.bytes()
    else if (field === Field.sequence) sequence = reader.uint64()
    else if (field === Field.address) addresses.push(reader.bytes())
    else reader.skip()
  }
  if (!isIdOf(signer, id)) throw malformed('it is not of its signer')
  if (sequence === undefined) throw malformed('no sequence number')
  if (addresses.length === 0) throw malformed('no addresses')
  const read = addresses.slice(0, maxAddresses).map(addressIn)
  return {
    peerId: signer,
    sequence,
    addresses: read.map((address) => withoutPeer(address).encapsulate(`/p2p/${signer}`)),
  }
}

function isIdOf(peer: PeerId, id: Uint8Array): boolean {
  return Buffer.from(id).equals(peer.toMultihash().bytes) || Buffer.from(id).toString('latin1') === peer.toString()
}

function addressIn(bytes: Uint8Array): Multiaddr {
  // An address that has no text cannot be dialled either.
  return multiaddr(bytes[0] === slash ? Buffer.from(bytes).toString('utf8') : multiaddr(bytes).toString())
}

function withoutPeer(address: Multiaddr): Multiaddr {
  return address.decapsulateCode(CODE_P2P)
}

function malformed(why: string): WaypostError {
  return new WaypostError('wire/malformed', { what: 'peer record', why })
}
