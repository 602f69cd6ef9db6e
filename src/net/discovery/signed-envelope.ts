/** A record in an envelope that its own peer has signed (RFC 0002 of libp2p's specifications). */
import { publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { isWaypostError, messageOf, WaypostError } from '../../core/errors.ts'
import { ProtobufReader, ProtobufWriter } from '../../core/protobuf.ts'

/** What is in an envelope. */
export interface Content<Record> {
  /** What the signature is over, beside type and payload. */
  readonly domain: string
  /** The type that it has to have; absent: any, since it is signed with the rest. */
  readonly type?: Uint8Array
  /** Reads the payload, which is to be of its signer. Throws `wire/malformed`. */
  readonly read: (payload: Uint8Array, signer: PeerId) => Record
}

const Field = { publicKey: 1, payloadType: 2, payload: 3, signature: 5 } as const

export interface Sealed {
  readonly domain: string
  readonly type: Uint8Array
  readonly payload: Uint8Array
}

/** The envelope of a record of ours. */
export async function sealEnvelope({ domain, type, payload }: Sealed, privateKey: PrivateKey): Promise<Uint8Array> {
  const signature = await privateKey.sign(signedBytes(domain, type, payload))
  return new ProtobufWriter(payload.length + 256)
    .bytes(Field.publicKey, publicKeyToProtobuf(privateKey.publicKey))
    .bytes(Field.payloadType, type)
    .bytes(Field.payload, payload)
    .bytes(Field.signature, signature)
    .finish()
}

/** The record in an envelope whose signature fits. Throws `wire/malformed`. */
export async function openEnvelope<Record>(envelope: Uint8Array, content: Content<Record>): Promise<Record> {
  try {
    return await verified(envelope, content)
  } catch (error) {
    if (isWaypostError(error)) throw error
    // libp2p's keys and multiaddrs throw errors of many kinds for bytes that are none.
    throw malformed(messageOf(error), error)
  }
}

async function verified<Record>(
  envelope: Uint8Array,
  { domain, type: wanted, read }: Content<Record>,
): Promise<Record> {
  const { publicKey, type, payload, signature } = partsOf(envelope)
  if (wanted !== undefined && Buffer.compare(type, wanted) !== 0) throw malformed('another type of payload')
  const key = publicKeyFromProtobuf(publicKey)
  const record = read(payload, peerIdFromPublicKey(key))
  if (!(await key.verify(signedBytes(domain, type, payload), signature))) throw malformed('the signature does not fit')
  return record
}

interface EnvelopeParts {
  readonly publicKey: Uint8Array
  readonly type: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

function partsOf(envelope: Uint8Array): EnvelopeParts {
  const reader = new ProtobufReader(envelope, 'signed envelope')
  const fields = new Map<number, Uint8Array>()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (reader.isBytes) fields.set(field, reader.bytes())
    else reader.skip()
  }
  const part = (field: number): Uint8Array => {
    const bytes = fields.get(field)
    if (bytes === undefined) throw malformed(`no field ${field} of the envelope`)
    return bytes
  }
  return {
    publicKey: part(Field.publicKey),
    type: part(Field.payloadType),
    payload: part(Field.payload),
    signature: part(Field.signature),
  }
}

/** Each part with its length in front. */
function signedBytes(domain: string, type: Uint8Array, payload: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(domain), type, payload].flatMap((part) => [varint(part.length), part]))
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Uint8Array.from([...bytes, rest])
}

function malformed(why: string, cause?: unknown): WaypostError {
  return new WaypostError('wire/malformed', { what: 'peer record', why }, { cause })
}
