/**
 * Sets of IP addresses: those of this machine, of private networks, and those that an operator names.
 */
import { BlockList, isIP, isIPv4 } from 'node:net'
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
    const plain = plainAddress(address)
    const family = isIP(plain)
    return family !== 0 && this.#list.check(plain, family === 4 ? 'ipv4' : 'ipv6')
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

/** RFC 1918, RFC 6598, RFC 3927 and RFC 4193: addresses that mean nothing outside their network. */
const notPublic = new Networks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::',
  '::1',
  'fc00::/7',
  'fe80::/10',
])

/** True for an address of this machine. */
export function isLoopback(address: string): boolean {
  return loopback.has(address)
}

/** True for an address of a private network, of a link or of this machine: one that others cannot reach. */
export function isPrivate(address: string): boolean {
  return notPublic.has(address)
}

/** An IPv4 address that a socket bound to IPv6 shows as `::ffff:a.b.c.d`, as itself. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  return mapped !== undefined && isIPv4(mapped) ? mapped : address
}

/**
 * What one owner of addresses is taken to hold: an IPv4 address, or the /64 of an IPv6 one, since a house is given at
 * least that.
 */
export function ownerOf(address: string): string {
  const plain = plainAddress(address)
  return isIP(plain) === 6 ? `${expand(plain).slice(0, 4).join(':')}::/64` : plain
}

/** The eight groups of an IPv6 address, without leading zeros. */
function expand(address: string): string[] {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? 0 : 8 - left.length - right.length
  const groups = [...left, ...Array<string>(Math.max(0, gap)).fill('0'), ...right]
  return groups.map((group) => Number.parseInt(group, 16).toString(16))
}
