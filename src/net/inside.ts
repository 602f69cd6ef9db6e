/**
 * Parts of libp2p that it shows to its services only: this attaches itself as one, to see them.
 */
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Libp2pInit } from 'libp2p'
import type { Tls } from './stack/stock.ts'

type Components = Parameters<NonNullable<Libp2pInit['transports']>[number]>[0]

export class Inside {
  /**
   * The addresses that the listeners have. libp2p's announce filter is not told of public ones before AutoNAT has
   * confirmed them.
   */
  listening: () => Multiaddr[] = () => []

  /** Serves another certificate to those who connect from now on. */
  renewCertificate: (tls: Tls) => void = () => {}

  /** Open connections at the most, from now on. */
  limitConnections: (most: number) => void = () => {}

  readonly attach = (parts: Pick<Components, 'transportManager' | 'connectionManager' | 'events'>): object => {
    const { transportManager, connectionManager, events } = parts
    this.listening = () => transportManager.getAddrs()
    this.limitConnections = (most) => connectionManager.setMaxConnections(most)
    this.renewCertificate = (detail) => events.safeDispatchEvent('certificate:renew', { detail })
    return {}
  }
}
