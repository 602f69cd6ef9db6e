/**
 * The messages of the encryption layer, as status-go has them: what stands between the application's messages and the
 * payload of a WakuMessage. Numbers and names of fields are those of its protocol_message.proto.
 *
 * Byte fields are views of what was read. Keys are bytes here: they are looked at where they are used.
 */
import { compressedKeyBytes, signatureBytes } from '../keys.ts'
import { bytes, field, int64, map, message, optional, repeated, text, uint32, uint64, type ValueOf } from '../schema.ts'

/** Bytes of the id of a device. Those of Status are UUIDs, of 36. */
export const maxInstallationIdBytes = 64

/** Devices in a bundle. Status writes to three; who says more than this is not read. */
const maxPrekeysRead = 16

/** Bundles of one message. Status attaches its own. */
const maxBundles = 8

/** Devices that one message is encrypted for. */
const maxRecipients = 32

/** Bytes of what names a group: a community key, or the text of one and a channel. */
export const maxGroupIdBytes = 256

/** Keys of one group in one message. */
const maxGroupKeys = 64

/** Members in a rekey: at 70 bytes each, as many as a message of 1 MiB can hold. */
export const maxRekeyEntries = 16_384

/** Keys for members whose index is the same, 60 bytes each. */
export const maxCollidingKeys = 16
export const rekeyEntryBytes = 60

const key = bytes(compressedKeyBytes)
const installation = text(maxInstallationIdBytes)

const signedPrekey = message('SignedPreKey', {
  key: field(1, key),
  /** Counts up with each prekey of a device. */
  version: field(2, uint32),
  /** 1: the device knows negotiated topics. */
  protocolVersion: field(3, uint32),
})

/** The prekeys of a person's devices, signed. `timestamp` in nanoseconds. */
export const bundle = message('Bundle', {
  identity: field(1, key),
  /** By device. */
  prekeys: map(2, installation, signedPrekey, maxPrekeysRead),
  signature: field(4, bytes(signatureBytes)),
  timestamp: field(5, int64),
})

/** With which keys X3DH was done. `prekey` is the receiver's. */
const x3dhHeader = message('X3DHHeader', { key: field(1, key), prekey: field(4, key) })

/** Where in the double ratchet a message stands; `prekey` names the session. */
const ratchetHeader = message('DRHeader', {
  key: field(1, key),
  n: field(2, uint32),
  previous: field(3, uint32),
  prekey: field(4, key),
})

const oneShotHeader = message('DHHeader', { key: field(1, key) })

/** A key of a group, for one member. `timestamp` in milliseconds. */
const groupKeyMessage = message('HRKey', {
  deprecatedId: field(1, uint32),
  key: field(2, bytes(32)),
  timestamp: field(3, uint64),
})

/** A new key of a group for each of its members, under the index of the member. `timestamp` in milliseconds. */
const rekeyMessage = message('RekeyGroup', {
  timestamp: field(2, uint64),
  keys: map(4, uint32, bytes(maxCollidingKeys * rekeyEntryBytes), maxRekeyEntries),
})

const groupKeysMessage = message('HRKeys', {
  keys: repeated(1, groupKeyMessage, maxGroupKeys),
  rekey: optional(2, rekeyMessage),
})

/** Where in the hash ratchet of a group a message stands. Sequence 0 brings keys, and no data. */
export const hashRatchetHeader = message('HRHeader', {
  deprecatedKeyId: field(1, uint32),
  sequence: field(2, uint32),
  groupId: field(3, bytes(maxGroupIdBytes)),
  keyId: field(4, bytes(32)),
  keys: optional(5, groupKeysMessage),
})

/** A message for one device, or for all that look under the same name. */
export const encryptedMessage = message('EncryptedMessageProtocol', {
  x3dh: optional(1, x3dhHeader),
  ratchet: optional(2, ratchetHeader),
  payload: field(3, bytes()),
  oneShot: optional(101, oneShotHeader),
  hashRatchet: optional(102, hashRatchetHeader),
})

/** What a payload of 26/WAKU2-PAYLOAD holds. */
export const protocolMessage = message('ProtocolMessage', {
  /** The sender's device. */
  installation: field(2, installation),
  bundles: repeated(3, bundle, maxBundles),
  /** By the receiver's device. */
  encrypted: map(101, installation, encryptedMessage, maxRecipients),
  /** Of public chats: not encrypted at this layer. */
  publicMessage: optional(102, bytes()),
})

export type SignedPrekey = ValueOf<typeof signedPrekey>
export type Bundle = ValueOf<typeof bundle>
export type HashRatchetHeader = ValueOf<typeof hashRatchetHeader>
export type EncryptedMessage = ValueOf<typeof encryptedMessage>
export type ProtocolMessage = ValueOf<typeof protocolMessage>
