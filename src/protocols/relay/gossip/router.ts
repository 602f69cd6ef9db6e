/**
 * Our own gossipsub router: the rules of v1.0, v1.1 and v1.2, with a short way for messages. It is told of peers and frames
 * and says what to send; streams are the affair of `net/links`.
 */
import { type Milliseconds, type Schedule, systemSchedule } from '../../../core/time.ts'
import { messageIdKey } from '../codec.ts'
import { Listeners } from '../listeners.ts'
import { mesh, type RouterOptions, scores as thresholds } from '../params.ts'
import type { Router, RouterEvent, RouterHooks } from '../router.ts'
import { seenIds } from './bounds.ts'
import { frameOf } from './frames-out.ts'
import { Gossip } from './gossip.ts'
import { Intake } from './intake.ts'
import { Meshes, mayGetOurs } from './meshes.ts'
import { MessageCache } from './message-cache.ts'
import { newFrame } from './message-frame.ts'
import { Peer, type Port } from './peer.ts'
import { Promises } from './promises.ts'
import { type Control, readRpc } from './rpc.ts'
import { Scores } from './scores.ts'
import { Fate, SeenIds } from './seen-ids.ts'
import { type Topic, Topics } from './topics.ts'

/** Time and chance, for tests to give. */
export interface Surroundings {
  /** Never steps back. */
  readonly clock: () => Milliseconds
  readonly schedule: Schedule
  /** From 0 to 1. */
  readonly random: () => number
}

const real: Surroundings = { clock: () => performance.now(), schedule: systemSchedule, random: Math.random }

/** From the start to the first heartbeat: peers that are there already are not kept waiting. */
const firstBeat: Milliseconds = 100

/** What is not published again. What did not pass when a peer sent it may pass now: whoever publishes has judged it. */
const hasPassed: ReadonlySet<Fate> = new Set([Fate.waiting, Fate.accepted])

export class GossipRouter implements Router {
  readonly #surroundings: Surroundings
  readonly #topics: Topics
  readonly #peers = new Map<string, Peer>()
  readonly #scores: Scores
  readonly #seen: SeenIds
  readonly #cache = new MessageCache()
  readonly #promises = new Promises()
  readonly #meshes: Meshes
  readonly #gossip: Gossip
  readonly #intake: Intake
  readonly #listeners = new Listeners()
  #tick = 0
  /** When the last heartbeat was, and whether broken promises were let pass at it. */
  #beatAt: Milliseconds
  #waited = false
  #cancelBeat: (() => void) | undefined

  constructor(options: RouterOptions, surroundings: Surroundings = real) {
    const { clock, random } = surroundings
    this.#surroundings = surroundings
    this.#beatAt = clock()
    this.#topics = new Topics(options.topics)
    this.#scores = new Scores(options, clock())
    this.#seen = new SeenIds({ lifetime: mesh.seenLifetime, most: seenIds }, clock())
    const shared = {
      topics: this.#topics,
      scores: this.#scores,
      seen: this.#seen,
      cache: this.#cache,
      promises: this.#promises,
      clock,
      random,
    }
    this.#meshes = new Meshes({
      ...shared,
      peers: () => this.#peers.values(),
      onGraft: () => this.#listeners.tell('graft'),
    })
    this.#gossip = new Gossip(shared)
    const { maxMessageBytes, onMessage, onDrop = () => {} } = options
    this.#intake = new Intake({ ...shared, maxMessageBytes, onMessage, onDrop: () => onDrop('validation', 1) })
  }

  /** Begins with heartbeats. */
  begin(): void {
    this.#beatIn(firstBeat)
  }

  /** Ends with heartbeats, and forgets all messages. */
  end(): void {
    this.#cancelBeat?.()
    this.#cancelBeat = undefined
    this.#cache.clear()
    this.#promises.clear()
  }

  // What the relay service does

  subscribe(name: string): void {
    const topic = this.#topics.get(name)
    if (topic !== undefined) this.#meshes.join(topic)
  }

  unsubscribe(name: string): void {
    const topic = this.#topics.get(name)
    if (topic !== undefined) this.#meshes.leave(topic)
  }

  publish(name: string, data: Uint8Array): number | undefined {
    const topic = this.#topics.get(name)
    if (topic === undefined) return 0
    const id = messageIdKey(data)
    if (hasPassed.has(this.#seen.fateOf(id, topic.number))) return undefined
    const { frame } = newFrame(topic.bytes, data)
    this.#seen.set(id, topic.number, Fate.accepted)
    this.#promises.kept(id)
    this.#cache.put(id, topic.name, frame)
    return this.#flood(topic, id, frame)
  }

  attend(hooks: RouterHooks): Disposable {
    this.#intake.hooks = hooks
    return {
      [Symbol.dispose]: () => {
        if (this.#intake.hooks === hooks) this.#intake.hooks = undefined
      },
    }
  }

  // What others look at

  peers(): readonly string[] {
    return [...this.#peers.keys()]
  }

  subscribers(name: string): readonly string[] {
    return ids(this.#topics.get(name)?.subscribers)
  }

  meshPeers(name: string): readonly string[] {
    return ids(this.#topics.get(name)?.mesh)
  }

  score(peer: string): number {
    return this.#scores.of(peer)
  }

  on(event: RouterEvent, listener: () => void): Disposable {
    return this.#listeners.add(event, listener)
  }

  changeColocationLimit(limit: number): void {
    this.#scores.changeColocationLimit(limit)
  }

  // What comes from peers

  /** A peer is there. */
  add(port: Port): Peer {
    const peer = new Peer(port, this.#scores.add(port.peer, port.ip, this.#surroundings.clock()))
    this.#peers.set(peer.id, peer)
    return peer
  }

  /** It is gone. */
  remove(peer: Peer): void {
    this.#peers.delete(peer.id)
    this.#meshes.forget(peer)
    this.#scores.remove(peer.id, this.#surroundings.clock())
  }

  /** Our stream to it is open: it is told first what we follow (v1.0, "Topic Membership"), and in which meshes it is. */
  opened(peer: Peer): Uint8Array | undefined {
    const followed = [...this.#topics.all].filter(({ isFollowed }) => isFollowed)
    // The stream before this one may have broken with a GRAFT that waited: who has it already lets it pass.
    const graft = followed.filter(({ mesh }) => mesh.has(peer)).map(({ name }) => name)
    this.#meshes.opened(peer)
    const [left, prune] = peer.wasOpen ? [this.#left(), this.#meshes.toldAgain(peer)] : [[], []]
    peer.wasOpen = true
    const subscriptions = [...followed, ...left].map(({ name, isFollowed }) => ({ topic: name, subscribe: isFollowed }))
    return subscriptions.length === 0 ? undefined : frameOf({ subscriptions, graft, prune })
  }

  /** Our stream to it is lost, and does not open again. */
  unreachable(peer: Peer): void {
    this.#meshes.unreachable(peer)
  }

  /** It sent a frame: in `buffer` from `begin`, its body from `start` to `end`. Throws `wire/malformed`. */
  take(peer: Peer, buffer: Uint8Array, begin: number, start: number, end: number): void {
    // v1.1, "graylistThreshold"
    if (peer.score.value < thresholds.graylistThreshold) return
    const { publish, subscriptions, control } = readRpc(buffer, start, end)
    if (subscriptions !== undefined) {
      this.#meshes.subscriptions(peer, subscriptions)
      this.#listeners.tell('subscription')
    }
    for (let index = 0; index < publish.length; index += 2)
      this.#intake.take(peer, buffer, begin, end, publish[index] ?? end, publish[index + 1] ?? end)
    if (control !== undefined) this.#control(peer, control)
  }

  /** It sent what is no frame: it is as good as misbehaviour (v1.1, P7). */
  violated(peer: Peer): void {
    this.#scores.penalise(peer.score, 1, this.#surroundings.clock())
  }

  /** Topics that we follow no more. */
  #left(): Topic[] {
    return [...this.#topics.all].filter(({ isFollowed, wasFollowed }) => wasFollowed && !isFollowed)
  }

  #control(peer: Peer, { ihave, iwant, graft, prune, idontwant }: Control): void {
    if (ihave.length > 0) this.#gossip.told(peer, ihave)
    if (iwant.length > 0) this.#gossip.asked(peer, iwant)
    if (graft.length > 0) this.#meshes.grafted(peer, graft)
    if (prune.length > 0) this.#meshes.pruned(peer, prune)
    if (idontwant.length > 0) this.#gossip.has(peer, idontwant, this.#tick)
  }

  /** v1.1, "Flood Publishing": what is our own goes to all who follow the topic, if they score well enough. */
  #flood(topic: Topic, id: string, frame: Uint8Array): number {
    if (!topic.isFollowed) this.#meshes.published(topic)
    let sent = 0
    for (const peer of topic.subscribers) {
      if (!peer.isOpen || !mayGetOurs(peer) || !peer.wants(id)) continue
      peer.port.send(frame, 'message')
      sent += 1
    }
    return sent
  }

  // The heartbeat

  #beatIn(delay: Milliseconds): void {
    this.#cancelBeat = this.#surroundings.schedule(() => {
      this.#beatIn(mesh.heartbeat)
      this.#beat()
    }, delay)
  }

  /** v1.0, "Heartbeat". */
  #beat(): void {
    const now = this.#surroundings.clock()
    this.#tick += 1
    for (const peer of this.#peers.values()) peer.beat(this.#tick, mesh.history)
    if (!this.#waitsOnce(now)) this.#punishBroken(now)
    this.#intake.look(now)
    this.#seen.look(now)
    this.#scores.look(now)
    this.#meshes.beat(this.#tick)
    for (const topic of this.#topics.all)
      if (topic.isFollowed || topic.publishedAt !== undefined) this.#gossip.tell(topic)
    this.#cache.shift()
    this.#listeners.tell('heartbeat')
  }

  /** A heartbeat that was held up may come before what was sent meanwhile is read: promises have until the next. */
  #waitsOnce(now: Milliseconds): boolean {
    const isLate = now - this.#beatAt >= 2 * mesh.heartbeat
    this.#beatAt = now
    this.#waited = isLate && !this.#waited
    return this.#waited
  }

  #punishBroken(now: Milliseconds): void {
    for (const [id, count] of this.#promises.broken(now)) {
      const peer = this.#peers.get(id)
      if (peer !== undefined) this.#scores.penalise(peer.score, count, now)
    }
  }
}

function ids(peers: Iterable<Peer> = []): string[] {
  return Array.from(peers, ({ id }) => id)
}
