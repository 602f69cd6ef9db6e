/** The sources of peers that the settings switch on: each puts what it finds into the pool. */
import type { CurrentRecord } from '../net/discovery/own-record.ts'
import type { PeerPool } from '../net/discovery/pool.ts'
import type { DialHistory } from '../net/peer-manager/dial-history.ts'
import type { DiscoveryParts } from './discovery.ts'
import { findByDiscv5, type UdpEndpoint } from './find-by-discv5.ts'
import { findByDns } from './find-by-dns.ts'
import { findByKad } from './find-by-kad.ts'
import { findByPeerExchange } from './find-by-peer-exchange.ts'
import { findByRendezvous } from './find-by-rendezvous.ts'

export interface FinderParts extends DiscoveryParts {
  readonly record: CurrentRecord
  readonly pool: PeerPool
  readonly history: DialHistory
  /** True while we are on a private network, or on this machine alone. */
  readonly isPrivate: () => boolean
  /** What our record says of discv5; who changes it has the record updated. */
  readonly udp: UdpEndpoint
}

/** How a way to find peers is, as health tells it. */
export interface FinderHealth {
  readonly protocol: string
  /** Why it does not work; undefined while it does. */
  readonly trouble: () => string | undefined
}

/** What the node is told by when it knows nobody to dial any more. */
export interface Finder extends AsyncDisposable {
  /** Of one that can be without what it needs. */
  readonly health?: FinderHealth
  /** Looks for more peers, unless it does so already; quick, and never throws. */
  findMore?(): void
  /** Sets its gauges, which no event tells. */
  measure?(): void
}

export interface Finders extends AsyncDisposable {
  readonly health: readonly FinderHealth[]
  findMore(): void
  measure(): void
}

type OpenFinder = (parts: FinderParts) => Promise<Finder | undefined>

/** In the order in which they are opened: those that need nobody else first. */
const openers: readonly OpenFinder[] = [findByDns, findByDiscv5, findByPeerExchange, findByRendezvous, findByKad]

export async function openFinders(parts: FinderParts): Promise<Finders> {
  await using opened = new AsyncDisposableStack()
  const finders: Finder[] = []
  for (const open of openers) {
    const finder = await open(parts)
    if (finder !== undefined) finders.push(opened.use(finder))
  }
  const kept = opened.move()
  return {
    health: finders.flatMap(({ health }) => health ?? []),
    findMore() {
      for (const finder of finders) finder.findMore?.()
    },
    measure() {
      for (const finder of finders) finder.measure?.()
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
