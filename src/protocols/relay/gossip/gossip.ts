/**
 * Gossip beside the mesh: telling others which messages there were (IHAVE), asking for those that were missed and answering
 * (IWANT), and saying that a message is there already (IDONTWANT). gossipsub v1.0 "Control Messages", v1.1 "Spam
 * Protection Measures", v1.2.
 */

import { shuffled } from '../../../core/shuffle.ts'
import type { Milliseconds } from '../../../core/time.ts'
import { messageIdText } from '../codec.ts'
import { mesh, scores } from '../params.ts'
import { ihaveIds, ihavesPerHeartbeat, iwantsPerHeartbeat } from './bounds.ts'
import { frameOf } from './frames-out.ts'
import { idOf, type MessageCache } from './message-cache.ts'
import type { Peer } from './peer.ts'
import type { Promises } from './promises.ts'
import type { Ihave } from './rpc.ts'
import { Fate, type SeenIds } from './seen-ids.ts'
import type { Topic, Topics } from './topics.ts'

export interface GossipParts {
  readonly topics: Topics
  readonly seen: SeenIds
  readonly cache: MessageCache
  readonly promises: Promises
  readonly clock: () => Milliseconds
  readonly random: () => number
}

export class Gossip {
  readonly #parts: GossipParts

  constructor(parts: GossipParts) {
    this.#parts = parts
  }

  /** A peer says what it has: what we have not seen is asked for. */
  told(peer: Peer, ihaves: readonly Ihave[]): void {
    if (peer.score.value < scores.gossipThreshold) return
    peer.ihaves += 1
    // v1.1, "IHAVE spam": so many RPCs, and so many ids, in one heartbeat
    if (peer.ihaves > ihavesPerHeartbeat || peer.asked >= ihaveIds) return
    const missing = [...this.#missing(ihaves)]
    if (missing.length === 0) return
    const { promises, clock, random } = this.#parts
    const wanted = shuffled(missing, random).slice(0, ihaveIds - peer.asked)
    peer.asked += wanted.length
    peer.port.send(frameOf({ iwant: wanted.map(idOf) }), 'control')
    // The order is random: so is the one that it is held to.
    const [held] = wanted
    if (held !== undefined) promises.add(held, peer.id, clock())
  }

  /** A peer asks for messages. */
  asked(peer: Peer, ids: readonly Uint8Array[]): void {
    if (peer.score.value < scores.gossipThreshold) return
    peer.iwants += 1
    // v1.1, "IWANT spam"
    if (peer.iwants > iwantsPerHeartbeat) return
    for (const id of new Set(ids.map(messageIdText))) {
      if (!peer.wants(id)) continue
      for (const frame of this.#parts.cache.ask(id, peer.id)) peer.port.send(frame, 'answer')
    }
  }

  /** A peer says that it has messages: they are not sent to it. */
  has(peer: Peer, ids: readonly Uint8Array[], tick: number): void {
    for (const id of ids) if (!peer.has(messageIdText(id), tick)) return
  }

  /**
   * v1.0, "Gossip": at each heartbeat peers that are not in the mesh are told of the last messages: Dlazy of them, or a
   * share of all when that is more.
   */
  tell(topic: Topic): void {
    const { cache, random } = this.#parts
    const inside = topic.isFollowed ? topic.mesh : topic.fanout
    const others = [...topic.subscribers].filter((peer) => !inside.has(peer) && mayHear(peer))
    const ids = others.length === 0 ? [] : cache.idsToTell(topic.name)
    if (ids.length === 0) return
    const count = Math.max(mesh.lazy, Math.floor(mesh.gossipFactor * others.length))
    // Too many for one: each is told of others, so that together they hear of all.
    const frameFor = ids.length > ihaveIds ? () => this.#ihave(topic, ids) : once(() => this.#ihave(topic, ids))
    for (const peer of shuffled(others, random).slice(0, count)) peer.port.send(frameFor(), 'answer')
  }

  #ihave({ name }: Topic, ids: readonly string[]): Uint8Array {
    const told = shuffled(ids, this.#parts.random).slice(0, ihaveIds)
    return frameOf({ ihave: [{ topic: name, ids: told.map(idOf) }] })
  }

  /** Ids that were not seen, of topics that we follow. */
  #missing(ihaves: readonly Ihave[]): ReadonlySet<string> {
    const { topics, seen } = this.#parts
    const missing = new Set<string>()
    let looked = 0
    for (const { topic: name, ids } of ihaves) {
      const topic = topics.get(name)
      if (topic?.isFollowed !== true) continue
      const some = ids.slice(0, ihaveIds - looked)
      looked += some.length
      // Nearly all have been seen: those are looked up where they lie.
      for (const id of some) if (seen.fateOfBytes(id, topic.number) === Fate.unknown) missing.add(messageIdText(id))
    }
    return missing
  }
}

function mayHear({ isOpen, score }: Peer): boolean {
  return isOpen && score.value >= scores.gossipThreshold
}

/** `make`, called when it is needed first. */
function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
