/**
 * The signed wrapper around every payload of the application (status-go's `ApplicationMetadataMessage`).
 *
 * The signature covers the payload, not the type, and names no recipient: who may say what, and where, is checked by
 * `origin.ts`. A message is known by its id on every device: keccak256 of the author's key and of these very bytes.
 */
import { type KeyPair, keccak256, recoverSigner, type UncompressedKey, uncompress } from '../keys.ts'
import { bytes, field, int32, message } from '../schema.ts'
import type { ApplicationType } from './types.ts'

const applicationMetadata = message('ApplicationMetadataMessage', {
  signature: field(1, bytes()),
  payload: field(2, bytes()),
  type: field(3, int32),
})

export interface Signed {
  readonly id: Uint8Array
  readonly body: Uint8Array
}

/** Wraps and signs an encoded payload. */
export function signPayload(type: ApplicationType, payload: Uint8Array, author: KeyPair): Signed {
  const signature = author.sign(keccak256(payload))
  const body = applicationMetadata.encode({ signature, payload, type })
  return { id: messageId(uncompress(author.publicKey), body), body }
}

export interface OpenedPayload {
  readonly id: Uint8Array
  /** Who signed: anybody can be recovered from a signature, so this says who, not that it is somebody. */
  readonly signer: UncompressedKey
  /** One that has no name in `ApplicationType` too. */
  readonly type: number
  readonly payload: Uint8Array
}

export type MetadataFault = 'malformed' | 'not signed'

/** Unwraps what `signPayload` made; a reason when it cannot be. */
export function openPayload(body: Uint8Array): OpenedPayload | MetadataFault {
  const wrapper = applicationMetadata.parse(body)
  if (wrapper === undefined) return 'malformed'
  const signer = recoverSigner(keccak256(wrapper.payload), wrapper.signature)
  if (signer === undefined) return 'not signed'
  return { id: messageId(signer, body), signer, type: wrapper.type, payload: wrapper.payload }
}

/** The id of a wrapped message, of the bytes as they were received. */
export function messageId(author: UncompressedKey, body: Uint8Array): Uint8Array {
  return keccak256(author, body)
}
