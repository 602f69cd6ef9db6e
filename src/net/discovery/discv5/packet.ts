/**
 * Packets of discv5: what stands around a message (discv5-wire v5.1, "Packet Encoding").
 * https://github.com/ethereum/devp2p/blob/master/discv5/discv5-wire.md
 *
 *     packet        = masking-iv (16) || masked header || message
 *     static header = protocol id (6) || version (2) || flag (1) || nonce (12) || size of authdata (2)
 *
 * The header is masked with the id of the receiver, so that it looks like noise. Waku puts `d5waku` where others put
 * `discv5`, and so the networks do not mix (33/WAKU2-DISCV5).
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { maxRecordBytes } from '../enr.ts'
import { idBytes, idFrom, type NodeId } from './ids.ts'
import { maxPacketBytes, minPacketBytes } from './limits.ts'

/** Six bytes. */
export type ProtocolId = 'd5waku' | 'discv5'

const version = 1
const ivBytes = 16
const staticHeaderBytes = 23
export const nonceBytes = 12
const idLength = 32
const sequenceBytes = 8
const challengeIdBytes = 16
const signatureBytes = 64
const publicKeyBytes = 33
/** Source, and the sizes of signature and key. */
const handshakeHeadBytes = idLength + 2

const flags = { message: 0, whoareyou: 1, handshake: 2 } as const

/** A message under the keys of a session. */
export interface MessagePacket {
  readonly kind: 'message'
  readonly source: NodeId
  readonly nonce: Uint8Array
  readonly sealed: Uint8Array
  /** What the message's tag vouches for besides it: the packet up to the message, unmasked. */
  readonly head: Uint8Array
}

/** The answer to a message that cannot be read: who are you? */
export interface WhoareyouPacket {
  readonly kind: 'whoareyou'
  /** Of the message that cannot be read. */
  readonly nonce: Uint8Array
  /** The highest sequence number of the receiver's record that the sender knows; 0 for none. */
  readonly sequence: bigint
  /** The whole packet, unmasked: what the handshake must answer. */
  readonly challenge: Uint8Array
}

/** A message, and what sets up the session whose keys it is under. */
export interface HandshakePacket extends Omit<MessagePacket, 'kind'> {
  readonly kind: 'handshake'
  readonly signature: Uint8Array
  readonly ephemeralKey: Uint8Array
  /** The sender's node record, unchecked. */
  readonly record: Uint8Array | undefined
}

export type Packet = MessagePacket | WhoareyouPacket | HandshakePacket

/** The head of a packet as its message's tag covers it, unmasked. */
export interface Head {
  readonly iv: Uint8Array
  readonly protocol: ProtocolId
  readonly kind: Packet['kind']
  readonly nonce: Uint8Array
  readonly authdata: Uint8Array
}

export function encodeHead({ iv, protocol, kind, nonce, authdata }: Head): Buffer {
  const header = Buffer.alloc(staticHeaderBytes)
  header.write(protocol, 0, 'latin1')
  header.writeUInt16BE(version, 6)
  header.writeUInt8(flags[kind], 8)
  header.set(nonce, 9)
  header.writeUInt16BE(authdata.length, 21)
  return Buffer.concat([iv, header, authdata])
}

/** The packet as it goes out: `head` masked for `destination`, and the sealed message. */
export function encodePacket(destination: NodeId, head: Uint8Array, sealed: Uint8Array = new Uint8Array()): Buffer {
  const iv = head.subarray(0, ivBytes)
  const mask = createCipheriv('aes-128-ctr', idBytes(destination).subarray(0, 16), iv)
  return Buffer.concat([iv, mask.update(head.subarray(ivBytes)), sealed])
}

export function whoareyouData(challengeId: Uint8Array, sequence: bigint): Buffer {
  const data = Buffer.alloc(challengeIdBytes + sequenceBytes)
  data.set(challengeId)
  data.writeBigUInt64BE(sequence, challengeIdBytes)
  return data
}

export function handshakeData(
  source: NodeId,
  { signature, ephemeralKey, record }: Pick<HandshakePacket, 'signature' | 'ephemeralKey' | 'record'>,
): Buffer {
  const sizes = Buffer.of(signature.length, ephemeralKey.length)
  return Buffer.concat([idBytes(source), sizes, signature, ephemeralKey, record ?? new Uint8Array()])
}

/** What came for `own`; undefined for what is no packet of this protocol. It costs a few microseconds. */
export function decodePacket(bytes: Uint8Array, own: Uint8Array, protocol: ProtocolId): Packet | undefined {
  if (bytes.length < minPacketBytes || bytes.length > maxPacketBytes) return undefined
  const iv = bytes.subarray(0, ivBytes)
  const mask = createDecipheriv('aes-128-ctr', own.subarray(0, 16), iv)
  const header = mask.update(bytes.subarray(ivBytes, ivBytes + staticHeaderBytes))
  if (header.toString('latin1', 0, 6) !== protocol || header.readUInt16BE(6) !== version) return undefined
  const start = ivBytes + staticHeaderBytes
  const end = start + header.readUInt16BE(21)
  if (end > bytes.length) return undefined
  const authdata = mask.update(bytes.subarray(start, end))
  const head = Buffer.concat([iv, header, authdata])
  return readers.get(header.readUInt8(8))?.({
    nonce: header.subarray(9, 21),
    authdata,
    head,
    sealed: bytes.subarray(end),
  })
}

interface Parts {
  readonly nonce: Uint8Array
  readonly authdata: Buffer
  readonly head: Uint8Array
  readonly sealed: Uint8Array
}

const readers = new Map<number, (parts: Parts) => Packet | undefined>([
  [flags.message, readMessage],
  [flags.whoareyou, readWhoareyou],
  [flags.handshake, readHandshake],
])

function readMessage({ nonce, authdata, head, sealed }: Parts): MessagePacket | undefined {
  if (authdata.length !== idLength) return undefined
  return { kind: 'message', source: idFrom(authdata), nonce, sealed, head }
}

function readWhoareyou({ nonce, authdata, head, sealed }: Parts): WhoareyouPacket | undefined {
  if (authdata.length !== challengeIdBytes + sequenceBytes || sealed.length > 0) return undefined
  return { kind: 'whoareyou', nonce, sequence: authdata.readBigUInt64BE(challengeIdBytes), challenge: head }
}

/** Sizes of the identity scheme v4: no other is known. */
function readHandshake({ nonce, authdata, head, sealed }: Parts): HandshakePacket | undefined {
  const keyAt = handshakeHeadBytes + signatureBytes
  const recordAt = keyAt + publicKeyBytes
  if (authdata.length < recordAt || authdata.length > recordAt + maxRecordBytes) return undefined
  if (authdata[idLength] !== signatureBytes || authdata[idLength + 1] !== publicKeyBytes) return undefined
  return {
    kind: 'handshake',
    source: idFrom(authdata.subarray(0, idLength)),
    nonce,
    sealed,
    head,
    signature: authdata.subarray(handshakeHeadBytes, keyAt),
    ephemeralKey: authdata.subarray(keyAt, recordAt),
    record: authdata.length === recordAt ? undefined : authdata.subarray(recordAt),
  }
}
