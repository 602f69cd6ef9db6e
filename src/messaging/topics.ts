/**
 * Where Status messages travel. Each purpose has a name; its keccak256 gives the content topic, four bytes of it, and
 * where no recipient's key encrypts, the name is the password of the envelope too (`payload/`).
 *
 * Four bytes collide by design: an envelope of somebody else on a topic of ours is normal, and no fault of a peer.
 */
import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { pubsubTopicOf } from '../core/topics.ts'
import { type CompressedKey, compress, hex, keccak256, type PublicKey, uncompress, userId } from './keys.ts'

/** The cluster of Status, its shard for everything, and the one for what communities are asked. */
export const statusCluster = 16
export const defaultShard = 32
export const unprotectedShard = 64

/** Groups of people that share a topic for first contact. */
const partitions = 5000n

/** What opens an envelope: the name of the topic as a password, or the recipient's secret key. */
export type OpenedBy = 'name' | 'recipient'

/** Where one kind of message travels. What prints or serialises it does not show the name. */
export class Channel {
  readonly contentTopic: string
  readonly pubsubTopic: string
  readonly opener: OpenedBy
  readonly #name: string

  constructor(name: string, opener: OpenedBy, shard = defaultShard) {
    this.contentTopic = contentTopicOf(name)
    this.pubsubTopic = pubsubTopicOf({ cluster: statusCluster, shard })
    this.opener = opener
    this.#name = name
  }

  /** What is hashed. Of a negotiated channel it is a secret: keep it out of logs. */
  get name(): string {
    return this.#name
  }

  toJSON(): { contentTopic: string; pubsubTopic: string; opener: OpenedBy } {
    const { contentTopic, pubsubTopic, opener } = this
    return { contentTopic, pubsubTopic, opener }
  }

  [inspect.custom](): string {
    return `Channel ${this.contentTopic}`
  }
}

/** The content topic of a name: `/waku/1/0x<8 digits>/rfc26`. */
export function contentTopicOf(name: string): string {
  return `/waku/1/0x${hex(keccak256(Buffer.from(name)).subarray(0, 4))}/rfc26`
}

/** Where a person publishes bundles, profile and presence. Whoever knows the key can read it. */
export function contactCodeChannel(key: PublicKey): Channel {
  return new Channel(`${userId(key)}-contact-code`, 'name')
}

/** The partition of a person: the X coordinate of the key, modulo 5000. */
export function partitionOf(key: PublicKey): number {
  return Number(BigInt(`0x${hex(compress(key).subarray(1))}`) % partitions)
}

/** Where a person is written to for the first time. */
export function partitionedChannel(key: PublicKey): Channel {
  return new Channel(`contact-discovery-${partitionOf(key)}`, 'recipient')
}

/** Where a person gets what is neither a first contact nor a conversation: backups, for example. */
export function personalChannel(key: PublicKey): Channel {
  return new Channel(`contact-discovery-${hex(uncompress(key))}`, 'recipient')
}

/** Bytes of the hash by which push servers know a person. */
const pushHashBytes = 64

/**
 * Where Status clients ask push servers about a person to whom they are about to write, signed by a key of the moment.
 * Known so that it can be told from other traffic: this library asks none.
 */
export function pushQueryChannel(key: PublicKey): Channel {
  const shake = createHash('shake256', { outputLength: pushHashBytes })
  return new Channel(shake.update(compress(key)).digest('hex'), 'name')
}

/** Where two people talk: known to both from the secret that their keys give them. One of 32 bytes. */
export function negotiatedChannel(sharedSecret: Uint8Array): Channel {
  return new Channel(hex(sharedSecret), 'name')
}

/** A public chat. Its name is its key: this hides it from those who do not guess it, and from nobody else. */
export function publicChatChannel(name: string): Channel {
  return new Channel(name, 'name')
}

/** The id of a community: `0x` and its key of 33 bytes. */
export function communityId(key: PublicKey): string {
  return `0x${hex(compress(key))}`
}

/** Where a community publishes its description, on a shard of its own when it has one. */
export function communityChannel(key: PublicKey, shard?: number): Channel {
  return new Channel(communityId(key), 'name', shard)
}

/** The id of a community's channel, under which its messages are filed: `uuid` as the description names it. */
export function communityChatId(key: PublicKey, uuid: string): string {
  return communityId(key) + uuid
}

export function communityChatChannel(key: PublicKey, uuid: string, shard?: number): Channel {
  return new Channel(communityChatId(key, uuid), 'name', shard)
}

/** Where a community is asked to let people in, and to let them go. */
export function communityControlChannel(key: PublicKey): Channel {
  return new Channel(hex(uncompress(key)), 'recipient', unprotectedShard)
}

/** What else a community has a channel for. */
const communityExtras = {
  ping: '-ping',
  magnetlinks: '-magnetlinks',
  memberUpdate: '-memberUpdate',
  shardInfo: '-shard-info',
} as const

export function communityExtraChannel(key: PublicKey, extra: keyof typeof communityExtras, shard?: number): Channel {
  const where = extra === 'shardInfo' ? unprotectedShard : shard
  return new Channel(communityId(key) + communityExtras[extra], 'name', where)
}

/** All channels on which a person is reached and tells of itself, without those of conversations. */
export function ownChannels(key: CompressedKey): Channel[] {
  return [contactCodeChannel(key), partitionedChannel(key), personalChannel(key)]
}
