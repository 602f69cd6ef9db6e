/** Which network the settings describe: its shards, the topics that this node follows, the keys of protected shards. */
import { possibleTopics, pubsubTopicFor, type Sharding } from '../core/sharding.ts'
import { parsePubsubTopic, pubsubTopicOf } from '../core/topics.ts'
import type { Settings } from '../settings/table.ts'

type NetworkSettings = Pick<Settings, 'clusterId' | 'numShardsInNetwork' | 'shard' | 'contentTopic' | 'protectedShard'>

export interface Network {
  readonly sharding: Sharding
  /** The pubsub topics followed from the start. */
  readonly followed: readonly string[]
  /** Their shards. */
  readonly shards: readonly number[]
  /** Those that may be followed at all. */
  readonly possible: ReadonlySet<string>
  /** The public key of each protected shard, by pubsub topic. */
  readonly protectedKeys: Map<string, Uint8Array>
}

export function networkOf(settings: NetworkSettings): Network {
  const sharding = { cluster: settings.clusterId, shardCount: settings.numShardsInNetwork }
  const followed = followedTopics(settings, sharding)
  return {
    sharding,
    followed,
    shards: shardNumbers(followed),
    possible: possibleTopics(sharding, followed),
    protectedKeys: protectedKeys(settings),
  }
}

/**
 * Shards named by `--shard` and those of the content topics; where no shard is named, autosharding follows all of its
 * shards and static sharding none.
 */
function followedTopics({ shard, contentTopic }: NetworkSettings, sharding: Sharding): readonly string[] {
  const { cluster, shardCount } = sharding
  const shards = shard ?? Array.from({ length: shardCount }, (_, index) => index)
  const named = shards.map((shard) => pubsubTopicOf({ cluster, shard }))
  const derived = contentTopic.map((topic) => pubsubTopicFor(topic, sharding)).filter((topic) => topic !== undefined)
  return [...new Set([...named, ...derived])]
}

/** The public key of each protected shard, by pubsub topic. */
export function protectedKeys({
  clusterId,
  protectedShard,
}: Pick<Settings, 'clusterId' | 'protectedShard'>): Map<string, Uint8Array> {
  const entries = protectedShard.map(
    ({ cluster = clusterId, shard, publicKey }) =>
      [pubsubTopicOf({ cluster, shard }), Buffer.from(publicKey, 'hex')] as const,
  )
  return new Map(entries)
}

/** The shards of pubsub topics; those that are no shard are left out. */
export function shardNumbers(topics: Iterable<string>): number[] {
  return [...topics].map(parsePubsubTopic).flatMap((shard) => (shard === undefined ? [] : [shard.shard]))
}
