/** What a node is missing among its peers, and who would fill it. Pure. */
import type { Capability } from '../discovery/node-record.ts'
import { dialledPerShard, relayTarget, type Targets } from './targets.ts'

/** What other nodes do for a node that does not do it itself. */
export type WantedService = Extract<Capability, 'store' | 'filter' | 'lightpush'>

/** Peers that are wanted: so many more who relay a shard, who relay anything, or who serve something. */
export type Want =
  | { readonly kind: 'shard'; readonly shard: number; missing: number }
  | { readonly kind: 'relay'; missing: number }
  | { readonly kind: 'service'; readonly service: WantedService; missing: number }

/** What is known of a peer, connected or not. */
export interface Traits {
  /** False: it says that it does not relay. Undefined: not known. */
  readonly relays: boolean | undefined
  /** Undefined: not known, so it may be of any shard. */
  readonly shards: readonly number[] | undefined
  readonly services: ReadonlySet<Capability>
}

/** A connected peer, or one that is being dialled. */
export interface Contact extends Traits {
  readonly outbound: boolean
}

export interface Needs {
  readonly targets: Targets
  /** Followed now; empty: this node does not relay. */
  readonly shards: readonly number[]
  /** Of them, those whose mesh is too small: there are peers, but their own meshes are full. One more may have room. */
  readonly thin?: readonly number[]
  /** Peers wanted for each service. */
  readonly services: ReadonlyMap<WantedService, number>
}

/** What is missing; each with at least one. */
export function wantsOf({ targets, shards, thin = [], services }: Needs, contacts: readonly Contact[]): Want[] {
  const { all, shard: each } = relayTarget(targets, shards.length)
  const relays = contacts.filter(isRelay)
  const room = Math.max(0, targets.relayOut - relays.filter(({ outbound }) => outbound).length)
  const onShards = shards.map((shard): Want => {
    const there = relays.filter((contact) => isKnownOn(contact, shard))
    const dialled = there.filter(({ outbound }) => outbound).length
    const more = thin.includes(shard) ? 1 : 0
    const missing = Math.max(each - there.length, Math.min(each, dialledPerShard) - dialled, more)
    return { kind: 'shard', shard, missing: Math.min(room, missing) }
  })
  const relay: Want = { kind: 'relay', missing: Math.min(room, all - relays.length) }
  const served = Array.from(services, ([service, count]): Want => {
    const there = contacts.filter((contact) => contact.services.has(service)).length
    return { kind: 'service', service, missing: count - there }
  })
  return [...onShards, relay, ...served].filter(({ missing }) => missing > 0)
}

/** True if a peer of these traits is one of those wanted, as far as it is known. */
export function fills(want: Want, traits: Traits, ours: readonly number[]): boolean {
  if (want.kind === 'service') return traits.services.has(want.service) && sharesAny(traits, ours)
  if (traits.relays === false) return false
  return want.kind === 'shard' ? isOn(traits, want.shard) : sharesAny(traits, ours)
}

/** Whoever came by himself and says nothing of himself is none: a crowd of such fills nothing. */
function isRelay({ outbound, relays }: Contact): boolean {
  return outbound ? relays !== false : relays === true
}

function isKnownOn({ outbound, shards }: Contact, shard: number): boolean {
  return isOn({ shards: outbound ? shards : (shards ?? []) }, shard)
}

function isOn({ shards }: Pick<Traits, 'shards'>, shard: number): boolean {
  return shards === undefined || shards.includes(shard)
}

function sharesAny({ shards }: Traits, ours: readonly number[]): boolean {
  return shards === undefined || ours.length === 0 || ours.some((shard) => shards.includes(shard))
}
