/** The gossipsub router that relay needs: @libp2p/gossipsub now, replaceable by one of our own. */
import { type GossipSub, type GossipSubComponents, gossipsub } from '@libp2p/gossipsub'
import type { PeerScoreParams } from '@libp2p/gossipsub/score'
import { relayProtocols } from './codec.ts'
import { colocationParams, type RouterOptions, routerOptions } from './params.ts'

/** A running router: the public interface of the library, and what it leaves out of its types. */
export interface Router extends GossipSub {
  /** Full peer ids in the mesh of a topic. */
  getMeshPeers(topic: string): string[]
  /** The score of a peer; below the graylist threshold nothing it sends is read. */
  getScore(peer: string): number
  /** Set by who wants to know to how many peers the message went that was delivered last. */
  onForward?: (peers: number) => void
}

/** What the class has beside its interface: the parameters by which it scores. */
interface Scoring {
  readonly score: { readonly params: Partial<PeerScoreParams> }
}

/** Another limit of connections from one address, above which scores fall: `--ip-colocation-limit`. */
export function changeColocationLimit(router: Router, limit: number): void {
  Object.assign((router as Router & Scoring).score.params, colocationParams(limit))
}

/** Makes the router, for the `services` of a libp2p node. */
export function relayRouter(options: RouterOptions): (components: GossipSubComponents) => Router {
  return (components) => {
    // The class has these methods and has had them since version 1; its interface does not name them.
    const onForward = (peers: number): void => router.onForward?.(peers)
    const router: Router = gossipsub(routerOptions({ ...options, onForward }))(components) as Router
    router.protocols = [...relayProtocols]
    return router
  }
}
