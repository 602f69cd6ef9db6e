/**
 * What the node tells others about how to reach it, and what others say about that.
 *
 * Three sources: what the operator said (`addresses.ts`), what the interfaces and the router have, what peers found when
 * they tried to dial us (AutoNAT). What the operator said is announced whatever others say; of what was found, only what
 * nobody contradicts.
 */
import type { Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type Clock, systemClock } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { forgeAddress } from './acme/forge-names.ts'
import { type Announce, announcedAddresses, hostOf, isWss, withWss } from './addresses.ts'
import { certifies, expiryOf } from './certificate.ts'
import { isRelayed } from './circuit/address.ts'
import { circuitLimits } from './circuit/limits.ts'
import type { Inside } from './inside.ts'
import type { Mapping } from './nat/port-mapper.ts'
import { Seen } from './nat/seen.ts'
import { isPrivate } from './networks.ts'
import type { Tls } from './stack/stack.ts'

/** Whether others can dial us, by their own word. */
export type ReachState = 'unknown' | 'public' | 'private'

/** Addresses of which a verdict is kept. */
const mostVerdicts = 32

export interface ReachabilityParts {
  readonly announce: Announce
  /** Our name at a forge: each of our addresses has one below it, which stands in for the address of wss. */
  readonly forgeDomain?: string | undefined
  readonly inside: Inside
  readonly metrics: Metrics
  readonly log: Log
  readonly clock?: Clock
}

export class Reachability implements Disposable {
  readonly #parts: ReachabilityParts
  readonly #disposed = new AbortController()
  readonly #verdicts = new Map<string, boolean>()
  readonly #listeners = new Set<() => void>()
  #seen: Seen | undefined
  #mapping: Mapping | undefined
  #announced = ''
  #certifiedUntil = 0

  constructor(parts: ReachabilityParts) {
    this.#parts = parts
    this.#showState()
  }

  /** Listens to what peers say, from before the first one. */
  watch(libp2p: Pick<Libp2p, 'addEventListener'>): void {
    const { signal } = this.#disposed
    this.#seen = new Seen({ libp2p, changed: () => this.#look(), signal })
    libp2p.addEventListener('self:peer:update', () => this.#look(), { signal })
  }

  /** The listeners are open: peers may try the address that the operator told us, too. */
  started(): void {
    const { inside, announce } = this.#parts
    if (announce.externalAddress === undefined) return
    const ports = inside.listening().flatMap((address) => {
      const port = address.getComponents().find(({ name }) => name === 'tcp')?.value
      return port === undefined ? [] : [[Number(port), Number(port)] as const]
    })
    inside.map({ externalAddress: announce.externalAddress, ports: new Map(ports) })
  }

  /** What is announced, without our peer id. */
  announced(): Multiaddr[] {
    const { clock = systemClock } = this.#parts
    return this.#addresses(clock() < this.#certifiedUntil)
  }

  /** Of these, those that the whole world may dial directly. */
  public(): Multiaddr[] {
    return this.announced().filter((address) => !isRelayed(address) && !isPrivate(hostOf(address) ?? ''))
  }

  /** Our wss addresses at the forge, with a certificate or without one yet. */
  forgeNames(): Multiaddr[] {
    const { forgeDomain } = this.#parts
    if (forgeDomain === undefined) return []
    return this.#addresses(true).filter((address) => address.toString().includes(`.${forgeDomain}/`))
  }

  /** This is what the wss listener serves from now on. Names at the forge are announced while it is good for them. */
  serves(tls: Tls | undefined): void {
    const { forgeDomain } = this.#parts
    if (tls === undefined || forgeDomain === undefined) return
    this.#certifiedUntil = certifies(tls.cert, `*.${forgeDomain}`) ? expiryOf(tls) * 1000 : 0
    this.#look()
  }

  /** The port that the world uses for a UDP port of ours: another one, where the router maps it so and is announced. */
  udpPort(port: number): number {
    return this.#udpPorts().get(port) ?? port
  }

  /** Calls `listener` after each change of what is announced, until we are disposed of. */
  onChange(listener: () => void): void {
    this.#announced = this.#text()
    this.#listeners.add(listener)
  }

  /** The router maps our ports so, or not at all. */
  map(mapping: Mapping | undefined): void {
    const { inside } = this.#parts
    if (this.#mapping !== undefined) inside.unmap(this.#mapping)
    this.#mapping = mapping
    if (mapping !== undefined) inside.map(mapping)
    this.#look()
  }

  /** Peers agree that this address of ours can be dialled, or that it cannot. */
  judged(address: Multiaddr, reachable: boolean): void {
    const key = keyOf(address)
    const before = this.state
    this.#verdicts.delete(key)
    this.#verdicts.set(key, reachable)
    const [oldest] = this.#verdicts.keys()
    if (this.#verdicts.size > mostVerdicts && oldest !== undefined) this.#verdicts.delete(oldest)
    this.#showState()
    if (this.state === 'public' && before !== 'public') this.#parts.log.info('peers can dial this node')
    if (this.state === 'private' && before !== 'private') this.#parts.log.warn('peers cannot dial this node')
    this.#look()
  }

  get state(): ReachState {
    const verdicts = [...this.#verdicts.values()]
    if (verdicts.includes(true)) return 'public'
    return verdicts.length > 0 ? 'private' : 'unknown'
  }

  [Symbol.dispose](): void {
    this.#disposed.abort()
    this.#listeners.clear()
  }

  #addresses(isCertified: boolean): Multiaddr[] {
    const { inside, announce, forgeDomain } = this.#parts
    const listening = inside.listening().filter((address) => !this.#isDenied(address))
    const relayed = inside.relayed().slice(0, circuitLimits.addresses)
    const wssName =
      forgeDomain === undefined
        ? undefined
        : (address: Multiaddr) => (isCertified ? forgeAddress(address, forgeDomain) : undefined)
    return announcedAddresses(listening, announce, { mapped: this.#mapped(), relayed, wssName })
  }

  /** Of the addresses that the router has for us, those that are ours indeed: peers dial them, or see us there. */
  #mapped(): Multiaddr[] {
    if (this.#mapping === undefined) return []
    return this.#parts.inside.mapped().filter((address) => {
      const host = hostOf(address) ?? ''
      return this.#verdicts.get(keyOf(address)) ?? this.#seen?.agrees(host) ?? false
    })
  }

  /**
   * Private addresses are nobody's to judge: those who need them are on our network. Peers cannot dial wss by an address,
   * since certificates are for names: whether they reach its host, plain TCP tells.
   */
  #isDenied(address: Multiaddr): boolean {
    const host = hostOf(address) ?? ''
    const dialled = isWss(address) ? this.#plainAt(host) : address
    return !isPrivate(host) && dialled !== undefined && this.#verdicts.get(keyOf(dialled)) === false
  }

  #plainAt(host: string): Multiaddr | undefined {
    return this.#parts.inside.listening().find((address) => hostOf(address) === host && !isWss(address))
  }

  /** Those of the router, as long as it is announced. */
  #udpPorts(): ReadonlyMap<number, number> {
    return (this.#mapped().length > 0 ? this.#mapping?.udpPorts : undefined) ?? new Map()
  }

  #look(): void {
    const text = this.#text()
    if (text === this.#announced) return
    this.#announced = text
    for (const listener of this.#listeners) listener()
  }

  #text(): string {
    return [...this.announced(), ...this.#udpPorts().values()].join(' ')
  }

  #showState(): void {
    const { waypost_reachability: gauge } = this.#parts.metrics
    for (const state of ['unknown', 'public', 'private'] as const) gauge.set({ state }, state === this.state ? 1 : 0)
  }
}

function keyOf(address: Multiaddr): string {
  return withWss(address)
    .toString()
    .replace(/\/p2p\/[^/]+$/, '')
}
