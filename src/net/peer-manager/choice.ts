/** Whom to dial, and with whom to part. Pure but for chance. */
import { fills, type Traits, type Want } from './wants.ts'

/** A peer that may be dialled. */
export interface Candidate extends Traits {
  readonly key: string
  /** Connected before: dialled before strangers. */
  readonly isFriend: boolean
  /** The networks of its addresses; none for names, or where no share applies. */
  readonly subnets: readonly string[]
}

export interface Choice {
  readonly wants: readonly Want[]
  /** The shards of our network that matter to us. */
  readonly shards: readonly number[]
  /** Peers that may be dialled at once now. */
  readonly most: number
  /** Peers that we dialled, and those that we are dialling, by network. */
  readonly subnets: ReadonlyMap<string, number>
  /** Of one network at the most. */
  readonly perSubnet: number
  readonly random?: () => number
}

/** Some of `candidates` that fill what is wanted, friends first, otherwise by chance: nobody can foresee who is dialled. */
export function chooseDials(candidates: readonly Candidate[], choice: Choice): Candidate[] {
  const { wants, shards, most, perSubnet, random = Math.random } = choice
  const open = wants.map((want) => ({ ...want }))
  const subnets = new Map(choice.subnets)
  const chosen: Candidate[] = []
  for (const candidate of inOrder(candidates, random)) {
    if (chosen.length >= most) break
    const filled = open.filter((want) => want.missing > 0 && fills(want, candidate, shards))
    const isFull = candidate.subnets.some((subnet) => (subnets.get(subnet) ?? 0) >= perSubnet)
    if (filled.length === 0 || isFull) continue
    for (const want of filled) want.missing -= 1
    for (const subnet of candidate.subnets) subnets.set(subnet, (subnets.get(subnet) ?? 0) + 1)
    chosen.push(candidate)
  }
  return chosen
}

function inOrder(candidates: readonly Candidate[], random: () => number): Candidate[] {
  const drawn = candidates.map((candidate) => ({ candidate, lot: random() - (candidate.isFriend ? 1 : 0) }))
  return drawn.sort((one, other) => one.lot - other.lot).map(({ candidate }) => candidate)
}

/** A relay peer that dialled us. */
export interface Guest {
  readonly key: string
  readonly score: number
  /** In a gossip mesh, or static: it stays. */
  readonly isNeeded: boolean
  readonly subnet: string | undefined
  /** When it came. */
  readonly since: number
}

/**
 * Guests to part with until `most` are left: first those of bad score, then those of the most crowded network, then the
 * latest comer, so that whoever floods us with peers parts with his own. Those that are needed stay, however many.
 */
export function choosePartings(guests: readonly Guest[], most: number): Guest[] {
  const surplus = guests.length - most
  if (surplus <= 0) return []
  const crowd = new Map<string, number>()
  for (const { subnet } of guests) if (subnet !== undefined) crowd.set(subnet, (crowd.get(subnet) ?? 0) + 1)
  const crowdOf = ({ subnet }: Guest) => (subnet === undefined ? 1 : (crowd.get(subnet) ?? 1))
  const isBad = ({ score }: Guest) => (score < 0 ? 1 : 0)
  return guests
    .filter(({ isNeeded }) => !isNeeded)
    .sort((a, b) => isBad(b) - isBad(a) || crowdOf(b) - crowdOf(a) || b.since - a.since)
    .slice(0, surplus)
}
