/**
 * A rekey: one public message that brings a new group key to each member, and to nobody else. Each has an entry under an
 * index that anybody can compute of the public key; entries of members with the same index stand one behind the other.
 *
 * Each entry is under the static secret between owner and member: who gets either key later reads all that were recorded.
 */

import { WaypostError } from '../../core/errors.ts'
import { gcmKeyBytes, nonceToEnd, nonceToFront, openGcm, sealGcm } from '../aes-gcm.ts'
import { type KeyPair, type PublicKey, uncompress } from '../keys.ts'
import { maxCollidingKeys, maxRekeyEntries, rekeyEntryBytes } from './protocol-message.ts'

/** Under which number a member looks: bytes 1 to 4 of the key of 65 bytes, little-endian. */
export function rekeyIndex(member: PublicKey): number {
  return Buffer.from(uncompress(member)).readUInt32LE(1)
}

/**
 * The entries that bring `groupKey` to each of `members`. Throws `rekey/unreadable` for more than receivers take. Indexes are 32
 * bits of keys that people choose: somebody who makes keys until many have one index, and joins with all of them, stops a rekey;
 * the owner then brings the key to members one by one.
 */
export function sealRekey(
  owner: KeyPair,
  members: Iterable<PublicKey>,
  groupKey: Uint8Array,
): ReadonlyMap<number, Uint8Array> {
  const byIndex = Map.groupBy(members, rekeyIndex)
  checkReadable(byIndex)
  const sealFor = (member: PublicKey) => nonceToFront(sealGcm(owner.sharedSecret(member), groupKey))
  return new Map([...byIndex].map(([index, some]) => [index, Buffer.concat(some.map(sealFor))]))
}

function checkReadable(byIndex: ReadonlyMap<number, readonly PublicKey[]>): void {
  const counts = [...byIndex.values()].map(({ length }) => length)
  if (counts.length <= maxRekeyEntries && counts.every((count) => count <= maxCollidingKeys)) return
  const count = counts.reduce((sum, one) => sum + one, 0)
  throw new WaypostError('rekey/unreadable', { count, limit: maxRekeyEntries, colliding: maxCollidingKeys })
}

/** The key that a rekey by `owner` brings to `member`; undefined where it brings none. */
export function openRekey(
  member: KeyPair,
  owner: PublicKey,
  entries: ReadonlyMap<number, Uint8Array>,
): Uint8Array | undefined {
  const entry = entries.get(rekeyIndex(member.publicKey))
  if (entry === undefined) return undefined
  const secret = member.sharedSecret(owner)
  return entriesOf(entry)
    .map((one) => openGcm(secret, nonceToEnd(one)))
    .find((key) => key?.length === gcmKeyBytes)
}

function entriesOf(entry: Uint8Array): Uint8Array[] {
  const count = Math.min(Math.floor(entry.length / rekeyEntryBytes), maxCollidingKeys)
  return Array.from({ length: count }, (_, n) => entry.subarray(n * rekeyEntryBytes, (n + 1) * rekeyEntryBytes))
}
