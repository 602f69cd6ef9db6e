/**
 * What a node says of itself in the DHT: an Extensible Peer Record in a signed envelope
 * (https://github.com/vacp2p/rfc-index/blob/main/docs/ift-ts/raw/extensible-peer-records.md, slug 74).
 */
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { WaypostError } from '../../../core/errors.ts'
import { ProtobufReader, ProtobufWriter } from '../../../core/protobuf.ts'
import { openEnvelope, sealEnvelope } from '../signed-envelope.ts'
import { maxAddresses, maxEnvelopeBytes, maxRecordBytes, maxServices } from './limits.ts'

export interface Service {
  /** The id of its protocol, or another name. */
  readonly id: string
  readonly data?: Uint8Array | undefined
}

export interface ExtensibleRecord {
  readonly peerId: PeerId
  /** Grows with each change. */
  readonly sequence: bigint
  /** Each ends in `/p2p/<its id>`. */
  readonly addresses: readonly Multiaddr[]
  readonly services: readonly Service[]
}

const domain = 'libp2p-routing-state'
const type = Buffer.from('/libp2p/extensible-peer-record/')

const Field = { peerId: 1, sequence: 2, address: 3, service: 4 } as const
const Address = { multiaddr: 1 } as const
const ServiceInfo = { id: 1, data: 2 } as const

/** The envelope of our own record. Addresses that do not fit into 1024 bytes are left out, the last first. */
export async function sealExtensible(record: ExtensibleRecord, privateKey: PrivateKey): Promise<Uint8Array> {
  let addresses = record.addresses.slice(0, maxAddresses)
  let payload = encodeExtensible({ ...record, addresses })
  while (payload.length > maxRecordBytes && addresses.length > 0) {
    addresses = addresses.slice(0, -1)
    payload = encodeExtensible({ ...record, addresses })
  }
  return await sealEnvelope({ domain, type, payload }, privateKey)
}

/** The record in an envelope that its own peer has signed. Throws `wire/malformed`. */
export async function openExtensible(envelope: Uint8Array): Promise<ExtensibleRecord> {
  if (envelope.length > maxEnvelopeBytes) throw malformed(`an envelope of ${envelope.length} bytes`)
  return await openEnvelope(envelope, { domain, type, read: decodeExtensible })
}

export function encodeExtensible({ peerId, sequence, addresses, services }: ExtensibleRecord): Uint8Array {
  const writer = new ProtobufWriter(maxRecordBytes)
    .bytes(Field.peerId, peerId.toMultihash().bytes)
    .uint64(Field.sequence, sequence)
  for (const address of addresses)
    writer.bytes(Field.address, new ProtobufWriter().bytes(Address.multiaddr, withoutPeer(address).bytes).finish())
  for (const service of services) writer.bytes(Field.service, serviceBytes(service))
  return writer.finish()
}

/** The record in `payload`, which is to be of its signer. Throws `wire/malformed`, and what libp2p throws for an address that is none. */
export function decodeExtensible(payload: Uint8Array, signer: PeerId): ExtensibleRecord {
  if (payload.length > maxRecordBytes) throw malformed(`${payload.length} bytes`)
  const reader = new ProtobufReader(payload, 'peer record')
  let id: Uint8Array = new Uint8Array()
  let sequence = 0n
  const addresses: Uint8Array[] = []
  const services: Uint8Array[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === Field.peerId) id = reader.bytes()
    else if (field === Field.sequence) sequence = reader.uint64()
    else if (field === Field.address) addresses.push(reader.bytes())
    else if (field === Field.service) services.push(reader.bytes())
    else reader.skip()
  }
  if (Buffer.compare(id, signer.toMultihash().bytes) !== 0) throw malformed('it is not of its signer')
  return {
    peerId: signer,
    sequence,
    addresses: addresses.slice(0, maxAddresses).map((bytes) => addressIn(bytes, signer)),
    services: services.slice(0, maxServices).map(serviceIn),
  }
}

function serviceBytes({ id, data }: Service): Uint8Array {
  const writer = new ProtobufWriter().string(ServiceInfo.id, id)
  return (data === undefined ? writer : writer.bytes(ServiceInfo.data, data)).finish()
}

function serviceIn(bytes: Uint8Array): Service {
  const reader = new ProtobufReader(bytes, 'peer record')
  let id = ''
  let data: Uint8Array | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === ServiceInfo.id) id = reader.string()
    else if (field === ServiceInfo.data) data = reader.bytes()
    else reader.skip()
  }
  return { id, data }
}

function addressIn(bytes: Uint8Array, signer: PeerId): Multiaddr {
  const reader = new ProtobufReader(bytes, 'peer record')
  let binary: Uint8Array = new Uint8Array()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === Address.multiaddr) binary = reader.bytes()
    else reader.skip()
  }
  // An address that has no text cannot be dialled either.
  return withoutPeer(multiaddr(multiaddr(binary).toString())).encapsulate(`/p2p/${signer}`)
}

function withoutPeer(address: Multiaddr): Multiaddr {
  return address.decapsulateCode(CODE_P2P)
}

function malformed(why: string): WaypostError {
  return new WaypostError('wire/malformed', { what: 'peer record', why })
}
