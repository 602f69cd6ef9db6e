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
  /** The first `#indexed` messages by id: made when somebody asks, which is seldom. */
  readonly #byId = new Map<string, CachedMessage>()
  #indexed = 0

  put(message: CachedMessage): void {
    this.messages.push(message)
    this.bytes += message.frame.length
  }

  find(id: string): CachedMessage | undefined {
    for (const message of this.messages.slice(this.#indexed)) this.#byId.set(message.id, message)
    this.#indexed = this.messages.length
    return this.#byId.get(id)
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
   * The frame of a message that `peer` asks for; undefined when it is not there, or when the peer has had it often enough
   * (v1.1, "Spam Protection": IWANT).
   */
  ask(id: string, peer: string): Uint8Array | undefined {
    const message = this.#find(id)
    if (message === undefined) return undefined
    message.asked ??= new Map()
    const times = (message.asked.get(peer) ?? 0) + 1
    message.asked.set(peer, times)
    return times > retransmissions ? undefined : message.frame
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

  #find(id: string): CachedMessage | undefined {
    for (const window of this.#windows) {
      const message = window.find(id)
      if (message !== undefined) return message
    }
    return undefined
  }
}

/** The bytes of an id that is kept as characters. */
export function idOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
