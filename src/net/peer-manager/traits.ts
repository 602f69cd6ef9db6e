/** What is known of a peer that was found, as far as it matters for dialling. Pure. */
import { hostOf } from '../addresses.ts'
import type { Pooled } from '../discovery/pool.ts'
import { isPrivate, subnetOf } from '../networks.ts'
import type { Traits } from './wants.ts'

/** What a record says; where there is none, nothing is known but what somebody saw. */
export function traitsOf({ record, source, capabilities, shards }: Pooled): Traits {
  const isUnknown = record === undefined && source !== 'connected' && capabilities.size === 0
  const relays = isUnknown ? undefined : capabilities.has('relay')
  return { relays, shards: shards?.shards, services: capabilities }
}

/** The networks of its IP addresses, each once: any of them may be the one at which it is reached. */
export function subnetsIn({ addresses }: Pick<Pooled, 'addresses'>): string[] {
  return [...new Set(addresses.flatMap((address) => subnetOfHost(hostOf(address)) ?? []))]
}

/** Private networks have a few subnets only, and are their owner's. */
export function subnetOfHost(host: string | undefined): string | undefined {
  return host === undefined || isPrivate(host) ? undefined : subnetOf(host)
}

/** How many there are of each network. */
export function countSubnets(subnets: readonly (string | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const subnet of subnets) if (subnet !== undefined) counts.set(subnet, (counts.get(subnet) ?? 0) + 1)
  return counts
}
