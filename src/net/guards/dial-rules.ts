/**
 * Where strangers may have us dial. Anybody can write an address of a private network into his record, or a name that leads
 * to one, and a node on the public network would knock at the doors of its operator's own: so it does not dial there, but
 * for the hosts and ports that the operator gave. A name is looked up here, and what was looked at is what is dialled.
 */
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { WaypostError } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import { leadsInside } from '../networks.ts'

/** The IP addresses of a name, of one family; none when it has none. Throws what `signal` was aborted with. */
export type ResolveHost = (name: string, family: 4 | 6, signal: AbortSignal) => Promise<readonly string[]>

export interface DialRulesOptions {
  /** True: we are on a private network ourselves, and everybody is there. */
  readonly takesPrivate: () => boolean
  readonly resolve?: ResolveHost
}

/** For one look-up of one family. */
const lookUp: { readonly timeout: Milliseconds; readonly tries: number } = { timeout: 2000, tries: 2 }

/** Addresses that were asked for and are remembered. */
const mostAsked = 1000

/** The families of which the addresses of a name are, by the kind of their address. */
const familiesOf: Readonly<Record<string, readonly (4 | 6)[]>> = { dns4: [4], dns6: [6], dns: [4, 6] }

export class DialRules {
  readonly #takesPrivate: () => boolean
  readonly #resolve: ResolveHost
  /**
   * What the settings name, and what an operator asked for since: names and IP addresses, each with its port, or a stranger
   * could lead us to every other port of that host.
   */
  #named: ReadonlySet<string> = new Set()
  readonly #asked = new Set<string>()

  constructor({ takesPrivate, resolve = resolveHost }: DialRulesOptions) {
    this.#takesPrivate = takesPrivate
    this.#resolve = resolve
  }

  /** The settings name these addresses, and no others: they are dialled wherever they lead. */
  name(addresses: readonly Multiaddr[]): void {
    this.#named = new Set(addresses.map(placeAt))
  }

  /** The operator asks for a peer at this address: from now on it is dialled wherever it leads. */
  give(address: Multiaddr): void {
    const place = placeAt(address)
    this.#asked.delete(place)
    this.#asked.add(place)
    const [oldest] = this.#asked
    if (this.#asked.size > mostAsked && oldest !== undefined) this.#asked.delete(oldest)
  }

  /** The address to dial in place of this one. Throws `net/private-address`, and what `signal` was aborted with. */
  async wayTo(address: Multiaddr, signal: AbortSignal): Promise<Multiaddr> {
    const host = hostAt(address)
    const place = placeAt(address)
    const families = familiesOf[address.getComponents()[0]?.name ?? '']
    if (this.#named.has(place) || this.#asked.has(place)) return address
    if (families === undefined && isIP(host) === 0) return refuse(host, 'it is no host of a network')
    if (this.#takesPrivate()) return address
    if (families === undefined) return leadsInside(host) ? refuse(host, 'it is private') : address
    const found = await this.#lookUp(host, families, signal)
    const inner = found.find(leadsInside)
    const [first] = found
    if (inner !== undefined) return refuse(host, `it leads to ${inner}`)
    if (first === undefined) return refuse(host, 'it leads nowhere')
    return needsName(address) ? address : withHost(address, first)
  }

  async #lookUp(host: string, families: readonly (4 | 6)[], signal: AbortSignal): Promise<string[]> {
    const found = await Promise.all(families.map((family) => this.#resolve(host, family, signal)))
    return found.flat()
  }
}

/** Asks the name servers of the system, and no file: a name that only this machine has is nothing for a stranger to know. */
const resolveHost: ResolveHost = async (name, family, signal) => {
  signal.throwIfAborted()
  const resolver = new Resolver(lookUp)
  const cancel = (): void => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await (family === 4 ? resolver.resolve4(name) : resolver.resolve6(name))
  } catch {
    signal.throwIfAborted()
    return []
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/**
 * TLS proves the name, so it must stand. Whoever changes his answer between our look-up and the system's gains a connection
 * to a private host, and on it a greeting of TLS; a certificate of that name he has not.
 */
function needsName(address: Multiaddr): boolean {
  return address.getComponents().some(({ name }) => name === 'wss' || name === 'tls')
}

function withHost(address: Multiaddr, host: string): Multiaddr {
  const [, ...rest] = address.getComponents()
  return multiaddr(`/ip${isIP(host)}/${host}`).encapsulate(multiaddr(rest))
}

function hostAt(address: Multiaddr): string {
  return address.getComponents()[0]?.value ?? ''
}

/** Host and port. */
function placeAt(address: Multiaddr): string {
  return `${hostAt(address)} ${address.getComponents()[1]?.value ?? ''}`
}

function refuse(host: string, why: string): never {
  throw new WaypostError('net/private-address', { host, why })
}
