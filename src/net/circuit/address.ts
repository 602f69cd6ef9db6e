/** Addresses that lead over a circuit relay: `<the relay's>/p2p/<relay>/p2p-circuit/p2p/<peer>`. */
import type { Multiaddr } from '@multiformats/multiaddr'

/** True for an address that leads over a relay. */
export function isRelayed(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'p2p-circuit')
}
