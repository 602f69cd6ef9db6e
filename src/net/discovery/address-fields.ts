/**
 * The addresses in a node record: `ip`, `tcp` and `udp` (EIP-778), and `multiaddrs` for what these cannot say, such as ws
 * and names (31/WAKU2-ENR, "many connection types").
 */
import { isIP } from 'node:net'
import type { PeerId } from '@libp2p/interface'
import { CODE_P2P, CODE_P2P_CIRCUIT, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { isRelayed } from '../circuit/address.ts'

/** A pair of a record. */
export type Field = readonly [key: string, value: Uint8Array]

type Fields = ReadonlyMap<string, Uint8Array>

export interface SocketAddress {
  readonly address: string
  readonly port: number
}

/** `ip`, `tcp` and `udp` for our first plain TCP address. */
export function socketFields(addresses: readonly Multiaddr[], udpPort: number | undefined): Field[] {
  const first = addresses.map(socketAddress).find((address) => address !== undefined)
  if (first === undefined) return []
  const six = isIP(first.address) === 6 ? '6' : ''
  // The binary form of an address is its code, which has one byte for both kinds, and its bytes.
  const bytes = multiaddr(`/ip${six === '' ? 4 : 6}/${first.address}`).bytes.subarray(1)
  const udp: Field[] = udpPort === undefined ? [] : [[`udp${six}`, uint16(udpPort)]]
  return [[`ip${six}`, bytes], [`tcp${six}`, uint16(first.port)], ...udp]
}

/** The addresses that `ip` and `tcp` cannot say. */
export function otherAddresses(addresses: readonly Multiaddr[]): Multiaddr[] {
  return addresses.filter((address) => socketAddress(address) === undefined)
}

/**
 * `multiaddrs`: for each address its length in two bytes, and its binary form without the peer id. One at a circuit relay
 * ends with the relay's id, and its `p2p-circuit` is left out.
 */
export function multiaddrsField(addresses: readonly Multiaddr[]): Field[] {
  if (addresses.length === 0) return []
  const entries = addresses.map((address) => withoutPeer(address).decapsulateCode(CODE_P2P_CIRCUIT).bytes)
  return [['multiaddrs', Buffer.concat(entries.flatMap((bytes) => [uint16(bytes.length), bytes]))]]
}

/** All addresses of a record, each ending in `/p2p/<peer>`: first those of `ip` and `ip6`. */
export function addressesIn(fields: Fields, peer: PeerId): Multiaddr[] {
  const plain = [tcpAddress(fields, ''), tcpAddress(fields, '6')].filter((address) => address !== undefined)
  return [...plain, ...multiaddrsIn(fields.get('multiaddrs'), peer)].map((address) =>
    address.encapsulate(`/p2p/${peer}`),
  )
}

/** Where a record says that its discv5 is. */
export function udpIn(fields: Fields): SocketAddress | undefined {
  return socketIn(fields, 'udp', '') ?? socketIn(fields, 'udp', '6')
}

/** The IP address and port of an address that is nothing else, which `ip` and `tcp` can say. */
function socketAddress(address: Multiaddr): SocketAddress | undefined {
  const [host, tcp, ...rest] = withoutPeer(address).getComponents()
  if (host?.value === undefined || isIP(host.value) === 0 || tcp?.name !== 'tcp' || rest.length > 0) return undefined
  return { address: host.value, port: Number(tcp.value) }
}

function tcpAddress(fields: Fields, family: '' | '6'): Multiaddr | undefined {
  const socket = socketIn(fields, 'tcp', family)
  return socket && multiaddr(`/ip${family || 4}/${socket.address}/tcp/${socket.port}`)
}

function socketIn(fields: Fields, protocol: 'tcp' | 'udp', family: '' | '6'): SocketAddress | undefined {
  const address = ipIn(fields.get(`ip${family}`), family === '' ? 4 : 16)
  const port = portIn(fields.get(`${protocol}${family}`))
  return address === undefined || port === undefined ? undefined : { address, port }
}

function ipIn(field: Uint8Array | undefined, length: 4 | 16): string | undefined {
  if (field?.length !== length) return undefined
  if (length === 4) return field.join('.')
  const groups = Array.from({ length: 8 }, (_, group) => Buffer.from(field).readUInt16BE(2 * group))
  return groups.map((group) => group.toString(16)).join(':')
}

/** A port is a number in RLP: some leave out leading zeros. */
function portIn(field: Uint8Array | undefined): number | undefined {
  if (field === undefined || field.length === 0 || field.length > 2) return undefined
  return Buffer.from(field).readUIntBE(0, field.length)
}

/** A length of 0 or beyond the end makes the whole field invalid; an address that does not parse is skipped: nwaku. */
function multiaddrsIn(field: Uint8Array | undefined, peer: PeerId): Multiaddr[] {
  const bytes = Buffer.from(field ?? [])
  const addresses: Multiaddr[] = []
  for (let offset = 0; offset < bytes.length; ) {
    const length = offset + 2 <= bytes.length ? bytes.readUInt16BE(offset) : 0
    const end = offset + 2 + length
    if (length === 0 || end > bytes.length) return []
    const address = parseAddress(bytes.subarray(offset + 2, end), peer)
    if (address !== undefined) addresses.push(address)
    offset = end
  }
  return addresses
}

/** An address that has a text too: what cannot be written down cannot be dialled either. */
function parseAddress(bytes: Uint8Array, peer: PeerId): Multiaddr | undefined {
  try {
    const address = multiaddr(bytes)
    const last = address.getComponents().at(-1)
    const isRelay = last?.code === CODE_P2P && last.value !== peer.toString() && !isRelayed(address)
    return multiaddr((isRelay ? address.encapsulate('/p2p-circuit') : withoutPeer(address)).toString())
  } catch {
    return undefined
  }
}

/** Without the id of the peer itself; that of a relay before it stays. */
function withoutPeer(address: Multiaddr): Multiaddr {
  return address.getComponents().at(-1)?.code === CODE_P2P ? address.decapsulateCode(CODE_P2P) : address
}

function uint16(value: number): Uint8Array {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
