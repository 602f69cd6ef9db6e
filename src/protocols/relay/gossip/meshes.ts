/**
 * The meshes of all topics: following and leaving, GRAFT and PRUNE from peers, and the upkeep at each heartbeat.
 * gossipsub v1.0 "Topic Membership" and "Control Messages", v1.1 "Prune Backoff and Peer Exchange". Records of other peers
 * are neither sent nor read: whom we dial is the peer manager's affair.
 */

import { shuffled } from '../../../core/shuffle.ts'
import type { Milliseconds } from '../../../core/time.ts'
import { mesh as params, scores as thresholds } from '../params.ts'
import { graftFlood, longestBackoff, opportunisticTicks } from './bounds.ts'
import { frameOf } from './frames-out.ts'
import { chooseMesh, mayGraft } from './mesh.ts'
import type { Peer } from './peer.ts'
import type { Prune, Subscription } from './rpc.ts'
import type { Scores } from './scores.ts'
import type { Topic, Topics } from './topics.ts'

export interface MeshesParts {
  readonly topics: Topics
  readonly peers: () => Iterable<Peer>
  readonly scores: Scores
  readonly clock: () => Milliseconds
  readonly random: () => number
  /** A peer came into a mesh. */
  readonly onGraft: () => void
}

/** GRAFT and PRUNE for one peer, which go out together. */
interface Order {
  readonly graft: Topic[]
  readonly prune: Topic[]
}

export class Meshes {
  readonly #parts: MeshesParts

  constructor(parts: MeshesParts) {
    this.#parts = parts
  }

  /** v1.0, "JOIN": peers of the fanout come first, then others by lot. */
  join(topic: Topic): void {
    if (topic.isFollowed) return
    topic.isFollowed = true
    topic.wasFollowed = true
    this.#announce(topic)
    const fanout = [...topic.fanout].filter((peer) => mayGraft(topic, peer))
    const others = [...topic.subscribers].filter((peer) => !topic.fanout.has(peer) && mayGraft(topic, peer))
    leaveFanout(topic)
    const chosen = [...fanout, ...shuffled(others, this.#parts.random)].slice(0, params.degree)
    for (const peer of chosen) this.#graft(peer, [topic])
  }

  /** v1.0, "LEAVE"; v1.1: with a shorter time to stay away, since we may come back. */
  leave(topic: Topic): void {
    if (!topic.isFollowed) return
    topic.isFollowed = false
    this.#announce(topic)
    for (const peer of topic.mesh) this.#prune(peer, [topic], params.unsubscribeBackoff)
  }

  /** A peer follows topics, or no longer. Of those that we may not follow nothing is remembered. */
  subscriptions(peer: Peer, subscriptions: readonly Subscription[]): void {
    for (const { topic: name, subscribe } of subscriptions) {
      const topic = this.#parts.topics.get(name)
      if (topic === undefined) continue
      if (subscribe) {
        topic.subscribers.add(peer)
        peer.topics.add(topic)
      } else this.#unsubscribed(peer, topic)
    }
    this.welcome(peer)
  }

  /** We can talk to a peer. */
  opened(peer: Peer): void {
    const asking = Array.from(peer.asking, ({ name }) => name)
    peer.asking.clear()
    if (asking.length > 0) this.grafted(peer, asking)
    this.welcome(peer)
  }

  /**
   * A mesh that is too small takes a peer at once, and not at the next heartbeat: what is published in between would
   * reach nobody.
   */
  welcome(peer: Peer): void {
    const needed = [...peer.topics].filter(
      (topic) => topic.isFollowed && topic.mesh.size < params.low && !topic.mesh.has(peer) && mayGraft(topic, peer),
    )
    if (needed.length > 0) this.#graft(peer, needed)
  }

  /** Peers want us in their meshes. */
  grafted(peer: Peer, names: readonly string[]): void {
    const refused = names.filter((name) => !this.#admit(peer, this.#parts.topics.get(name)))
    const topics = refused.flatMap((name) => this.#parts.topics.get(name) ?? [])
    if (topics.length > 0) this.#prune(peer, topics, params.pruneBackoff)
  }

  /** Peers no longer want us in their meshes. */
  pruned(peer: Peer, prunes: readonly Prune[]): void {
    const now = this.#parts.clock()
    for (const { topic: name, backoff = 0 } of prunes) {
      const topic = this.#parts.topics.get(name)
      if (topic === undefined || !topic.isFollowed) continue
      peer.asking.delete(topic)
      this.#remove(peer, topic)
      const time = backoff > 0 ? Math.min(backoff * 1000, longestBackoff) : params.pruneBackoff
      topic.backoffs.add(peer.id, now + time)
    }
  }

  /** The stream before this one may have broken with a PRUNE that waited: who has it already lets it pass. */
  toldAgain(peer: Peer): Prune[] {
    const now = this.#parts.clock()
    return Array.from(peer.pruned.keys(), (topic) => {
      const left = (topic.backoffs.until(peer.id) ?? 0) - now
      const backoff = Math.min(Math.max(left, params.unsubscribeBackoff), params.pruneBackoff)
      topic.backoffs.add(peer.id, now + backoff)
      peer.pruned.set(topic, now)
      return { topic: topic.name, backoff: secondsFor(peer, backoff) }
    })
  }

  /** Nothing has reached a peer for too long: its places are for others. */
  unreachable(peer: Peer): void {
    const topics = [...this.#parts.topics.all].filter(({ mesh }) => mesh.has(peer))
    if (topics.length > 0) this.#prune(peer, topics, params.pruneBackoff)
  }

  /** A peer is gone. It comes back or not: what it asked for is kept for no longer than is usual. */
  forget(peer: Peer): void {
    const usual = this.#parts.clock() + params.pruneBackoff
    for (const topic of this.#parts.topics.all) {
      topic.backoffs.shorten(peer.id, usual)
      topic.subscribers.delete(peer)
      topic.mesh.delete(peer)
      topic.fanout.delete(peer)
    }
  }

  /** v1.0, "Heartbeat": mends all meshes and fanouts. */
  beat(tick: number): void {
    const now = this.#parts.clock()
    for (const peer of this.#parts.peers()) peer.forgetPruned(now)
    const orders = new Map<Peer, Order>()
    for (const topic of this.#parts.topics.all) {
      topic.backoffs.look(now)
      if (topic.isFollowed) this.#mend(topic, tick, orders)
      else this.#keepFanout(topic, now)
    }
    for (const [peer, { graft, prune }] of orders) {
      if (graft.length > 0) this.#graft(peer, graft)
      if (prune.length > 0) this.#prune(peer, prune, params.pruneBackoff)
    }
  }

  /** v1.0, "Fanout": D peers for a topic that we publish to and do not follow. */
  published(topic: Topic): ReadonlySet<Peer> {
    topic.publishedAt = this.#parts.clock()
    this.#fillFanout(topic)
    return topic.fanout
  }

  #mend(topic: Topic, tick: number, orders: Map<Peer, Order>): void {
    const improveBelow = tick % opportunisticTicks === 0 ? thresholds.opportunisticGraftThreshold : undefined
    const { graft, prune } = chooseMesh(topic, { random: this.#parts.random, improveBelow })
    for (const peer of graft) orderFor(orders, peer).graft.push(topic)
    for (const peer of prune) orderFor(orders, peer).prune.push(topic)
  }

  #keepFanout(topic: Topic, now: Milliseconds): void {
    if (topic.publishedAt === undefined) return
    if (now - topic.publishedAt > params.fanoutLifetime) {
      leaveFanout(topic)
      return
    }
    for (const peer of topic.fanout) if (!topic.subscribers.has(peer) || !mayGetOurs(peer)) topic.fanout.delete(peer)
    this.#fillFanout(topic)
  }

  #fillFanout(topic: Topic): void {
    if (topic.fanout.size >= params.degree) return
    const candidates = [...topic.subscribers].filter((peer) => !topic.fanout.has(peer) && mayGetOurs(peer))
    for (const peer of shuffled(candidates, this.#parts.random).slice(0, params.degree - topic.fanout.size))
      topic.fanout.add(peer)
  }

  /** False when the peer is to be told that it is not in the mesh. */
  #admit(peer: Peer, topic: Topic | undefined): boolean {
    // v1.1, "Spam Protection": GRAFT for what we do not follow is not answered, or answers would tell what we follow
    if (topic === undefined || !topic.isFollowed || topic.mesh.has(peer)) return true
    // Nothing that we pass on would reach it, so it takes no place yet; a PRUNE would keep it away for a minute.
    if (!peer.isOpen) {
      peer.asking.add(topic)
      return true
    }
    const { scores, clock } = this.#parts
    const now = clock()
    const until = topic.backoffs.until(peer.id)
    if (until !== undefined && now < until) {
      // v1.1, "Prune Backoff": too soon costs once, and far too soon twice
      const isFlood = now < until - params.pruneBackoff + graftFlood
      scores.penalise(peer.score, isFlood ? 2 : 1, now)
      return false
    }
    // v1.1: no peer with a negative score
    if (peer.score.value < 0) return false
    // v1.1: a full mesh is open only to those whom we dialled, or many could press in and take it over
    if (topic.mesh.size >= params.high && !peer.port.dialled) return false
    this.#add(peer, topic)
    return true
  }

  #graft(peer: Peer, topics: readonly Topic[]): void {
    for (const topic of topics) this.#add(peer, topic)
    peer.port.send(frameOf({ graft: topics.map(({ name }) => name) }), 'control')
  }

  #prune(peer: Peer, topics: readonly Topic[], backoff: Milliseconds): void {
    const now = this.#parts.clock()
    for (const topic of topics) {
      this.#remove(peer, topic)
      peer.pruned.set(topic, now)
      topic.backoffs.add(peer.id, now + backoff)
    }
    const seconds = secondsFor(peer, backoff)
    peer.port.send(frameOf({ prune: topics.map(({ name }) => ({ topic: name, backoff: seconds })) }), 'control')
  }

  #add(peer: Peer, topic: Topic): void {
    topic.mesh.add(peer)
    peer.pruned.delete(topic)
    peer.score.grafted(topic.name, this.#parts.clock())
    this.#parts.onGraft()
  }

  #remove(peer: Peer, topic: Topic): void {
    if (topic.mesh.delete(peer)) peer.score.pruned(topic.name)
  }

  #unsubscribed(peer: Peer, topic: Topic): void {
    topic.subscribers.delete(peer)
    peer.topics.delete(topic)
    peer.asking.delete(topic)
    topic.fanout.delete(peer)
    // It would drop what we send; it need not be told.
    this.#remove(peer, topic)
  }

  #announce({ name, isFollowed }: Topic): void {
    const frame = frameOf({ subscriptions: [{ topic: name, subscribe: isFollowed }] })
    for (const { port } of this.#parts.peers()) port.send(frame, 'control')
  }
}

/** Whether a peer gets what we publish (v1.1, "publishThreshold"). */
export function mayGetOurs({ score }: Peer): boolean {
  return score.value >= thresholds.publishThreshold
}

/** A backoff as a peer is told of it; not at all in v1.0. */
function secondsFor({ knowsBackoff }: Peer, backoff: Milliseconds): number | undefined {
  return knowsBackoff ? Math.ceil(backoff / 1000) : undefined
}

function leaveFanout(topic: Topic): void {
  topic.fanout.clear()
  topic.publishedAt = undefined
}

function orderFor(orders: Map<Peer, Order>, peer: Peer): Order {
  const order = orders.get(peer) ?? { graft: [], prune: [] }
  orders.set(peer, order)
  return order
}
