/** Digests that stand for topics in indices. */
import { hash as digest } from 'node:crypto'

/** Pubsub topics are few and the operator's choice. */
const pubsubIdBytes = 8

/** Content topics are anybody's: 128 bits, so that nobody finds two with one digest. */
export const topicIdBytes = 16

export function pubsubId(pubsubTopic: string): Buffer {
  return digest('sha256', pubsubTopic, 'buffer').subarray(0, pubsubIdBytes)
}

/** Stands for a content topic on a pubsub topic: clients ask for both, and such a question is one range of an index. */
export function topicId(pubsub: Buffer, contentTopic: string): Buffer {
  return digest('sha256', Buffer.concat([pubsub, Buffer.from(contentTopic)]), 'buffer').subarray(0, topicIdBytes)
}
