/** The address of a peer as a client of REST writes it. */
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { messageOf, WaypostError } from '../core/errors.ts'

/** A multiaddr that ends in the id of a peer. Throws `rest/bad-parameter`. */
export function peerAddress(text: string): Multiaddr {
  try {
    const address = multiaddr(text)
    if (/\/p2p\/[^/]+$/.test(text)) return address
  } catch (error) {
    throw new WaypostError('rest/bad-parameter', { why: messageOf(error) }, { cause: error })
  }
  throw new WaypostError('rest/bad-parameter', { why: 'it does not end in /p2p/ and a peer id' })
}
