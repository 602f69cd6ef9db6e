/**
 * What others see as our address: PONGs tell (discv5-theory v5.1, "Maintaining The Local Node Record"). One voice for each
 * network, and only a majority of enough counts: a few who lie together change nothing.
 */
import type { Clock, Milliseconds } from '../../../core/time.ts'
import type { SocketAddress } from '../address-fields.ts'
import { networkOfAddress } from './table.ts'

/** Voices before anything is decided: nwaku's. */
export const enoughVotes = 10

interface VotesOptions {
  readonly capacity: number
  readonly lifetime: Milliseconds
  readonly clock: Clock
}

interface Vote extends SocketAddress {
  readonly until: Milliseconds
}

export class Votes {
  readonly #options: VotesOptions
  /** By the network of the voter, the oldest first. */
  readonly #votes = new Map<string, Vote>()

  constructor(options: VotesOptions) {
    this.#options = options
  }

  /** Hears a voter. Returns our address, once more than half of at least ten networks agree. */
  add(voter: string, { address, port }: SocketAddress): SocketAddress | undefined {
    const { capacity, lifetime, clock } = this.#options
    const network = networkOfAddress(voter)
    this.#votes.delete(network)
    this.#votes.set(network, { address, port, until: clock() + lifetime })
    for (const [key, { until }] of this.#votes)
      if (until <= clock() || this.#votes.size > capacity) this.#votes.delete(key)
    return this.#majority()
  }

  #majority(): SocketAddress | undefined {
    const all = [...this.#votes.values()]
    if (all.length < enoughVotes) return undefined
    return all.find((one) => 2 * all.filter((other) => isSame(one, other)).length > all.length)
  }
}

function isSame(one: SocketAddress, other: SocketAddress): boolean {
  return one.address === other.address && one.port === other.port
}
