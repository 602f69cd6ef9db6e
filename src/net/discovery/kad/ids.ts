/** Where a key stands in the space of Kademlia: at its SHA-256 (the specification of Kad-DHT, "Definitions"). */
import { createHash } from 'node:crypto'
import type { PeerId } from '@libp2p/interface'
import type { NodeId } from '../discv5/ids.ts'
import type { Contact } from './codec.ts'

export function placeOf(key: Uint8Array): NodeId {
  return createHash('sha256').update(key).digest('hex')
}

/** The key under which a peer's record stands: its id. */
export function keyOfPeer(peer: PeerId): Uint8Array {
  return peer.toMultihash().bytes
}

/** A node with its place. */
export interface Placed extends Contact {
  readonly id: NodeId
}

export function placed(contact: Contact): Placed {
  return { ...contact, id: placeOf(keyOfPeer(contact.peerId)) }
}
