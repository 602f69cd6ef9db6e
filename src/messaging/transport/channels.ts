/**
 * The channels that a device listens on, found by content topic. Four bytes collide, so one topic may be of several
 * channels, and most of what comes on a topic may be for others.
 */

import { encodeMessage } from '../../core/message.ts'
import type { Milliseconds, Nanoseconds } from '../../core/time.ts'
import { toNanoseconds } from '../../core/time.ts'
import type { Place } from '../application/origin.ts'
import type { KeyPair, PublicKey } from '../keys.ts'
import type { Topics } from '../network.ts'
import type { Unframed } from '../payload/frame.ts'
import { keyFromPassword } from '../payload/password.ts'
import { decrypt, encrypt } from '../payload/payload.ts'
import type { Channel } from '../topics.ts'

/** A channel, and what comes on it. */
export interface Listening {
  readonly channel: Channel
  readonly place: Place
  /** Opens what is for a recipient. */
  readonly keys?: KeyPair
}

/** A message as it goes to the network. */
export interface Sealed {
  readonly pubsubTopic: string
  /** An encoded WakuMessage. */
  readonly encoded: Uint8Array
}

export interface Opened extends Unframed {
  readonly listening: Listening
}

export class Channels {
  /** By content topic, then by the name of the channel. */
  readonly #byTopic = new Map<string, Map<string, Listening>>()
  #changes = 0

  /** Counts up with each change. */
  get changes(): number {
    return this.#changes
  }

  /** Listens on a channel; says whether it is new. */
  add(listening: Listening): boolean {
    const { contentTopic, name } = listening.channel
    const held = this.#byTopic.get(contentTopic) ?? new Map<string, Listening>()
    if (held.has(name)) return false
    this.#byTopic.set(contentTopic, held.set(name, listening))
    this.#changes += 1
    return true
  }

  remove({ contentTopic, name }: Channel): void {
    const held = this.#byTopic.get(contentTopic)
    if (held?.delete(name) !== true) return
    this.#changes += 1
    if (held.size === 0) this.#byTopic.delete(contentTopic)
  }

  get all(): Listening[] {
    return [...this.#byTopic.values()].flatMap((held) => [...held.values()])
  }

  /** What the network is to follow. */
  get topics(): Topics[] {
    const byPubsubTopic = new Map<string, Set<string>>()
    for (const { channel } of this.all) {
      const topics = byPubsubTopic.get(channel.pubsubTopic) ?? new Set()
      byPubsubTopic.set(channel.pubsubTopic, topics.add(channel.contentTopic))
    }
    return [...byPubsubTopic].map(([pubsubTopic, topics]) => ({ pubsubTopic, contentTopics: [...topics] }))
  }

  /** What a payload on a content topic holds, by whichever channel opens it. */
  async open(contentTopic: string, payload: Uint8Array): Promise<Opened | undefined> {
    for (const listening of this.#byTopic.get(contentTopic)?.values() ?? []) {
      const opened = decrypt(payload, await openerOf(listening))
      if (opened !== undefined) return { ...opened, listening }
    }
    return undefined
  }
}

async function openerOf({ channel, keys }: Listening): Promise<Parameters<typeof decrypt>[1]> {
  return keys === undefined ? { key: await keyFromPassword(channel.name) } : { recipient: keys }
}

/** Bytes for a channel, signed by `author`: for all who know its name, or for `recipient`. */
export async function sealFor(
  { name, contentTopic, pubsubTopic }: Channel,
  data: Uint8Array,
  { author, recipient, now }: { author: KeyPair; recipient?: PublicKey; now: Milliseconds },
): Promise<Sealed> {
  const audience = recipient === undefined ? { key: await keyFromPassword(name) } : { recipient }
  const timestamp: Nanoseconds = toNanoseconds(now)
  const encoded = encodeMessage({ contentTopic, version: 1, timestamp, payload: encrypt(data, audience, author) })
  return { pubsubTopic, encoded }
}
