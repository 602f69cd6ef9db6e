/**
 * What libp2p says inside of the handshake: who we are, the proof that the static key is ours, and which muxers we speak.
 *
 * https://github.com/libp2p/specs/blob/master/noise/README.md, "libp2p Data in Handshake Messages"
 */
import { publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { type PeerId, type PrivateKey, type PublicKey, UnexpectedPeerError } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { messageOf } from '../../../core/errors.ts'
import { ProtobufReader, ProtobufWriter } from '../../../core/protobuf.ts'

/** Bytes of an identity key: RSA of 8192 bits, go-libp2p's largest too, has 1062. */
const maxIdentityKeyBytes = 1100

/** Bytes of a signature: as many as an RSA key of 8192 bits has. */
const maxSignatureBytes = 1024

const signaturePrefix = Buffer.from('noise-libp2p-static-key:')

const fields = { identityKey: 1, signature: 2, extensions: 4 } as const
const extensionFields = { streamMuxers: 2 } as const

export interface Identity {
  /** A public key as libp2p's protobuf has it. */
  readonly identityKey: Uint8Array
  /** Of the static key, by the identity key. */
  readonly signature: Uint8Array
}

export interface Payload extends Identity {
  /** Muxers in the order of preference; none where they are negotiated after the handshake. */
  readonly streamMuxers: readonly string[]
}

/** The identity that owns `privateKey`, with its signature over a static key. */
export async function signIdentity(privateKey: PrivateKey, staticKey: Uint8Array): Promise<Identity> {
  const signature = await privateKey.sign(signedBytes(staticKey))
  return { identityKey: publicKeyToProtobuf(privateKey.publicKey), signature }
}

export function encodePayload({ identityKey, signature, streamMuxers }: Payload): Uint8Array {
  const extensions = new ProtobufWriter()
  for (const muxer of streamMuxers) extensions.string(extensionFields.streamMuxers, muxer)
  return new ProtobufWriter(512)
    .bytes(fields.identityKey, identityKey)
    .bytes(fields.signature, signature)
    .bytes(fields.extensions, extensions.finish())
    .finish()
}

/** Throws `wire/malformed`. What a peer leaves out is empty, and then no identity. */
export function decodePayload(bytes: Uint8Array): Payload {
  const reader = new ProtobufReader(bytes, 'noise handshake payload')
  let identityKey: Uint8Array = new Uint8Array()
  let signature: Uint8Array = new Uint8Array()
  const streamMuxers: string[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === fields.identityKey) identityKey = reader.bytes()
    else if (field === fields.signature) signature = reader.bytes()
    else if (field === fields.extensions) streamMuxers.push(...decodeMuxers(reader.bytes()))
    else reader.skip()
  }
  return { identityKey, signature, streamMuxers }
}

function decodeMuxers(bytes: Uint8Array): string[] {
  const reader = new ProtobufReader(bytes, 'noise extensions')
  const muxers: string[] = []
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === extensionFields.streamMuxers) muxers.push(reader.string())
    else reader.skip()
  }
  return muxers
}

/** The peer whose identity this is. Throws when it is not `expected`, or does not own the static key. */
export async function verifyIdentity(
  { identityKey, signature }: Identity,
  staticKey: Uint8Array,
  expected?: PeerId,
): Promise<PeerId> {
  // Before anything is computed with them: to verify takes the longer the larger an RSA key is.
  if (identityKey.length > maxIdentityKeyBytes) throw new UnexpectedPeerError('an identity key that is too large')
  if (signature.length > maxSignatureBytes) throw new UnexpectedPeerError('a signature that is too large')
  const publicKey = read(() => publicKeyFromProtobuf(identityKey))
  const peer = read(() => peerIdFromPublicKey(publicKey))
  if (expected?.equals(peer) === false) throw new UnexpectedPeerError(`it is ${peer} instead of ${expected}`)
  // "If the signature is invalid, the connection MUST be terminated immediately."
  if (!(await isSigned(publicKey, signedBytes(staticKey), signature)))
    throw new UnexpectedPeerError('a static key that the identity key has not signed')
  return peer
}

/** False too for what is no signature at all, at which some kinds of keys throw. */
async function isSigned(publicKey: PublicKey, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await publicKey.verify(bytes, signature)
  } catch {
    return false
  }
}

function read<T>(take: () => T): T {
  try {
    return take()
  } catch (error) {
    throw new UnexpectedPeerError(messageOf(error))
  }
}

function signedBytes(staticKey: Uint8Array): Uint8Array {
  return Buffer.concat([signaturePrefix, staticKey])
}
