/** Our own router on the streams of libp2p: a service that starts and stops with the node. */

import type { Link, LinkUser } from '../../net/links/link.ts'
import { type LinkComponents, Links } from '../../net/links/links.ts'
import { relayProtocols } from './codec.ts'
import { outboundFrames, patience } from './gossip/bounds.ts'
import type { Peer } from './gossip/peer.ts'
import { GossipRouter } from './gossip/router.ts'
import { inboundStreams, outboundBytes, rpcBytes } from './limits.ts'
import type { RouterOptions } from './params.ts'

export class OwnRouter extends GossipRouter {
  readonly #links: Links
  readonly #options: RouterOptions
  readonly #peersOf = new Map<Link, Peer>()

  constructor(options: RouterOptions, components: LinkComponents) {
    super(options)
    const { maxMessageBytes } = options
    this.#options = options
    this.#links = new Links(components, {
      protocols: options.protocols ?? relayProtocols,
      limits: {
        frameBytes: rpcBytes(maxMessageBytes),
        inboundStreams,
        waiting: { bytes: outboundBytes(maxMessageBytes), frames: outboundFrames },
        patience,
      },
      came: (link) => this.#came(link),
      left: (link) => this.#left(link),
    })
    this.on('heartbeat', () => this.#links.look(performance.now()))
  }

  /** libp2p starts and stops its services. */
  async start(): Promise<void> {
    await this.#links.start()
    this.begin()
  }

  async stop(): Promise<void> {
    this.end()
    await this.#links.stop()
  }

  #came(link: Link): LinkUser {
    const peer = this.add(link)
    this.#peersOf.set(link, peer)
    return {
      take: (buffer, begin, start, end) => this.take(peer, buffer, begin, start, end),
      opened: () => this.opened(peer),
      violated: () => this.violated(peer),
      dropped: (frames) => this.#options.onDrop?.('queue', frames),
      unreachable: () => this.unreachable(peer),
    }
  }

  #left(link: Link): void {
    const peer = this.#peersOf.get(link)
    this.#peersOf.delete(link)
    if (peer !== undefined) this.remove(peer)
  }
}
