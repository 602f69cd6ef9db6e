/**
 * Payloads of WakuMessages by 26/WAKU2-PAYLOAD version 1: encrypted by a key that a group shares, or for one recipient;
 * signed inside of the encryption, so that nodes that carry it learn of no author.
 *
 * Usable by itself. There is no forward secrecy at this layer: who gets the key later reads what was recorded.
 */
import { openGcm, sealGcm } from '../aes-gcm.ts'
import type { KeyPair, PublicKey } from '../keys.ts'
import { openEcies, sealEcies } from './ecies.ts'
import { frame, type Unframed, unframe } from './frame.ts'

/** For whom a payload is: all that have a key of 32 bytes, or the owner of a public key. */
export type Audience = { readonly key: Uint8Array } | { readonly recipient: PublicKey }

/** What a payload is tried with: a shared key, or the key pair of a recipient. */
export type Opener = { readonly key: Uint8Array } | { readonly recipient: KeyPair }

/** `data` for `audience`, signed where there is a `signer`. Throws `payload/too-large`. */
export function encrypt(data: Uint8Array, audience: Audience, signer?: KeyPair): Uint8Array {
  const framed = frame(data, signer)
  return 'key' in audience ? sealGcm(audience.key, framed) : sealEcies(audience.recipient, framed)
}

/**
 * What `payload` holds; undefined where it is not for `opener`, is no payload, or bears a signature of nobody. Topics are
 * shared by many, so that is no error and says nothing against the peer that passed it on.
 */
export function decrypt(payload: Uint8Array, opener: Opener): Unframed | undefined {
  const framed = 'key' in opener ? openGcm(opener.key, payload) : openEcies(opener.recipient, payload)
  return framed && unframe(framed)
}
