/**
 * The messages of the last few heartbeats: what peers are told of and may ask for (gossipsub v1.0, "Message Cache").
 *
 * A window for each heartbeat, forgotten as a whole, so that no message costs a deletion. Bounded in bytes too: a window that
 * is full ends before its time, and under a flood all of them are shorter.
 */
import { mesh } from '../params.ts'
import { cachedBytes, retransmissions } from './bounds.ts'

interface CachedMessage {
  readonly id: string
  readonly topic: string
  /** One message, ready to be sent. */
  readonly frame: Uint8Array
  /** How often each peer has asked for it; made when the first one asks. */
  asked: Map<string, number> | undefined
}

/** The messages of one heartbeat. */
class Window {
  readonly messages: CachedMessage[] = []
  bytes = 0
  /** The first `#indexed` messages by id: made when somebody asks, which is seldom. Several: each in a topic of its own. */
  readonly #byId = new Map<string, CachedMessage[]>()
  #indexed = 0

  put(message: CachedMessage): void {
    this.messages.push(message)
    this.bytes += message.frame.length
  }

  find(id: string): readonly CachedMessage[] {
    for (const message of this.messages.slice(this.#indexed)) {
      const same = this.#byId.get(message.id)
      if (same === undefined) this.#byId.set(message.id, [message])
      else same.push(message)
    }
    this.#indexed = this.messages.length
    return this.#byId.get(id) ?? []
  }
}

export class MessageCache {
  readonly #windowBytes: number
  /** The newest first. */
  #windows: Window[] = []
  #current = new Window()

  /** `most`: bytes of all frames together. */
  constructor(most = cachedBytes) {
    this.#windowBytes = most / mesh.history
    this.clear()
  }

  get size(): number {
    return this.#windows.reduce((sum, { messages }) => sum + messages.length, 0)
  }

  get bytes(): number {
    return this.#windows.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  put(id: string, topic: string, frame: Uint8Array): void {
    if (this.#current.bytes + frame.length > this.#windowBytes) this.shift()
    this.#current.put({ id, topic, frame, asked: undefined })
  }

  /**
   * The frames of what `peer` asks for: who asks names no topic, so the same bytes in several are several frames. None when
   * it is not there, or when the peer has had it often enough (v1.1, "Spam Protection": IWANT).
   */
  ask(id: string, peer: string): readonly Uint8Array[] {
    const messages = this.#windows.flatMap((window) => window.find(id))
    return messages.filter((message) => mayHave(message, peer)).map(({ frame }) => frame)
  }

  /** The ids of a topic that peers are told of: those of the last few heartbeats. */
  idsToTell(topic: string): string[] {
    const ids: string[] = []
    for (const { messages } of this.#windows.slice(0, mesh.gossipHistory))
      for (const message of messages) if (message.topic === topic) ids.push(message.id)
    return ids
  }

  /** A heartbeat has passed. */
  shift(): void {
    this.#current = new Window()
    this.#windows = [this.#current, ...this.#windows.slice(0, mesh.history - 1)]
  }

  clear(): void {
    this.#windows = []
    this.shift()
  }
}

/** Whether a peer that asks may have it once more. */
function mayHave(message: CachedMessage, peer: string): boolean {
  message.asked ??= new Map()
  const times = (message.asked.get(peer) ?? 0) + 1
  message.asked.set(peer, times)
  return times <= retransmissions
}

/** The bytes of an id that is kept as characters. */
export function idOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
