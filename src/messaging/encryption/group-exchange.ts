/**
 * How group keys travel: in the header of the hash ratchet with sequence 0. For one member the header stands on a message of a
 * session, outside of its ciphertext, as status-go has it; for all members it is a rekey, on a public message.
 */
import { gcmKeyBytes } from '../aes-gcm.ts'
import type { KeyPair, PublicKey } from '../keys.ts'
import type { DraftOf } from '../schema.ts'
import { GroupKey } from './group-key.ts'
import type { HashRatchetHeader, hashRatchetHeader } from './protocol-message.ts'
import { openRekey, sealRekey } from './rekey.ts'

/** The header that brings `keys` of one group to whoever reads the message. */
export function headerWithKeys(groupId: Uint8Array, keys: readonly GroupKey[]): DraftOf<typeof hashRatchetHeader> {
  const entries = keys.map((key) => ({
    deprecatedId: key.deprecatedId,
    timestamp: key.timestamp,
    key: key.secretBytes(),
  }))
  return { sequence: 0, groupId, keys: { keys: entries } }
}

/** The header that brings `key` to each of `members`, and to nobody else. */
export function headerWithRekey(
  owner: KeyPair,
  members: Iterable<PublicKey>,
  key: GroupKey,
): DraftOf<typeof hashRatchetHeader> {
  const rekey = { timestamp: key.timestamp, keys: sealRekey(owner, members, key.secretBytes()) }
  return { sequence: 0, groupId: key.groupId, keys: { rekey } }
}

/** The keys that a header of `owner` brings to `member`. Whether `owner` may say so is for the caller to know. */
export function keysOfHeader(header: HashRatchetHeader, member: KeyPair, owner: PublicKey): GroupKey[] {
  const { sequence, groupId, keys } = header
  if (sequence !== 0 || keys === undefined) return []
  const direct = keys.keys
    .filter(({ key }) => key.length === gcmKeyBytes)
    // Older peers send the short id alone, which is the timestamp cut to 32 bits.
    .map(({ key, timestamp, deprecatedId }) => new GroupKey(groupId, timestamp || BigInt(deprecatedId), key))
  const secret = keys.rekey && openRekey(member, owner, keys.rekey.keys)
  return keys.rekey && secret ? [...direct, new GroupKey(groupId, keys.rekey.timestamp, secret)] : direct
}
