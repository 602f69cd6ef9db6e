/**
 * The peers that were found and may be dialled, whoever found them: bounded, of our cluster, each once with its newest
 * record. From here the peer manager takes whom it dials, and peer exchange whom it tells of.
 */
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock, Milliseconds } from '../../core/time.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { hostOf } from '../addresses.ts'
import { isPrivate } from '../networks.ts'
import type { Found, FoundListener, Source } from './found.ts'

export interface PoolOptions {
  readonly self: PeerId
  readonly cluster: number
  /** Peers at the most. Above it the one that was heard of longest ago goes, of those that came by the same way as most. */
  readonly capacity: number
  /** False: we are on the public network, and addresses of private ones, which a stranger may claim, are left out. */
  readonly takesPrivate: () => boolean
  readonly metrics: Metrics
  /** A monotonic clock. */
  readonly clock?: Clock
}

/** A peer in the pool. */
export interface Pooled extends Found {
  /** When it was heard of last. */
  readonly heardAt: Milliseconds
}

/** Addresses of one peer at the most: a record of 300 bytes has room for fewer than these. */
const maxAddresses = 16

/** Of them, those on one host: plain, WebSocket, and some to spare. More would have us try the ports of a third. */
const maxPerHost = 4

/** What an address begins with. Not `dnsaddr`: one such name leads to any number of addresses, and to further names. */
const hostKinds: ReadonlySet<string> = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])

export class PeerPool {
  readonly #options: Required<PoolOptions>
  /** By id, the one heard of longest ago first. */
  readonly #peers = new Map<string, Pooled>()
  /** The ids of those that came by each way, in the same order. */
  readonly #bySource = new Map<Source, Set<string>>()
  readonly #listeners = new Set<FoundListener>()

  constructor(options: PoolOptions) {
    this.#options = { clock: () => performance.now(), ...options }
  }

  get size(): number {
    return this.#peers.size
  }

  /** Those heard of longest ago first. */
  get all(): Iterable<Pooled> {
    return this.#peers.values()
  }

  get(peer: PeerId | string): Pooled | undefined {
    return this.#peers.get(peer.toString())
  }

  /** Takes a peer, or what is new of it. False: it is not one for us; if it was, it has moved and is forgotten. */
  add(found: Found): boolean {
    const { self, cluster, capacity, metrics, clock } = this.#options
    const addresses = fewOfEachHost(found.addresses.filter((address) => this.#takes(address))).slice(0, maxAddresses)
    if (addresses.length === 0 || found.peerId.equals(self)) return false
    const known = this.get(found.peerId)
    const isNews = known === undefined || isNewer(found, known)
    if (found.shards !== undefined && found.shards.cluster !== cluster) {
      if (isNews) this.remove(found.peerId)
      return false
    }
    const best = isNews ? { ...found, addresses } : known
    this.#put({ ...best, heardAt: clock() })
    if (this.#peers.size > capacity) this.#forgetOldest()
    metrics.waypost_found_peers_total.inc({ source: found.source })
    metrics.waypost_pool_peers.set(this.#peers.size)
    for (const listener of this.#listeners) listener(best)
    return true
  }

  remove(peer: PeerId): void {
    this.#drop(peer.toString())
    this.#options.metrics.waypost_pool_peers.set(this.#peers.size)
  }

  /** Tells `listener` of each peer that is added, new or heard of again. */
  onFound(listener: FoundListener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  #put(pooled: Pooled): void {
    const key = pooled.peerId.toString()
    this.#drop(key)
    this.#peers.set(key, pooled)
    const alike = this.#bySource.get(pooled.source) ?? new Set()
    this.#bySource.set(pooled.source, alike.add(key))
  }

  #drop(key: string): void {
    const pooled = this.#peers.get(key)
    if (pooled !== undefined) this.#bySource.get(pooled.source)?.delete(key)
    this.#peers.delete(key)
  }

  #takes(address: Multiaddr): boolean {
    if (!isDialable(address)) return false
    const host = hostOf(address)
    return this.#options.takesPrivate() || host === undefined || !isPrivate(host)
  }

  /** The oldest of the way that brought in most: who floods one way pushes out what came by it, and nobody else's. */
  #forgetOldest(): void {
    const largest = [...this.#bySource.values()].reduce((one, other) => (other.size > one.size ? other : one))
    const [oldest] = largest
    if (oldest !== undefined) this.#drop(oldest)
  }
}

/** A record counts more than none, and a later one more than an earlier one. */
function isNewer({ record }: Found, known: Found): boolean {
  if (known.record === undefined) return true
  return record !== undefined && record.sequence > known.record.sequence
}

/** True for a TCP port, whatever is spoken there: all that we dial. */
function isDialable(address: Multiaddr): boolean {
  const [host, tcp] = address.getComponents()
  return host !== undefined && hostKinds.has(host.name) && tcp?.name === 'tcp' && Number(tcp.value) > 0
}

function fewOfEachHost(addresses: readonly Multiaddr[]): Multiaddr[] {
  const byHost = Map.groupBy(addresses, (address) => address.getComponents()[0]?.value)
  const few = new Set([...byHost.values()].flatMap((those) => those.slice(0, maxPerHost)))
  return addresses.filter((address) => few.has(address))
}
