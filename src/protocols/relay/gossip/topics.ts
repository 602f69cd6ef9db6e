/** The topics that this node may follow: who follows each, who is in its mesh, and who must be left alone. */

import type { Milliseconds } from '../../../core/time.ts'
import { Backoffs } from './backoffs.ts'
import type { Peer } from './peer.ts'

export class Topic {
  readonly name: string
  readonly bytes: Uint8Array
  /** Tells topics apart where their messages are remembered: the same bytes may pass in one and not in another. */
  readonly number: number
  /** Whether we follow it: then it has a mesh. */
  isFollowed = false
  /** Whether we ever did: peers may have been told so. */
  wasFollowed = false
  /** Peers that follow it. */
  readonly subscribers = new Set<Peer>()
  readonly mesh = new Set<Peer>()
  /** Peers for what we publish without following the topic (v1.0, "Fanout"), and when we did so last. */
  readonly fanout = new Set<Peer>()
  publishedAt: Milliseconds | undefined
  readonly backoffs = new Backoffs()

  constructor(name: string, number: number) {
    this.name = name
    this.number = number
    this.bytes = Buffer.from(name)
  }
}

export class Topics {
  readonly #byName: ReadonlyMap<string, Topic>
  /** What the last message was for: most are for one topic after the other. */
  #last: Topic | undefined

  constructor(names: Iterable<string>) {
    this.#byName = new Map(Array.from(names, (name, index) => [name, new Topic(name, index)]))
  }

  get all(): Iterable<Topic> {
    return this.#byName.values()
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  /** The topic whose name stands in `buffer` from `from` to `to`. */
  at(buffer: Uint8Array, from: number, to: number): Topic | undefined {
    if (this.#last !== undefined && isAt(this.#last.bytes, buffer, from, to)) return this.#last
    this.#last = this.#byName.get(Buffer.prototype.utf8Slice.call(buffer, from, to))
    return this.#last
  }
}

function isAt(name: Uint8Array, buffer: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false
  // From the end, where names of shards differ.
  for (let index = name.length - 1; index >= 0; index -= 1) if (name[index] !== buffer[from + index]) return false
  return true
}
