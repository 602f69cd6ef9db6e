/**
 * Protected shards (`--protected-shard`): only messages that carry a signature of the shard's key pass. The key's owner
 * signs in `meta`: 64 bytes r | s on secp256k1, over
 * sha256(pubsub topic | payload | content topic | timestamp, 8 bytes little-endian | ephemeral, 1 byte)
 * (https://github.com/waku-org/nwaku/blob/7d1c6abaacba/waku/factory/validator_signed.nim).
 */
import { createHash } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import type { Envelope } from '../../core/envelope.ts'
import { type Clock, distance } from '../../core/time.ts'
import { accept, reject, type Validator, type Verdict } from '../../core/validator.ts'

/** How far the timestamp of a signed message may lie from our clock. */
const windowMs = 300_000

const signatureBytes = 64

/**
 * Judges messages on the topics of `keys` (pubsub topic -> public key of 33 or 65 bytes); others pass. Without a clock
 * messages may be of any age: those of history were live once.
 */
export function protectedShards(
  keys: ReadonlyMap<string, Uint8Array>,
  clock: Clock | undefined,
  onVerdict: (result: 'Accept' | 'Reject') => void = () => {},
): Validator {
  return (envelope) => {
    const key = keys.get(envelope.pubsubTopic)
    if (key === undefined) return accept
    const verdict = judgeSigned(envelope, key, clock)
    onVerdict(verdict.result === 'accept' ? 'Accept' : 'Reject')
    return verdict
  }
}

function judgeSigned({ pubsubTopic, message }: Envelope, key: Uint8Array, clock: Clock | undefined): Verdict {
  const { timestamp = 0n, meta } = message
  if (timestamp === 0n) return reject('protected shard: the message has no timestamp')
  if (clock !== undefined && distance(timestamp, clock()) >= windowMs)
    return reject('protected shard: the timestamp is off by 300 s or more')
  if (meta?.length !== signatureBytes) return reject('protected shard: the message is not signed')
  const digest = signedDigest(pubsubTopic, message)
  return verifies(meta, digest, key) ? accept : reject('protected shard: the signature is not by the key of the shard')
}

/** What the owner of the shard signs. */
export function signedDigest(pubsubTopic: string, message: Envelope['message']): Uint8Array {
  const tail = Buffer.alloc(9)
  tail.writeBigInt64LE(BigInt.asIntN(64, message.timestamp ?? 0n))
  tail[8] = message.ephemeral ? 1 : 0
  return createHash('sha256')
    .update(pubsubTopic)
    .update(message.payload)
    .update(message.contentTopicBytes)
    .update(tail)
    .digest()
}

function verifies(signature: Uint8Array, digest: Uint8Array, key: Uint8Array): boolean {
  try {
    return secp256k1.verify(signature, digest, key, { prehash: false })
  } catch {
    return false
  }
}
