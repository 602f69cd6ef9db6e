/**
 * A message to somebody of whom no prekey is known: one Diffie-Hellman with the identity key, AES-256-GCM by its bare X.
 *
 * No forward secrecy: the identity key opens it for ever, and it says nothing of who wrote it. status-go sends contact
 * requests so. Whether one is sent or believed is up to the caller.
 */
import { openGcm, sealGcm } from '../aes-gcm.ts'
import { KeyPair, keyOrNone, type PublicKey } from '../keys.ts'
import type { DraftOf } from '../schema.ts'
import type { EncryptedMessage, encryptedMessage } from './protocol-message.ts'

/** The key of the map of messages under which every device of the recipient looks. */
export const anyInstallation = 'none'

export function sealOneShot(recipient: PublicKey, plaintext: Uint8Array): DraftOf<typeof encryptedMessage> {
  const ephemeral = KeyPair.generate()
  return { oneShot: { key: ephemeral.publicKey }, payload: sealGcm(ephemeral.sharedSecret(recipient), plaintext) }
}

/** What `message` holds; undefined where it is none of this kind, or not for `recipient`. */
export function openOneShot(recipient: KeyPair, message: EncryptedMessage): Uint8Array | undefined {
  const ephemeral = message.oneShot && keyOrNone(message.oneShot.key)
  return ephemeral && openGcm(recipient.sharedSecret(ephemeral), message.payload)
}
