/**
 * A key of an encrypted community or channel, as its owner makes it and its members get it. From it follows every
 * message's key of the hash ratchet until the next rekey: who has it reads all of them, those before it came too.
 */
import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { gcmKeyBytes } from '../aes-gcm.ts'
import { keccak256 } from '../keys.ts'
import { bytes, field, message, uint32, uint64 } from '../schema.ts'
import { readStored, unreadable } from '../stored.ts'
import { maxGroupIdBytes } from './protocol-message.ts'

const version = 1
const table = message('a key that its owner gives out', {
  version: field(1, uint32),
  groupId: field(2, bytes(maxGroupIdBytes)),
  timestamp: field(3, uint64),
  secret: field(4, bytes(gcmKeyBytes)),
})

export class GroupKey {
  /** What names the group: bytes that its community chose. */
  readonly groupId: Uint8Array
  /** Milliseconds. */
  readonly timestamp: bigint
  /** By which messages name the key: keccak-256 of group, timestamp (8 bytes, little-endian) and key. */
  readonly id: Uint8Array
  readonly #secret: Uint8Array

  constructor(groupId: Uint8Array, timestamp: bigint, secret: Uint8Array = randomBytes(gcmKeyBytes)) {
    this.groupId = Uint8Array.from(groupId)
    this.timestamp = timestamp
    this.#secret = Uint8Array.from(secret)
    this.id = keyId(groupId, timestamp, secret)
  }

  /** Reads what `toBytes` gave. Throws `session/unreadable`. */
  static fromBytes(stored: Uint8Array): GroupKey {
    const { groupId, timestamp, secret } = readStored(table, version, stored)
    if (secret.length !== gcmKeyBytes) throw unreadable('the key of a group is damaged')
    return new GroupKey(groupId, timestamp, secret)
  }

  /** The form on disk: it has the secret. */
  toBytes(): Uint8Array {
    return table.encode({ version, groupId: this.groupId, timestamp: this.timestamp, secret: this.#secret })
  }

  /** The id of older peers: the timestamp cut to 32 bits. */
  get deprecatedId(): number {
    return Number(BigInt.asUintN(32, this.timestamp))
  }

  /** A copy of the secret, to be handed to members, or to be put where secrets are kept. */
  secretBytes(): Uint8Array {
    return Uint8Array.from(this.#secret)
  }

  toJSON(): { id: string } {
    return { id: Buffer.from(this.id).toString('hex') }
  }

  [inspect.custom](): string {
    return `GroupKey ${Buffer.from(this.id).toString('hex')}`
  }
}

function keyId(groupId: Uint8Array, timestamp: bigint, secret: Uint8Array): Uint8Array {
  const time = Buffer.alloc(8)
  time.writeBigUInt64LE(BigInt.asUintN(64, timestamp))
  return keccak256(groupId, time, secret)
}
