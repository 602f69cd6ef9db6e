/**
 * Sets of IP addresses: those of this machine, of private networks, and those that an operator names.
 */
import { BlockList, isIP } from 'node:net'
import { WaypostError } from '../core/errors.ts'

/** A set of IP networks in CIDR form. */
export class Networks {
  // Node's name for a list of networks; nothing is blocked here.
  readonly #list = new BlockList()

  /** `10.0.0.0/8`, `fd00::/8`, or one address. Throws `net/bad-network`. */
  constructor(networks: readonly string[]) {
    for (const network of networks) this.#add(network)
  }

  has(address: string): boolean {
    const text = canonical(address)
    const family = isIP(text)
    return family !== 0 && this.#list.check(text, family === 4 ? 'ipv4' : 'ipv6')
  }

  #add(network: string): void {
    const [address = '', length, ...rest] = network.split('/')
    const bits = isIP(address) === 4 ? 32 : 128
    const prefix = length === undefined ? bits : Number(length)
    if (isIP(address) === 0 || rest.length > 0 || !/^\d*$/.test(length ?? '') || prefix > bits)
      throw new WaypostError('net/bad-network', { network })
    this.#list.addSubnet(address, prefix, bits === 32 ? 'ipv4' : 'ipv6')
  }
}

const loopback = new Networks(['127.0.0.0/8', '::1'])

/**
 * RFC 1918, RFC 6598, RFC 3927 and RFC 4193: addresses that mean nothing outside their network; and those that are no
 * single machine's: multicast, broadcast, and what is reserved.
 */
const notPublic = new Networks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/3',
  '::',
  '::1',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
])

/**
 * What leads to an IPv4 address, which may be a private one: translators and tunnels (RFC 6052, RFC 8215, RFC 3056, RFC 4291,
 * RFC 2765); and networks for protocols and measurements (RFC 6890, RFC 2544), and private ones of old (RFC 3879).
 */
const doors = new Networks([
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2002::/16',
  '::/96',
  '::ffff:0:0:0/96',
  'fec0::/10',
  '192.0.0.0/24',
  '198.18.0.0/15',
])

/** True for an address of this machine. */
export function isLoopback(address: string): boolean {
  return loopback.has(address)
}

/** True for an address of a private network, of a link or of this machine: one that others cannot reach, or that is nobody's. */
export function isPrivate(address: string): boolean {
  return notPublic.has(address)
}

/** True for an address that may lead to a private one; whoever comes from one is no neighbour for that. */
export function leadsInside(address: string): boolean {
  return isPrivate(address) || doors.has(address)
}

/**
 * One text for one address: IPv6 as eight groups without leading zeros or zone, and an IPv4 address that a socket bound
 * to IPv6 shows as `::ffff:a.b.c.d` as itself. What is no IP address stays as it is.
 */
export function canonical(address: string): string {
  if (isIP(address) !== 6) return address
  const groups = groupsOf(address)
  const [high = 0, low = 0] = groups.slice(6)
  if (groups.slice(0, 6).join() === '0,0,0,0,0,65535') return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  return groups.map((group) => group.toString(16)).join(':')
}

/**
 * What one owner of addresses is taken to hold: an IPv4 address, or the /64 of an IPv6 one, since a house is given at
 * least that.
 */
export function ownerOf(address: string): string {
  const text = canonical(address)
  return isIP(text) === 6 ? `${text.split(':').slice(0, 4).join(':')}::/64` : text
}

/** The network that one provider's customer may have bought: the /24 of an IPv4 address, the /48 of an IPv6 one. */
export function subnetOf(address: string): string {
  const text = canonical(address)
  if (isIP(text) === 6) return `${text.split(':').slice(0, 3).join(':')}::/48`
  return `${text.split('.').slice(0, 3).join('.')}.0/24`
}

/** The eight numbers of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail = ''] = address.replace(/%.*$/, '').split('::')
  const left = numbersOf(head)
  const right = numbersOf(tail)
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
}

function numbersOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => (group.includes('.') ? pairsOf(group) : [Number.parseInt(group, 16)]))
}

/** The last four bytes of an IPv6 address may be written as IPv4. */
function pairsOf(dotted: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number)
  return [(a << 8) | b, (c << 8) | d]
}
