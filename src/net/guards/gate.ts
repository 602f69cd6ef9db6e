/**
 * Who may come in, judged before a byte is read: what js-libp2p does not do for sockets that have no identity yet.
 *
 * With its defaults ten idle sockets shut every honest peer out. Here newcomers have room to themselves: when it is
 * full, the one that has waited longest makes way, which an honest peer, who is through in a fraction of a second, never
 * is. Each owner of addresses has a share of the connections, except this machine and the operator's proxies.
 */
import { isIP } from 'node:net'
import type { Milliseconds } from '../../core/time.ts'
import type { HostLimits } from '../limits.ts'
import { canonical, isLoopback, isPrivate, type Networks, ownerOf, subnetOf } from '../networks.ts'
import { Quota, type QuotaOptions } from '../quota.ts'

/** Why a connection was closed before it had an identity: the label of `waypost_connections_refused_total`. */
export type Refusal = 'full' | 'per_address' | 'per_subnet' | 'pending' | 'idle' | 'frame' | 'websocket' | 'handshake'

export type GateLimits = Pick<
  HostLimits,
  | 'connections'
  | 'connectionsPerAddress'
  | 'connectionsPerSubnet'
  | 'reservedConnections'
  | 'pendingConnections'
  | 'pendingBytes'
  | 'openTimeout'
>

/** How often waiting newcomers are looked at: so late, and over so many bytes more, a limit may bite. */
const patrolInterval: Milliseconds = 250

/** The share of one address is also how often it may connect in this time. */
const ratePeriod: Milliseconds = 10_000

/** What is judged: a socket, or what stands for one. */
export interface Newcomer {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly bytesRead: number
  on(event: 'error', listener: () => void): unknown
  once(event: 'close', listener: () => void): unknown
  destroy(): unknown
  /** Throws where `destroy` has to do. */
  resetAndDestroy(): unknown
}

/** An inbound socket. */
interface Entrant {
  readonly socket: Newcomer
  /** Its remote address and port. */
  readonly key: string
  readonly since: Milliseconds
  /** Those among whom it is counted: the owner of its address, and the network. Undefined where no share applies. */
  shares: readonly string[] | undefined
}

export class Gate {
  #limits: GateLimits
  readonly #trusted: Networks
  readonly #refused: (why: Refusal) => void
  readonly #rate: Quota
  /** All inbound sockets, by their remote address and port. */
  readonly #inside = new Map<string, Entrant>()
  /** Those without an identity, the one that has waited longest first. */
  readonly #pending = new Map<string, Entrant>()
  /** Connections of each owner of addresses, and of each network. */
  readonly #counts = new Map<string, number>()
  #patrol: NodeJS.Timeout | undefined
  #shut = false

  /** `trusted`: networks of proxies, which bring many clients from one address. `refused` counts. */
  constructor(limits: GateLimits, trusted: Networks, refused: (why: Refusal) => void) {
    this.#limits = limits
    this.#trusted = trusted
    this.#refused = refused
    this.#rate = new Quota(ratesOf(limits))
  }

  /** Other limits from now on. Who is inside stays. */
  change(limits: GateLimits): void {
    this.#limits = limits
    this.#rate.change(ratesOf(limits))
  }

  /** Judges a socket that was just accepted. False when it was closed. */
  admit(socket: Newcomer): boolean {
    // Whatever happens to a socket, it is never uncaught.
    socket.on('error', () => socket.destroy())
    const { remoteAddress, remotePort } = socket
    if (this.#shut || remoteAddress === undefined || remotePort === undefined) return close(socket)
    const hasShare = this.#hasShare(remoteAddress)
    const crowded = hasShare ? this.#crowded(remoteAddress) : undefined
    if (crowded !== undefined) return this.#turnAway(socket, crowded)
    if (!this.#makeRoom()) return this.#turnAway(socket, 'full')
    const shares = hasShare ? sharesOf(remoteAddress) : undefined
    this.#enter({ socket, key: keyOf(remoteAddress, remotePort), since: performance.now(), shares })
    return true
  }

  /** The connection from this address and port has proved who it is. */
  identified(address: string, port: number): void {
    this.#pending.delete(keyOf(address, port))
  }

  /** Closes the connection from this address and port, which failed to prove who it is. */
  failed(address: string, port: number, why: Refusal): void {
    const entrant = this.#pending.get(keyOf(address, port))
    if (entrant !== undefined) this.#putOut(entrant, why)
  }

  /**
   * Counts a connection that a trusted proxy brings for its client, whose address the header X-Forwarded-For tells.
   * False when the client's share is used up. Whoever is not a trusted proxy is not believed.
   */
  forwarded(address: string, port: number, header: string | undefined): boolean {
    const entrant = this.#inside.get(keyOf(address, port))
    if (entrant === undefined || entrant.shares !== undefined || !this.#trusted.has(address)) return true
    const client = this.#clientIn(header)
    if (client === undefined) return true
    const crowded = this.#crowded(client)
    if (crowded !== undefined) {
      this.#refused(crowded)
      return false
    }
    entrant.shares = sharesOf(client)
    this.#count(entrant, 1)
    return true
  }

  /** Admits nobody any more, and closes all that are inside. */
  shut(): void {
    this.#shut = true
    for (const { socket } of this.#inside.values()) socket.destroy()
    this.#endPatrol()
  }

  #hasShare(address: string): boolean {
    return this.#limits.connectionsPerAddress > 0 && !isLoopback(address) && !this.#trusted.has(address)
  }

  /** Which share of an address is used up, if one is. */
  #crowded(address: string): 'per_address' | 'per_subnet' | undefined {
    const { connectionsPerAddress, connectionsPerSubnet } = this.#limits
    const [owner, subnet] = [ownerOf(address), subnetOf(address)]
    const isFull = (key: string, most: number) => (this.#counts.get(key) ?? 0) >= most
    if (isFull(owner, connectionsPerAddress) || !this.#rate.take(owner)) return 'per_address'
    const isShared = connectionsPerSubnet > 0 && !isPrivate(address)
    return isShared && isFull(subnet, connectionsPerSubnet) ? 'per_subnet' : undefined
  }

  /** False when everyone inside has an identity: then none is closed for a stranger. */
  #makeRoom(): boolean {
    const { connections, reservedConnections, pendingConnections } = this.#limits
    if (this.#inside.size < connections - reservedConnections && this.#pending.size < pendingConnections) return true
    const [oldest] = this.#pending.values()
    if (oldest === undefined) return false
    this.#putOut(oldest, 'pending')
    return true
  }

  #enter(entrant: Entrant): void {
    this.#inside.set(entrant.key, entrant)
    this.#pending.set(entrant.key, entrant)
    this.#count(entrant, 1)
    entrant.socket.once('close', () => this.#left(entrant))
    this.#patrol ??= setInterval(() => this.#lookAround(), patrolInterval)
  }

  #left(entrant: Entrant): void {
    this.#forget(entrant)
    this.#count(entrant, -1)
  }

  /** A port may be in use again before the socket that had it is closed for good. */
  #forget(entrant: Entrant): void {
    for (const map of [this.#inside, this.#pending]) if (map.get(entrant.key) === entrant) map.delete(entrant.key)
  }

  #count({ shares = [] }: Entrant, change: 1 | -1): void {
    for (const share of shares) {
      const count = (this.#counts.get(share) ?? 0) + change
      if (count === 0) this.#counts.delete(share)
      else this.#counts.set(share, count)
    }
  }

  #lookAround(): void {
    const { openTimeout, pendingBytes } = this.#limits
    const latest = performance.now() - openTimeout
    for (const entrant of [...this.#pending.values()]) {
      if (entrant.since < latest) this.#putOut(entrant, 'idle')
      else if (entrant.socket.bytesRead > pendingBytes) this.#putOut(entrant, 'frame')
    }
    if (this.#pending.size === 0) this.#endPatrol()
  }

  #endPatrol(): void {
    clearInterval(this.#patrol)
    this.#patrol = undefined
  }

  /** The last address in the header that is not one of our proxies: what stands before it, anyone may have written. */
  #clientIn(header: string | undefined): string | undefined {
    const addresses = (header ?? '').split(',').map((address) => address.trim())
    return addresses.findLast((address) => isIP(address) !== 0 && !this.#trusted.has(address))
  }

  #turnAway(socket: Newcomer, why: Refusal): false {
    this.#refused(why)
    return close(socket)
  }

  #putOut(entrant: Entrant, why: Refusal): void {
    this.#forget(entrant)
    this.#turnAway(entrant.socket, why)
  }
}

/** The share of one address is also how often it may connect. */
function ratesOf({ connectionsPerAddress }: GateLimits): Pick<QuotaOptions, 'perPeer' | 'total'> {
  return {
    perPeer: { volume: connectionsPerAddress, period: ratePeriod },
    total: { volume: Number.MAX_SAFE_INTEGER, period: ratePeriod },
  }
}

function sharesOf(address: string): readonly string[] {
  return [ownerOf(address), subnetOf(address)]
}

function keyOf(address: string, port: number): string {
  return `${canonical(address)} ${port}`
}

/** A reset, not a farewell: nothing is kept for a stranger, not even a port in TIME_WAIT. */
function close(socket: Newcomer): false {
  try {
    socket.resetAndDestroy()
  } catch {
    // A socket under TLS, or one that has ended its side, cannot be reset.
    socket.destroy()
  }
  return false
}
