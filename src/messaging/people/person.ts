/** What a device keeps of another person: devices, sessions with them, and how far the two have come as contacts. */
import type { Milliseconds } from '../../core/time.ts'
import { areContacts, type Handshake, strangers } from '../contacts/handshake.ts'
import { DeviceList } from '../encryption/devices.ts'
import { maxInstallationIdBytes } from '../encryption/protocol-message.ts'
import { compressedKeyBytes, type PublicKey, type UncompressedKey, uncompress, uncompressedKeyBytes } from '../keys.ts'
import { bool, bytes, field, message, repeated, text, uint32, uint64 } from '../schema.ts'
import { readStored } from '../stored.ts'

/** Sessions with the devices of one person: above it the one that was used longest ago is forgotten. */
export const maxSessions = 32

/** Where a session stands, so that only one that may read a message is looked at. */
export interface SessionEntry {
  /** Its row. */
  readonly row: string
  readonly installation: string
  readonly prekey: Uint8Array
  /** When the latest message that it read was sent, never later than it came; or when we began it. */
  readonly at: Milliseconds
  /** The other device has lost it: it still refuses what is played again, and nothing is written by it. */
  readonly isLost: boolean
}

export interface Person {
  readonly key: UncompressedKey
  readonly devices: DeviceList
  readonly sessions: readonly SessionEntry[]
  readonly handshake: Handshake
  /** Hexadecimal id of the message by which they asked us, or we them; empty before. */
  readonly requestId: string
  /** What they call themselves. */
  readonly name: string
  readonly isBlocked: boolean
  /** They have written to us in private: from then on both know the topic of the two. */
  readonly hasWritten: boolean
  /** Somebody of a group of ours, or ourselves on other devices. */
  readonly isNeeded: boolean
  /** When they last wrote, or we last did something about them. */
  readonly heardAt: Milliseconds
}

/** Somebody of whom nothing is known. */
export function stranger(key: PublicKey): Person {
  return {
    key: uncompress(key),
    devices: DeviceList.empty,
    sessions: [],
    handshake: strangers,
    requestId: '',
    name: '',
    isBlocked: false,
    hasWritten: false,
    isNeeded: false,
    heardAt: 0,
  }
}

/** Whether we chose to have to do with them: others are remembered within a bound only. */
export function isKept({ handshake, isBlocked, isNeeded }: Person): boolean {
  return handshake.ours !== 'none' || areContacts(handshake) || isBlocked || isNeeded
}

const version = 1
const ours = ['none', 'sent', 'dismissed'] as const
const theirs = ['none', 'received'] as const

const personTable = message('a person', {
  version: field(1, uint32),
  key: field(2, bytes(uncompressedKeyBytes)),
  devices: field(3, bytes()),
  sessions: repeated(
    4,
    message('a session of a person', {
      row: field(1, text(256)),
      installation: field(2, text(maxInstallationIdBytes)),
      prekey: field(3, bytes(compressedKeyBytes)),
      at: field(4, uint64),
      isLost: field(5, bool),
    }),
    maxSessions,
  ),
  handshake: field(
    5,
    message('a handshake', {
      ours: field(1, uint32),
      ourClock: field(2, uint64),
      theirs: field(3, uint32),
      theirClock: field(4, uint64),
    }),
  ),
  requestId: field(6, text(128)),
  name: field(7, text(1024)),
  isBlocked: field(8, bool),
  hasWritten: field(9, bool),
  isNeeded: field(10, bool),
  heardAt: field(11, uint64),
})

/** The form on disk. */
export function encodePerson(person: Person): Uint8Array {
  const { handshake, sessions, devices, heardAt } = person
  return personTable.encode({
    ...person,
    version,
    devices: devices.toBytes(),
    sessions: sessions.map((one) => ({ ...one, at: BigInt(Math.round(one.at)) })),
    handshake: { ...handshake, ours: ours.indexOf(handshake.ours), theirs: theirs.indexOf(handshake.theirs) },
    heardAt: BigInt(Math.round(heardAt)),
  })
}

/** Reads what `encodePerson` wrote. Throws `session/unreadable`. */
export function decodePerson(stored: Uint8Array): Person {
  const { key, devices, sessions, handshake, heardAt, version: _, ...rest } = readStored(personTable, version, stored)
  return {
    ...rest,
    // Looked at when it came; what is on our disk only has to be whole.
    key: key as UncompressedKey,
    devices: DeviceList.fromBytes(devices),
    sessions: sessions.map((one) => ({ ...one, at: Number(one.at) })),
    handshake: {
      ...handshake,
      ours: ours[handshake.ours] ?? 'none',
      theirs: theirs[handshake.theirs] ?? 'none',
    },
    heardAt: Number(heardAt),
  }
}
