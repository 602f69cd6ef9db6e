/**
 * The messages of the last few heartbeats: what peers are told of and may ask for (gossipsub v1.0, "Message Cache").
 * Bounded in bytes too: under a flood the oldest go before their time.
 */
import { mesh } from '../params.ts'
import { cachedBytes, retransmissions } from './bounds.ts'

export interface CachedMessage {
  readonly topic: string
  /** One message, ready to be sent. */
  readonly frame: Uint8Array
  /** How often each peer has asked for it; made when the first one asks. */
  asked: Map<string, number> | undefined
}

export class MessageCache {
  readonly #most: number
  readonly #messages = new Map<string, CachedMessage>()
  /** The ids of each heartbeat, the newest first. */
  #windows: string[][] = [[]]
  #bytes = 0

  /** `most`: bytes of all frames together. */
  constructor(most = cachedBytes) {
    this.#most = most
  }

  get size(): number {
    return this.#messages.size
  }

  get bytes(): number {
    return this.#bytes
  }

  put(id: string, topic: string, frame: Uint8Array): void {
    this.#messages.set(id, { topic, frame, asked: undefined })
    this.#windows[0]?.push(id)
    this.#bytes += frame.length
    while (this.#bytes > this.#most) this.#dropOldest()
  }

  /**
   * The frame of a message that `peer` asks for; undefined when it is not there, or when the peer has had it often enough
   * (v1.1, "Spam Protection": IWANT).
   */
  ask(id: string, peer: string): Uint8Array | undefined {
    const message = this.#messages.get(id)
    if (message === undefined) return undefined
    message.asked ??= new Map()
    const times = (message.asked.get(peer) ?? 0) + 1
    message.asked.set(peer, times)
    return times > retransmissions ? undefined : message.frame
  }

  /** The ids of a topic that peers are told of: those of the last few heartbeats. */
  idsToTell(topic: string): string[] {
    const recent = this.#windows.slice(0, mesh.gossipHistory).flat()
    return recent.filter((id) => this.#messages.get(id)?.topic === topic)
  }

  /** A heartbeat has passed. */
  shift(): void {
    this.#windows.unshift([])
    for (const id of this.#windows.splice(mesh.history).flat()) this.#drop(id)
  }

  clear(): void {
    this.#messages.clear()
    this.#windows = [[]]
    this.#bytes = 0
  }

  #dropOldest(): void {
    const [oldest] = this.#messages.keys()
    if (oldest !== undefined) this.#drop(oldest)
  }

  #drop(id: string): void {
    this.#bytes -= this.#messages.get(id)?.frame.length ?? 0
    this.#messages.delete(id)
  }
}

/** The bytes of an id that is kept as characters. */
export function idOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
