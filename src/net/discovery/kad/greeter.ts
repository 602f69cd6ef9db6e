/** Asks each connected peer that speaks Kademlia, once, whether it answers: who does comes into the table. */
import type { IdentifyResult, Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { KadClient } from './client.ts'
import { kadProtocol } from './codec.ts'
import { keyOfPeer, placed } from './ids.ts'
import type { Table } from './table.ts'

export interface GreeterParts {
  readonly libp2p: Pick<Libp2p, 'peerId' | 'getPeers' | 'getConnections' | 'peerStore' | 'addEventListener'>
  readonly table: Table
  readonly client: Pick<KadClient, 'findNode' | 'takes'>
  /** Somebody new is in the table. */
  readonly entered: () => void
  readonly signal: AbortSignal
}

export class Greeter {
  readonly #parts: GreeterParts
  /** Peers that were asked, connected ones only: who tells us again and again who he is, is not asked again. */
  readonly #greeted = new Set<string>()

  constructor(parts: GreeterParts) {
    this.#parts = parts
  }

  start(): void {
    const { libp2p, signal } = this.#parts
    libp2p.addEventListener('peer:identify', ({ detail }) => void this.#identified(detail), { signal })
    libp2p.addEventListener('peer:disconnect', ({ detail }) => this.#greeted.delete(`${detail}`), { signal })
    for (const peer of libp2p.getPeers()) void this.#meetConnected(peer)
  }

  /** A peer is where it was dialled, and where it says that it listens. */
  async #identified({ peerId, connection, listenAddrs, protocols }: IdentifyResult): Promise<void> {
    const dialled = connection.direction === 'outbound' ? [connection.remoteAddr] : []
    await this.#meet(peerId, [...dialled, ...listenAddrs], protocols)
  }

  /** Who connected before we listened to the news of it. */
  async #meetConnected(peer: PeerId): Promise<void> {
    const known = await this.#parts.libp2p.peerStore.get(peer).catch(() => undefined)
    if (known === undefined) return
    await this.#meet(
      peer,
      known.addresses.map(({ multiaddr }) => multiaddr),
      known.protocols,
    )
  }

  async #meet(peerId: PeerId, addresses: readonly Multiaddr[], protocols: readonly string[]): Promise<void> {
    const { libp2p, table, client, entered } = this.#parts
    const name = `${peerId}`
    const whole = addresses.filter((address) => client.takes(address)).map((address) => withPeer(address, peerId))
    const node = placed({ peerId, addresses: whole })
    // What is new of a node that is in the table.
    if (table.has(node.id)) table.answered(node)
    // The news may come after the peer has gone.
    const isThere = protocols.includes(kadProtocol) && libp2p.getConnections(peerId).length > 0
    if (!isThere || this.#greeted.has(name)) return
    this.#greeted.add(name)
    const answer = await client.findNode(node, keyOfPeer(libp2p.peerId))
    if (answer === undefined) this.#greeted.delete(name)
    else if (table.answered(node)) entered()
  }
}

function withPeer(address: Multiaddr, peer: PeerId): Multiaddr {
  return address.getComponents().some(({ name }) => name === 'p2p') ? address : address.encapsulate(`/p2p/${peer}`)
}
