/**
 * History as store version 2 (2.0.0-beta4) asks for it. It knows no hashes: a cursor names a message by its pubsub
 * topic, its time, the time at which it was stored, and a digest that covers content topic and payload only.
 */
import { hash } from 'node:crypto'
import type { DecodedMessage } from './message.ts'
import type { Query } from './query.ts'
import type { Nanoseconds } from './time.ts'

/** Bytes of a digest. */
const digestBytes = 32

/** A message, as version 2 names it. */
export interface LegacyCursor {
  readonly pubsubTopic: string
  readonly senderTime: Nanoseconds
  readonly storeTime: Nanoseconds
  /** 32 bytes. */
  readonly digest: Uint8Array
}

/** A question in version 2: always for the messages themselves, never by hash. */
export interface LegacyQuery extends Omit<Query, 'hashes' | 'cursor' | 'includeData'> {
  readonly cursor?: LegacyCursor
}

/** One page, oldest message first whatever the direction, and the cursor of the next one if there is more. */
export interface LegacyPage {
  /** Encoded messages, as they were stored. */
  readonly messages: readonly Uint8Array[]
  readonly cursor?: LegacyCursor
}

/** The digest of a message: it covers neither time nor pubsub topic, nor what else the message says. */
export function legacyDigest({ contentTopicBytes, payload }: DecodedMessage): Buffer {
  return hash('sha256', Buffer.concat([contentTopicBytes, payload]), 'buffer')
}

/** 32 bytes of a digest that somebody gave us: nwaku fills up a short one with zeros, and cuts a long one. */
export function givenDigest(bytes: Uint8Array): Uint8Array {
  const digest = new Uint8Array(digestBytes)
  digest.set(bytes.subarray(0, digestBytes))
  return digest
}
