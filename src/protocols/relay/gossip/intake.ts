/**
 * The way of a message from a peer through the router: is it for us, is it new, may it pass; then it is delivered and
 * passed on. This is the hot path: as long as the validators answer at once, no promise, no event and no record is made
 * for a message, and its bytes are copied once at most.
 */
import type { Milliseconds } from '../../../core/time.ts'
import { ignore, type Verdict } from '../../../core/validator.ts'
import { messageIdKey } from '../codec.ts'
import { idontwantBytes } from '../limits.ts'
import type { GossipMessage, RouterHooks } from '../router.ts'
import { verdictTime, waitingBytes, waitingMessages } from './bounds.ts'
import { frameOf } from './frames-out.ts'
import { idOf, type MessageCache } from './message-cache.ts'
import { MessageParts } from './message-frame.ts'
import type { Peer } from './peer.ts'
import type { Promises } from './promises.ts'
import type { Scores } from './scores.ts'
import { Fate, type SeenIds } from './seen-ids.ts'
import type { Topic, Topics } from './topics.ts'

export interface IntakeParts {
  readonly topics: Topics
  readonly seen: SeenIds
  readonly cache: MessageCache
  readonly promises: Promises
  readonly scores: Scores
  readonly maxMessageBytes: number
  /** Sees each message before it is judged, duplicates too. */
  readonly onMessage: (topic: string, bytes: number) => void
  /** A message was dropped since too many wait for validators. */
  readonly onDrop: () => void
  readonly clock: () => Milliseconds
}

/** A message that is new. */
interface Arrival {
  readonly id: string
  readonly topic: Topic
  readonly from: Peer
  readonly message: GossipMessage
  /** The message as it is passed on. */
  readonly frame: Uint8Array
}

/** A message that waits for its validator. */
interface Waiting {
  readonly since: Milliseconds
  /** Those who sent it meanwhile. */
  readonly others: Set<Peer>
  readonly end: (result: Verdict['result']) => void
}

/** Without a service nothing passes. */
const unattended = ignore('nobody judges')

export class Intake {
  readonly #parts: IntakeParts
  /** Asked and told; none until the relay service is there. */
  hooks: RouterHooks | undefined
  readonly #message = new MessageParts()
  /** What waits for a validator, by topic and id, in the order in which it came. */
  readonly #waiting = new Map<string, Waiting>()
  #waitingBytes = 0

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Messages that wait for a validator. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Drops what has waited for too long. To be called at each heartbeat. */
  look(now: Milliseconds): void {
    for (const { since, end } of this.#waiting.values()) {
      if (now - since < verdictTime) return
      end('ignore')
      this.#parts.onDrop()
    }
  }

  /**
   * Takes one message of the frame that lies in `buffer` from `begin` to `end`: its entry is `from` to `to`. Throws
   * `wire/malformed`.
   */
  take(peer: Peer, buffer: Uint8Array, begin: number, end: number, from: number, to: number): void {
    const parts = this.#message
    parts.read(buffer, from, to)
    const topic = this.#parts.topics.at(buffer, parts.topicFrom, parts.topicTo)
    if (topic === undefined) return
    // pubsub, "Signature Policy": under StrictNoSign author, number, signature and key must be absent
    if (parts.isSigned) {
      this.#blame(peer, topic)
      return
    }
    const data = buffer.subarray(parts.dataFrom, parts.dataTo)
    this.#parts.onMessage(topic.name, data.length)
    const id = this.#idOfNew(peer, topic, data)
    if (id === undefined) return
    const own = parts.frame(buffer, begin, end, from, to)
    const message = { topic: topic.name, data: own.data, envelope: undefined }
    this.#judge({ id, topic, from: peer, message, frame: own.frame })
  }

  /** The id of a message that may be judged: one that we follow, not too large, and not seen before. */
  #idOfNew(peer: Peer, topic: Topic, data: Uint8Array): string | undefined {
    const { seen, promises, maxMessageBytes } = this.#parts
    if (!topic.isFollowed || data.length > maxMessageBytes) {
      this.#turnAway(peer, topic, data)
      return undefined
    }
    const id = messageIdKey(data)
    promises.kept(id)
    const fate = seen.fateOf(id, topic.number)
    if (fate === Fate.unknown) return id
    this.#again(peer, topic, id, fate)
    return undefined
  }

  /** What cannot pass whatever it is costs no hash, and is judged so that it is counted. */
  #turnAway(peer: Peer, topic: Topic, data: Uint8Array): void {
    const verdict = this.hooks?.judge({ topic: topic.name, data })
    if (verdict !== undefined && !(verdict instanceof Promise) && verdict.result === 'reject') this.#blame(peer, topic)
  }

  #judge(arrival: Arrival): void {
    const verdict = this.hooks?.judge(arrival.message) ?? unattended
    if (verdict instanceof Promise) this.#wait(arrival, verdict)
    else this.#settle(arrival, verdict.result)
  }

  /** v1.1, "Extended Validators": accepted is passed on, rejected costs the sender, ignored does neither. */
  #settle(arrival: Arrival, result: Verdict['result'], others?: ReadonlySet<Peer>): void {
    const { seen, cache } = this.#parts
    const { id, topic, from, message, frame } = arrival
    seen.set(id, topic.number, fates[result])
    if (result === 'reject') {
      this.#blame(from, topic)
      for (const peer of others ?? []) this.#blame(peer, topic)
    }
    if (result !== 'accept') return
    // What has waited was told of when it came.
    if (others === undefined) sayThatWeHave(arrival)
    cache.put(id, topic.name, frame)
    from.score.delivered(topic.name)
    this.hooks?.deliver(message, from.id)
    this.hooks?.forwarded(message, forward(arrival, others))
  }

  /** The slow path. Who sends the message meanwhile needs it no more, and shares the blame. */
  #wait(arrival: Arrival, verdict: Promise<Verdict>): void {
    const { seen, onDrop, clock } = this.#parts
    const bytes = arrival.frame.length
    if (this.#waiting.size >= waitingMessages || this.#waitingBytes + bytes > waitingBytes) {
      verdict.catch(() => {})
      onDrop()
      return
    }
    const others = new Set<Peer>()
    const key = waitingKey(arrival.topic, arrival.id)
    seen.set(arrival.id, arrival.topic.number, Fate.waiting)
    const end = (result: Verdict['result']): void => {
      if (this.#waiting.get(key) !== waiting) return
      this.#waiting.delete(key)
      // Who sent it first is blamed for it once.
      others.delete(arrival.from)
      this.#waitingBytes -= bytes
      this.#settle(arrival, result, others)
    }
    const waiting: Waiting = { since: clock(), others, end }
    this.#waiting.set(key, waiting)
    this.#waitingBytes += bytes
    sayThatWeHave(arrival)
    void verdict.then(
      ({ result }) => end(result),
      () => end('ignore'),
    )
  }

  #again(peer: Peer, topic: Topic, id: string, fate: Fate): void {
    if (fate === Fate.rejected) this.#blame(peer, topic)
    else if (fate === Fate.waiting) this.#waiting.get(waitingKey(topic, id))?.others.add(peer)
  }

  #blame(peer: Peer, topic: Topic): void {
    this.#parts.scores.punishInvalid(peer.score, topic.name, this.#parts.clock())
  }
}

function waitingKey({ number }: Topic, id: string): string {
  return `${number} ${id}`
}

const fates = { accept: Fate.accepted, ignore: Fate.ignored, reject: Fate.rejected } as const

/** v1.0, "Message Processing": to the mesh, but not to where it came from; v1.2: nor to who has said that it has it. */
function forward({ id, topic, from, frame }: Arrival, others?: ReadonlySet<Peer>): number {
  let peers = 0
  for (const peer of topic.mesh) {
    if (peer === from || !peer.wants(id) || others?.has(peer) === true) continue
    peer.port.send(frame, 'message')
    peers += 1
  }
  return peers
}

/**
 * v1.2, "IDONTWANT": the mesh need not send a large message that we have got, though we may not know yet whether it is
 * valid. What was refused is not told of: the id names no topic, and the same bytes may be good in another.
 */
function sayThatWeHave({ topic: { mesh }, id, from, message }: Arrival): void {
  if (message.data.length < idontwantBytes) return
  let frame: Uint8Array | undefined
  for (const peer of mesh) {
    if (peer === from || !peer.knowsIdontwant) continue
    frame ??= frameOf({ idontwant: [idOf(id)] })
    peer.port.send(frame, 'control')
  }
}
