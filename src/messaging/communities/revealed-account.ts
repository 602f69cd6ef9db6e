/**
 * The account that a request to join reveals. status-go takes no request without one, proven by a signature: communities
 * look at it for tokens. Ours has none: its key is made for one request and forgotten, so it links a member to nothing.
 */
import { compress, hex, KeyPair, keccak256, type PublicKey, uncompress, userId } from '../keys.ts'
import { communityId } from '../topics.ts'

export interface RevealedAccount {
  /** `0x` and 40 digits. */
  readonly address: string
  readonly signature: Uint8Array
  readonly isAirdropAddress: boolean
}

/** Bytes of an Ethereum address: the end of the digest of a key. */
const addressBytes = 20

/** An account of a new key, for the request of `asker` to `community`. */
export function newRevealedAccount(asker: PublicKey, community: PublicKey): RevealedAccount {
  const pair = KeyPair.generate()
  const signature = personalSignature(pair, provenBy(asker, community))
  return { address: addressOf(pair.publicKey), signature, isAirdropAddress: true }
}

/** What the account has to sign: who asks whom, and the id of the request. */
export function provenBy(asker: PublicKey, community: PublicKey): Uint8Array {
  const request = keccak256(Buffer.from(`${userId(asker)}-${communityId(community)}`))
  return keccak256(compress(asker), compress(community), request)
}

/** The address of a key on Ethereum. */
export function addressOf(key: PublicKey): string {
  // Without the byte that says that the key is whole.
  return `0x${hex(keccak256(uncompress(key).subarray(1)).subarray(-addressBytes))}`
}

/** What a wallet signs when it is asked to sign `message` (EIP-191, version 0x45). */
export function personalDigest(message: Uint8Array): Uint8Array {
  return keccak256(Buffer.from(`\x19Ethereum Signed Message:\n${message.length}`), message)
}

/** As wallets write it: v is 27 or 28. */
function personalSignature(pair: KeyPair, message: Uint8Array): Uint8Array {
  const signature = Uint8Array.from(pair.sign(personalDigest(message)))
  const last = signature.length - 1
  signature[last] = (signature[last] ?? 0) + 27
  return signature
}
