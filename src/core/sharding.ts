/** Which shards a network has, and where a content topic belongs in it (RELAY-SHARDING). */
import { autoshard, pubsubTopicOf, shardsPerCluster } from './topics.ts'

/** How a network spreads its topics. */
export interface Sharding {
  readonly cluster: number
  /** Shards of autosharding; 0: static sharding, where a content topic alone names no shard. */
  readonly shardCount: number
}

/** The pubsub topic of a content topic. Undefined under static sharding. Throws `topic/bad-content-topic`. */
export function pubsubTopicFor(contentTopic: string, { cluster, shardCount }: Sharding): string | undefined {
  return shardCount === 0 ? undefined : pubsubTopicOf({ cluster, shard: autoshard(contentTopic, shardCount) })
}

/**
 * Every pubsub topic that a node of this network may follow: the shards of autosharding, or under static sharding all
 * shards of the cluster; and `extra`, those named explicitly.
 */
export function possibleTopics({ cluster, shardCount }: Sharding, extra: Iterable<string> = []): ReadonlySet<string> {
  const shards = Array.from({ length: shardCount === 0 ? shardsPerCluster : shardCount }, (_, shard) => shard)
  return new Set([...shards.map((shard) => pubsubTopicOf({ cluster, shard })), ...extra])
}
