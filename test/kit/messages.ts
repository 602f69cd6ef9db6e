/** Messages for tests. */
import { randomBytes } from 'node:crypto'
import { type Envelope, openEnvelope } from '../../src/core/envelope.ts'
import { encodeMessage, type WakuMessage } from '../../src/core/message.ts'
import { toNanoseconds } from '../../src/core/time.ts'

export const testContentTopic = '/waypost/1/test/proto'
export const testPubsubTopic = '/waku/2/rs/0/0'

/** An encoded message: random payload, now, unless said otherwise. */
export function messageBytes(fields: Partial<WakuMessage> = {}): Uint8Array {
  return encodeMessage({
    payload: randomBytes(32),
    contentTopic: testContentTopic,
    timestamp: toNanoseconds(Date.now()),
    ...fields,
  })
}

/** The envelope of such a message. */
export function envelope(fields: Partial<WakuMessage> = {}, pubsubTopic = testPubsubTopic): Envelope {
  return openEnvelope(pubsubTopic, messageBytes(fields), Date.now())
}
