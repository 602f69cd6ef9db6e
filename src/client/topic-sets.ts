/** Sets of content topics, by pubsub topic: what is followed, and what differs between two of them. */
import type { Topics } from '../messaging/network.ts'

export type TopicSets = ReadonlyMap<string, ReadonlySet<string>>

export const noTopics: TopicSets = new Map()

/** The same, each topic once. */
export function topicSets(topics: readonly Topics[]): TopicSets {
  const sets = new Map<string, Set<string>>()
  for (const { pubsubTopic, contentTopics } of topics) {
    const set = sets.get(pubsubTopic) ?? new Set()
    for (const contentTopic of contentTopics) set.add(contentTopic)
    if (set.size > 0) sets.set(pubsubTopic, set)
  }
  return sets
}

/** What stands in `some` and not in `others`, in pieces of `most` content topics, as requests carry them. */
export function* without(some: TopicSets, others: TopicSets, most: number): Generator<Topics> {
  for (const [pubsubTopic, topics] of some) {
    const left = [...topics].filter((topic) => others.get(pubsubTopic)?.has(topic) !== true)
    for (const contentTopics of inPieces(left, most)) yield { pubsubTopic, contentTopics }
  }
}

/** True when both are the same topics. */
export function areSame(some: TopicSets, others: TopicSets): boolean {
  const differences = [...without(some, others, 1), ...without(others, some, 1)]
  return differences.length === 0
}

export function* inPieces<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
