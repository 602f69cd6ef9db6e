import t from 'tap'
import { openEnvelope, sealEnvelope } from '../../src/core/envelope.ts'
import { messageHash } from '../../src/core/hash.ts'

const topic = '/waku/2/rs/66/0'
const message = { payload: Buffer.from('a payload'), contentTopic: '/a/1/b/proto', timestamp: 5n }

t.test('an envelope has the hash of its message on its topic', async (t) => {
  const envelope = sealEnvelope(topic, message, 0)
  t.equal(envelope.hash, messageHash(topic, envelope.message))
  t.equal(openEnvelope(topic, envelope.bytes, 0).hash, envelope.hash)
  t.not(openEnvelope('/waku/2/rs/66/1', envelope.bytes, 0).hash, envelope.hash, 'on another topic it is another')
})

t.test('an envelope is hashed when it is asked first, and once', async (t) => {
  const { hash } = sealEnvelope(topic, message, 0)
  const envelope = sealEnvelope(topic, { ...message, payload: Buffer.from('A payload') }, 0)
  // Not what anybody does: it shows when the bytes are read.
  envelope.message.payload.set(message.payload)
  t.equal(envelope.hash, hash)
  envelope.message.payload.fill(0)
  t.equal(envelope.hash, hash)
})
