/**
 * As whom others see us: the address that a peer whom we dialled says that we came from (identify's `observedAddr`).
 * A router that names an address of its own liking is found out by it.
 */
import { isIP } from 'node:net'
import type { IdentifyResult, Libp2p } from '@libp2p/interface'
import { hostOf } from '../addresses.ts'
import { canonical, ownerOf } from '../networks.ts'

/** Owners of addresses who must say the same: one alone may lie. */
const witnesses = 2

/** Addresses that are remembered, and who said each. */
const mostAddresses = 16
const mostWitnesses = 16

export interface SeenParts {
  readonly libp2p: Pick<Libp2p, 'addEventListener'>
  /** Told when there is a new witness. */
  readonly changed: () => void
  readonly signal: AbortSignal
}

export class Seen {
  readonly #owners = new Map<string, Set<string>>()

  constructor({ libp2p, changed, signal }: SeenParts) {
    libp2p.addEventListener('peer:identify', ({ detail }) => this.#identified(detail) && changed(), { signal })
  }

  /** True when enough peers, of different owners, see us under this address. */
  agrees(address: string): boolean {
    return (this.#owners.get(canonical(address))?.size ?? 0) >= witnesses
  }

  #identified({ observedAddr, connection }: IdentifyResult): boolean {
    const own = observedAddr && hostOf(observedAddr)
    const theirs = hostOf(connection.remoteAddr)
    // Who dials us tells us what he likes; and of a relayed connection the relay's address stands there.
    if (own === undefined || theirs === undefined || isIP(own) === 0 || connection.direction !== 'outbound')
      return false
    if (connection.remoteAddr.toString().includes('/p2p-circuit')) return false
    return this.#add(canonical(own), ownerOf(theirs))
  }

  #add(address: string, owner: string): boolean {
    const owners = this.#owners.get(address) ?? new Set()
    if (owners.has(owner) || owners.size >= mostWitnesses) return false
    this.#owners.set(address, owners.add(owner))
    const [oldest] = this.#owners.keys()
    if (this.#owners.size > mostAddresses && oldest !== undefined) this.#owners.delete(oldest)
    return true
  }
}
