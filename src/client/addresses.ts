/** The nodes that an application names, each by one or more addresses. */
import type { PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { messageOf, WaypostError } from '../core/errors.ts'

export interface NodeAddress {
  readonly id: PeerId
  readonly address: Multiaddr
}

/** A multiaddr that ends in the id of a node. Throws `client/bad-address`. */
export function nodeAddress(text: string): NodeAddress {
  try {
    const address = multiaddr(text)
    const last = address.getComponents().at(-1)
    if (last?.name !== 'p2p' || last.value === undefined) throw new Error('it does not end in /p2p/ and a peer id')
    return { address, id: peerIdFromString(last.value) }
  } catch (error) {
    throw new WaypostError('client/bad-address', { address: text, why: messageOf(error) }, { cause: error })
  }
}
