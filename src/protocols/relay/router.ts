/**
 * The gossipsub router as relay sees it: topics to follow, bytes to publish, peers, scores. Two stand behind it, our own
 * and the stock one, and no type of a library passes through.
 */
import type { Envelope } from '../../core/envelope.ts'
import type { Verdict } from '../../core/validator.ts'
import type { LinkComponents } from '../../net/links/links.ts'
import type { StackPiece } from '../../net/stack/stack.ts'
import { OwnRouter } from './own-router.ts'
import type { RouterOptions } from './params.ts'
import { stockRouter } from './stock-router.ts'

/** One message on its way through the router. */
export interface GossipMessage {
  readonly topic: string
  /** The encoded WakuMessage. */
  readonly data: Uint8Array
  /** What judging made of `data`: the router keeps it until it delivers the message, and never looks at it. */
  envelope?: Envelope | undefined
}

/** What the router asks and tells of messages from peers. None of it throws. */
export interface RouterHooks {
  /** May the message pass? An answer that is no promise costs none. */
  judge(message: GossipMessage): Verdict | Promise<Verdict>
  /** The message was accepted. `from` is the full id of the peer that sent it. */
  deliver(message: GossipMessage, from: string): void
  /** The message was then passed on to so many peers. */
  forwarded(message: GossipMessage, peers: number): void
}

/** `heartbeat`: each second. `graft`: a peer came into a mesh. `subscription`: a peer follows a topic, or no longer. */
export type RouterEvent = 'heartbeat' | 'graft' | 'subscription'

/** A running router. Peers are named by their full ids. */
export interface Router {
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  /** To how many peers the message went; undefined when it passed here before, published or received. */
  publish(topic: string, data: Uint8Array): number | undefined | Promise<number | undefined>
  /** Peers that speak gossipsub. */
  peers(): readonly string[]
  /** Those that follow a topic. */
  subscribers(topic: string): readonly string[]
  /** Those in the mesh of a topic. */
  meshPeers(topic: string): readonly string[]
  /** Below the graylist threshold nothing that the peer sends is read. */
  score(peer: string): number
  /** Who judges and takes messages, until disposed of: the relay service. Without it none passes. */
  attend(hooks: RouterHooks): Disposable
  /** Tells `listener` of each `event`, until disposed of. */
  on(event: RouterEvent, listener: () => void): Disposable
  /** Another limit of connections from one address, above which scores fall (`--ip-colocation-limit`); 0 is none. */
  changeColocationLimit(limit: number): void
}

/** Makes the router, for the `services` of a libp2p node: our own, unless `stock` names it. */
export function relayRouter(options: RouterOptions, stock: ReadonlySet<StackPiece>): RouterFactory {
  return stock.has('router') ? stockRouter(options) : (components) => new OwnRouter(options, components)
}

type RouterFactory = (components: LinkComponents & Parameters<ReturnType<typeof stockRouter>>[0]) => Router
