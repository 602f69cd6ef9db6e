/**
 * A rekey: one public message that brings a new group key to each member, and to nobody else. Each has an entry under an
 * index that anybody can compute of the public key; entries of members with the same index stand one behind the other.
 *
 * Each entry is under the static secret between owner and member: who gets either key later reads all that were recorded.
 */
import { gcmKeyBytes, nonceToEnd, nonceToFront, openGcm, sealGcm } from '../aes-gcm.ts'
import { type KeyPair, type PublicKey, uncompress } from '../keys.ts'
import { maxCollidingKeys, rekeyEntryBytes } from './protocol-message.ts'

/** Under which number a member looks: bytes 1 to 4 of the key of 65 bytes, little-endian. */
export function rekeyIndex(member: PublicKey): number {
  return Buffer.from(uncompress(member)).readUInt32LE(1)
}

/** The entries that bring `groupKey` to each of `members`. */
export function sealRekey(
  owner: KeyPair,
  members: Iterable<PublicKey>,
  groupKey: Uint8Array,
): ReadonlyMap<number, Uint8Array> {
  const entries = new Map<number, Uint8Array>()
  for (const member of members) {
    const index = rekeyIndex(member)
    const entry = nonceToFront(sealGcm(owner.sharedSecret(member), groupKey))
    entries.set(index, Buffer.concat([entries.get(index) ?? Buffer.alloc(0), entry]))
  }
  return entries
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
