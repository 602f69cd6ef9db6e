/**
 * The peers that speak a protocol of long-lived streams, from their first stream or what they say of themselves until
 * they are disconnected.
 */
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { Libp2pInit } from 'libp2p'
import type { Milliseconds } from '../../core/time.ts'
import { Link, type LinkLimits, type LinkUser } from './link.ts'
import { Turn } from './turn.ts'

export type LinkComponents = Pick<
  Parameters<NonNullable<Libp2pInit['transports']>[number]>[0],
  'registrar' | 'connectionManager' | 'events'
>

export interface LinksOptions {
  /** The ids that we speak, the preferred one first. */
  readonly protocols: readonly string[]
  readonly limits: LinkLimits
  /** Called with each peer that comes. */
  readonly came: (link: Link) => LinkUser
  /** Called with each that is gone, or that we leave. */
  readonly left: (link: Link) => void
}

export class Links {
  readonly #components: LinkComponents
  readonly #options: LinksOptions
  readonly #links = new Map<string, Link>()
  readonly #turn = new Turn()
  #topologies: readonly string[] = []

  constructor(components: LinkComponents, options: LinksOptions) {
    this.#components = components
    this.#options = options
  }

  async start(): Promise<void> {
    const { registrar, events } = this.#components
    const { protocols, limits } = this.#options
    const { inboundStreams: maxInboundStreams } = limits
    const topology = { onConnect: (_peer: PeerId, connection: Connection) => this.#connected(connection) }
    events.addEventListener('peer:disconnect', this.#disconnected)
    for (const protocol of protocols) await registrar.handle(protocol, this.#accept, { maxInboundStreams })
    this.#topologies = await Promise.all(protocols.map((protocol) => registrar.register(protocol, topology)))
  }

  async stop(): Promise<void> {
    const { registrar, events } = this.#components
    events.removeEventListener('peer:disconnect', this.#disconnected)
    for (const id of this.#topologies) registrar.unregister(id)
    for (const protocol of this.#options.protocols) await registrar.unhandle(protocol)
    this.#turn[Symbol.dispose]()
    for (const link of this.#links.values()) this.#leave(link, 'relay ends')
  }

  /** Looks after all of them. To be called now and then. */
  look(now: Milliseconds): void {
    for (const link of this.#links.values()) link.look(now)
  }

  readonly #accept = (stream: Stream, connection: Connection): void => {
    const link = this.#linkOf(connection)
    if (link === undefined) stream.abort(new Error('the connection is closing'))
    link?.read(stream)
    void link?.open()
  }

  #connected(connection: Connection): void {
    void this.#linkOf(connection)?.open()
  }

  readonly #disconnected = ({ detail }: CustomEvent<PeerId>): void => {
    const link = this.#links.get(detail.toString())
    // It may be back already.
    if (link !== undefined && this.#connectionTo(detail) === undefined) this.#leave(link, 'disconnected')
  }

  /** libp2p may tell of a connection that is closed, and nothing more of it after. */
  #linkOf(connection: Connection): Link | undefined {
    const { remotePeer, status } = connection
    const known = this.#links.get(remotePeer.toString())
    if (known !== undefined || status !== 'open') return known
    const { protocols, limits, came } = this.#options
    const link = new Link(connection, {
      connection: () => this.#connectionTo(remotePeer),
      protocols,
      limits,
      turn: this.#turn,
    })
    this.#links.set(link.peer, link)
    link.use(came(link))
    return link
  }

  #connectionTo(peer: PeerId): Connection | undefined {
    return this.#components.connectionManager
      .getConnections(peer)
      .findLast(({ status, limits }) => status === 'open' && limits === undefined)
  }

  #leave(link: Link, why: string): void {
    this.#links.delete(link.peer)
    link.close(new Error(why))
    this.#options.left(link)
  }
}
