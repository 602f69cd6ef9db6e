/**
 * Bundles: the prekeys of a person's devices, signed by the person, so that others can begin a session while the person is away.
 * One is attached to every message, with a fresh timestamp.
 */
import { WaypostError } from '../../core/errors.ts'
import { compress, type KeyPair, keccak256, keyOrNone, type PublicKey, recoverSigner, sameBytes } from '../keys.ts'
import type { DraftOf } from '../schema.ts'
import type { Bundle, bundle, SignedPrekey } from './protocol-message.ts'

/** Devices of one person that others write to (status-go). */
export const maxDevices = 3

/** What a prekey's `protocolVersion` is: below 1 peers do not use the negotiated topic. */
export const prekeyProtocolVersion = 1

type Signed = Pick<Bundle, 'prekeys' | 'timestamp'>

/**
 * What a bundle's signature is over, before keccak-256: of each device, sorted by the bytes of its id, that id, the prekey and
 * its version in decimal; then the timestamp in decimal, where there is one (53/WAKU2-X3DH leaves it out; status-go has it).
 */
export function signedMaterial({ prekeys, timestamp }: Signed): Uint8Array {
  const devices = [...prekeys].map(([id, prekey]) => ({ id: Buffer.from(id), prekey }))
  const parts = devices
    .toSorted((one, other) => Buffer.compare(one.id, other.id))
    .flatMap(({ id, prekey }) => [id, prekey.key, Buffer.from(String(prekey.version))])
  return Buffer.concat(timestamp === 0n ? parts : [...parts, Buffer.from(String(timestamp))])
}

/** The bundle of a person at `timestamp` (nanoseconds). Throws `bundle/too-many-devices`. */
export function signBundle(
  identity: KeyPair,
  prekeys: ReadonlyMap<string, SignedPrekey>,
  timestamp: bigint,
): DraftOf<typeof bundle> {
  if (prekeys.size > maxDevices)
    throw new WaypostError('bundle/too-many-devices', { count: prekeys.size, limit: maxDevices })
  const signature = identity.sign(keccak256(signedMaterial({ prekeys, timestamp })))
  return { identity: identity.publicKey, prekeys, timestamp, signature }
}

/** What may be thought of a bundle. Only a sound one is kept. */
export type BundleVerdict = 'sound' | 'of-another' | 'forged' | 'malformed'

/** Judges the bundle that came with a message of `sender`. What is new in it, `DeviceList` knows. */
export function judgeBundle(candidate: Bundle, sender: PublicKey): BundleVerdict {
  if (!sameBytes(candidate.identity, compress(sender))) return 'of-another'
  if (candidate.prekeys.size === 0 || [...candidate.prekeys.values()].some(({ key }) => !keyOrNone(key)))
    return 'malformed'
  const signer = recoverSigner(keccak256(signedMaterial(candidate)), candidate.signature)
  return signer !== undefined && sameBytes(compress(signer), candidate.identity) ? 'sound' : 'forged'
}
