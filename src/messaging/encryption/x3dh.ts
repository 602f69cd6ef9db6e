/**
 * How two people come to a first shared secret, one of them away: X3DH as Status has it, on secp256k1 and without one-time
 * prekeys. The secret is keccak-256 of three Diffie-Hellman secrets, nothing before or behind them.
 *
 * Whoever steals both the identity key and the prekey of the receiver can compute it from recorded traffic: the
 * prekey must be forgotten in time (`prekeys.ts`).
 */
import { type CompressedKey, KeyPair, keccak256, type PublicKey } from '../keys.ts'

/** What the one who begins knows of the other. */
export interface Invitation {
  readonly identity: PublicKey
  readonly prekey: CompressedKey
}

/** The shared secret with the owner of `invitation`, and the public half of the key that was made for it and is gone. */
export function startX3dh(
  own: KeyPair,
  { identity, prekey }: Invitation,
  ephemeral = KeyPair.generate(),
): { sharedKey: Uint8Array; ephemeralKey: CompressedKey } {
  const sharedKey = keccak256(
    own.sharedSecret(prekey),
    ephemeral.sharedSecret(identity),
    ephemeral.sharedSecret(prekey),
  )
  return { sharedKey, ephemeralKey: ephemeral.publicKey }
}

/** The same secret at the other side: from our prekey, and the sender's identity and ephemeral key. */
export function answerX3dh(
  own: KeyPair,
  ownPrekey: KeyPair,
  theirIdentity: PublicKey,
  ephemeralKey: CompressedKey,
): Uint8Array {
  return keccak256(
    ownPrekey.sharedSecret(theirIdentity),
    own.sharedSecret(ephemeralKey),
    ownPrekey.sharedSecret(ephemeralKey),
  )
}
