/** The messages of Kad-DHT (https://github.com/libp2p/specs/blob/master/kad-dht/README.md, "RPC messages"). */
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { WaypostError } from '../../../core/errors.ts'
import { ProtobufReader, ProtobufWriter } from '../../../core/protobuf.ts'
import { answerBytes, k, toldAddresses } from './limits.ts'

/** Apart from the network of IPFS: EXTENDED-KADEMLIA-DISCOVERY, "Protocol Id". */
export const kadProtocol = '/logos/kad/1.0.0'

/** Providers of content are no part of it. */
export const Type = { putValue: 0, getValue: 1, findNode: 4, ping: 5 } as const
export type Type = (typeof Type)[keyof typeof Type]

/** A node, and where it is: each address ends in `/p2p/<its id>`. */
export interface Contact {
  readonly peerId: PeerId
  readonly addresses: readonly Multiaddr[]
}

export interface KadMessage {
  readonly type: number
  readonly key: Uint8Array
  /** The value of its record; absent: it has none. */
  readonly value?: Uint8Array | undefined
  readonly closer: readonly Contact[]
}

const Field = { type: 1, key: 2, record: 3, closer: 8 } as const
const RecordField = { key: 1, value: 2, received: 5 } as const
const Peer = { id: 1, address: 2 } as const

/** What does not fit into an answer is left out, the last nodes first. How we are connected with them is nobody's business. */
export function encodeKad({ type, key, value, closer }: KadMessage): Uint8Array {
  const writer = new ProtobufWriter(1024).uint32(Field.type, type).bytes(Field.key, key)
  if (value !== undefined) writer.bytes(Field.record, recordBytes(key, value))
  let room = answerBytes - writer.finish().length
  for (const contact of closer) {
    const bytes = peerBytes(contact)
    room -= bytes.length + 3
    if (room < 0) break
    writer.bytes(Field.closer, bytes)
  }
  return writer.finish()
}

/** Throws `wire/malformed`. Nodes that cannot be read are left out. */
export function decodeKad(body: Uint8Array): KadMessage {
  const reader = new ProtobufReader(body, 'Kademlia message')
  let type = 0
  let key: Uint8Array = new Uint8Array()
  let value: Uint8Array | undefined
  const closer: Contact[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === Field.type) type = reader.uint32()
    else if (field === Field.key) key = reader.bytes()
    else if (field === Field.record) value = valueIn(reader.bytes(), key)
    else if (field === Field.closer) closer.push(...contactIn(reader.bytes(), closer.length))
    else reader.skip()
  }
  return { type, key, value, closer }
}

function recordBytes(key: Uint8Array, value: Uint8Array): Uint8Array {
  return new ProtobufWriter(value.length + key.length + 64)
    .bytes(RecordField.key, key)
    .bytes(RecordField.value, value)
    .string(RecordField.received, new Date().toISOString())
    .finish()
}

/** The value of a record, which is to be of the key of its message. */
function valueIn(record: Uint8Array, wanted: Uint8Array): Uint8Array {
  const reader = new ProtobufReader(record, 'Kademlia record')
  let key: Uint8Array = new Uint8Array()
  let value: Uint8Array = new Uint8Array()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === RecordField.key) key = reader.bytes()
    else if (field === RecordField.value) value = reader.bytes()
    else reader.skip()
  }
  if (Buffer.compare(key, wanted) !== 0) throw malformed('a record of another key')
  return value
}

function peerBytes({ peerId, addresses }: Contact): Uint8Array {
  const writer = new ProtobufWriter().bytes(Peer.id, peerId.toMultihash().bytes)
  for (const address of addresses.slice(0, toldAddresses)) writer.bytes(Peer.address, withoutPeer(address).bytes)
  return writer.finish()
}

/** The node, unless there are enough, or it has no id that can be read. */
function contactIn(bytes: Uint8Array, before: number): readonly Contact[] {
  if (before >= k) return []
  const reader = new ProtobufReader(bytes, 'Kademlia peer')
  let id: Uint8Array = new Uint8Array()
  const addresses: Uint8Array[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === Peer.id) id = reader.bytes()
    else if (field === Peer.address && addresses.length < toldAddresses) addresses.push(reader.bytes())
    else reader.skip()
  }
  const peerId = peerIdIn(id)
  return peerId === undefined ? [] : [{ peerId, addresses: addresses.flatMap((address) => addressIn(address, peerId)) }]
}

/** Of a key in an id: the longest is a public key of 36 bytes as it is. A longer length would take two bytes. */
const maxIdBytes = 64

/** The id in a key; undefined when it is none. */
export function peerIdIn(key: Uint8Array): PeerId | undefined {
  if (key.length > maxIdBytes) return undefined
  try {
    // Ids in text and in binary are told apart by multiaddr.
    const [id] = multiaddr(Buffer.of(0xa5, 0x03, key.length, ...key)).getComponents()
    return id?.value === undefined ? undefined : peerIdFromString(id.value)
  } catch {
    return undefined
  }
}

function addressIn(bytes: Uint8Array, peerId: PeerId): Multiaddr[] {
  try {
    return [withoutPeer(multiaddr(multiaddr(bytes).toString())).encapsulate(`/p2p/${peerId}`)]
  } catch {
    return []
  }
}

function withoutPeer(address: Multiaddr): Multiaddr {
  return address.decapsulateCode(CODE_P2P)
}

function malformed(why: string): WaypostError {
  return new WaypostError('wire/malformed', { what: 'Kademlia message', why })
}
