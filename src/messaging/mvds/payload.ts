/**
 * Messages of MVDS (minimum viable data synchronisation), as status-im/mvds writes them: what a peer sends, and what it
 * confirms. Field numbers above 5000 tell them from other messages that may stand in their place.
 */
import { createHash } from 'node:crypto'
import { bytes, field, int64, message, repeated, type ValueOf } from '../schema.ts'

/** Bytes of a message's id and of a group's. */
export const idBytes = 32

/** Ids of one kind in one payload at the most. */
const maxIds = 4096

/** Messages in one payload at the most. */
const maxMessages = 1024

const syncMessage = message('mvds.Message', {
  groupId: field(6001, bytes()),
  /** Seconds since the Unix epoch, on the sender's clock. */
  timestamp: field(6002, int64),
  body: field(6003, bytes()),
})

const groupOffer = message('mvds.Offer', {
  groupId: field(1, bytes()),
  messageIds: repeated(2, bytes(), maxIds),
})

export const syncPayload = message('mvds.Payload', {
  acks: repeated(5001, bytes(), maxIds),
  offers: repeated(5002, bytes(), maxIds),
  requests: repeated(5003, bytes(), maxIds),
  messages: repeated(5004, syncMessage, maxMessages),
  /** status-go's own. It writes none. */
  groupOffers: repeated(5005, groupOffer, maxIds),
})

export type SyncMessage = ValueOf<typeof syncMessage>
export type SyncPayload = ValueOf<typeof syncPayload>

/** `body` as an MVDS payload; undefined when it is none: it does not parse, or says nothing (status-go's rule). */
export function parseSyncPayload(body: Uint8Array): SyncPayload | undefined {
  const payload = syncPayload.parse(body)
  return payload !== undefined && Object.values(payload).some((items) => items.length > 0) ? payload : undefined
}

const label = Buffer.from('MESSAGE_ID')

/** The id of a message: sha256("MESSAGE_ID" | group | seconds as 8 bytes, little-endian | body). */
export function syncMessageId({ groupId, timestamp, body }: SyncMessage): Buffer {
  const seconds = Buffer.alloc(8)
  seconds.writeBigInt64LE(BigInt.asIntN(64, timestamp))
  return createHash('sha256').update(label).update(groupId).update(seconds).update(body).digest()
}
