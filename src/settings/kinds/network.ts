/** Addresses: of interfaces, networks, peers, and how the world reaches us. */
import { isIP } from 'node:net'
import { multiaddr as parseMultiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../../core/errors.ts'
import { type Kind, Misfit, misfit } from './kind.ts'

/** An IPv4 or IPv6 address. */
export const ipAddress: Kind<string> = {
  type: 'ip',
  form: 'an IPv4 or IPv6 address',
  parse: (text) => (isIP(text.trim()) === 0 ? misfit(text, 'is not an IP address') : text.trim()),
  show: (value) => value,
}

/** Where a name server is; its port is 53 unless given. */
export const nameServer: Kind<string> = {
  type: 'ip',
  form: 'an IPv4 or IPv6 address, with a port where it is not 53: 192.0.2.1:5353, [2001:db8::1]:5353',
  parse(text) {
    const server = text.trim()
    const [, ip = server, port = '53'] = /^\[?([^[\]]+?)\]?:(\d{1,5})$/.exec(isIP(server) === 0 ? server : '') ?? []
    const fits = isIP(ip) !== 0 && Number(port) <= 0xffff && Number(port) > 0
    return fits ? server : misfit(text, 'is not the address of a name server')
  },
  show: (value) => value,
}

/** `10.0.0.0/8`; a bare address is a network of one. */
export const ipNetwork: Kind<string> = {
  type: 'network',
  form: 'an address or a network such as 10.0.0.0/8',
  parse(text) {
    const [address = '', bits, ...rest] = text.trim().split('/')
    const most = isIP(address) === 6 ? 128 : 32
    const prefix = bits === undefined || /^\d{1,3}$/.test(bits) ? Number(bits ?? most) : Number.NaN
    const fits = isIP(address) !== 0 && prefix <= most && rest.length === 0
    return fits ? `${address}/${prefix}` : misfit(text, 'is not a network such as 10.0.0.0/8')
  },
  show: (value) => value,
}

/** A DNS name. */
export const hostName: Kind<string> = {
  type: 'name',
  form: 'a DNS name',
  parse(text) {
    const label = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?'
    return new RegExp(`^(?=.{1,253}$)${label}(\\.${label})*\\.?$`, 'i').test(text.trim())
      ? text.trim()
      : misfit(text, 'is not a DNS name')
  },
  show: (value) => value,
}

/** The text of a multiaddr. */
export const multiaddr: Kind<string> = {
  type: 'multiaddr',
  form: 'a multiaddr such as /ip4/192.0.2.1/tcp/60000',
  parse(text) {
    const address = text.trim()
    if (!address.startsWith('/')) return misfit(text, 'is not a multiaddr: it begins with a slash')
    try {
      return parseMultiaddr(address).toString()
    } catch (error) {
      return misfit(text, `is not a multiaddr: ${messageOf(error)}`)
    }
  },
  show: (value) => value,
}

/** A multiaddr that says which peer is there. */
export const peerAddress: Kind<string> = {
  type: 'multiaddr',
  form: 'a multiaddr with a peer id such as /dns4/example.org/tcp/60000/p2p/16Uiu2...',
  parse(text, folder) {
    const address = multiaddr.parse(text, folder)
    if (address instanceof Misfit) return address
    return /\/p2p\/[^/]+$/.test(address) ? address : misfit(text, 'does not end with /p2p/ and a peer id')
  },
  show: (value) => value,
}

/** The text of an Ethereum node record. What is in it is checked by who uses it. */
export const enr: Kind<string> = {
  type: 'enr',
  form: 'an ENR: enr: and base64url',
  parse: (text) => (/^enr:[\w-]+$/.test(text.trim()) ? text.trim() : misfit(text, 'is not an ENR')),
  show: (value) => value,
}

/** A tree of records in DNS (EIP-1459). */
export const enrTree: Kind<string> = {
  type: 'enrtree',
  form: 'enrtree://<key>@<domain>',
  parse(text) {
    const fits = /^enrtree:\/\/[A-Z2-7]{53}@[\w.-]+$/.test(text.trim())
    return fits ? text.trim() : misfit(text, 'is not of the form enrtree://<key>@<domain>')
  },
  show: (value) => value,
}

/** How the world reaches us: by a mapping that we ask for, or an address that we are told. */
export type Nat = { readonly by: 'any' | 'none' | 'upnp' | 'pmp' } | { readonly by: 'address'; readonly ip: string }

/** `any`, `none`, `upnp`, `pmp` or `extip:<ip>`, as nwaku has it. */
export const nat: Kind<Nat> = {
  type: 'nat',
  form: 'any, none, upnp, pmp or extip:<ip>',
  parse(text) {
    const written = text.trim().toLowerCase()
    if (written === 'any' || written === 'none' || written === 'upnp' || written === 'pmp') return { by: written }
    const ip = written.startsWith('extip:') ? written.slice('extip:'.length) : ''
    return isIP(ip) === 0 ? misfit(text, 'is not any, none, upnp, pmp or extip:<ip>') : { by: 'address', ip }
  },
  show: (value) => (value.by === 'address' ? `extip:${value.ip}` : value.by),
}
