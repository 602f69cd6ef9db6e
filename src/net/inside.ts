type TcpMapping = Pick<Mapping, 'externalAddress' | 'ports'>

/**
 * Parts of libp2p that it shows to its services only: this attaches itself as one, to see them.
 */
import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Libp2pInit } from 'libp2p'
import { hostOf } from './addresses.ts'
import { isRelayed } from './circuit/address.ts'
import type { Mapping } from './nat/port-mapper.ts'
import { isPrivate } from './networks.ts'
import type { Tls } from './stack/stack.ts'

type Components = Parameters<NonNullable<Libp2pInit['transports']>[number]>[0]

type InsideComponents = Pick<Components, 'transportManager' | 'connectionManager' | 'addressManager' | 'events'>

export class Inside {
  /**
   * The addresses that the listeners have. libp2p's announce filter is not told of public ones before AutoNAT has
   * confirmed them.
   */
  listening: () => Multiaddr[] = () => []

  /** Addresses at relays, through which others reach us: what the relays say. */
  relayed: () => Multiaddr[] = () => []

  /** Serves another certificate to those who connect from now on. */
  renewCertificate: (tls: Tls) => void = () => {}

  /** Open connections at the most, from now on. */
  limitConnections: (most: number) => void = () => {}

  /** All connections, or those with one peer. */
  connections: (peer?: PeerId) => Connection[] = () => []

  /** Tells libp2p how a router maps our ports, so that AutoNAT has peers try the outer ones. */
  map: (mapping: TcpMapping) => void = () => {}

  /** Takes that back. */
  unmap: (mapping: TcpMapping) => void = () => {}

  /** The outer addresses of our listeners, by what was told with `map`. */
  mapped: () => Multiaddr[] = () => []

  readonly attach = (parts: InsideComponents): object => {
    const { transportManager, connectionManager, addressManager, events } = parts
    // A router knows one of our addresses in its network, libp2p wants to hear which: whichever it is.
    const inner = () =>
      this.listening()
        .flatMap((address) => hostOf(address) ?? [])
        .filter(isPrivate)
    this.map = ({ externalAddress, ports }) => {
      for (const host of new Set(inner()))
        for (const [port, outer] of ports) addressManager.addPublicAddressMapping(host, port, externalAddress, outer)
    }
    this.unmap = ({ externalAddress, ports }) => {
      for (const [port, outer] of ports) addressManager.removePublicAddressMapping('', port, externalAddress, outer)
    }
    this.mapped = () =>
      addressManager
        .getAddressesWithMetadata()
        .filter(({ type }) => type === 'ip-mapping')
        .map(({ multiaddr }) => multiaddr)
    this.listening = () => transportManager.getAddrs().filter((address) => !isRelayed(address))
    this.relayed = () => transportManager.getAddrs().filter(isRelayed)
    this.connections = (peer) => connectionManager.getConnections(peer)
    this.limitConnections = (most) => connectionManager.setMaxConnections(most)
    this.renewCertificate = (detail) => events.safeDispatchEvent('certificate:renew', { detail })
    return {}
  }
}
