/** Node ids and the distance between them (discv5-theory, "Nodes, Records and Distances"). */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'

/** 32 bytes as hexadecimal digits. */
export type NodeId = string

/** Of the identity scheme v4: the hash of the uncompressed key without its first byte. Throws for a key that is none. */
export function nodeIdOf(publicKey: Uint8Array): NodeId {
  const uncompressed = secp256k1.Point.fromBytes(publicKey).toBytes(false)
  return idFrom(keccak_256(uncompressed.subarray(1)))
}

export function idFrom(bytes: Uint8Array): NodeId {
  return Buffer.from(bytes).toString('hex')
}

export function idBytes(id: NodeId): Buffer {
  return Buffer.from(id, 'hex')
}

/** The ids read as numbers, one XOR the other. */
export function distance(one: NodeId, other: NodeId): bigint {
  return BigInt(`0x${one}`) ^ BigInt(`0x${other}`)
}

/** Bits in which two ids differ, counted from the first that does: 0 for the same, 256 for the farthest. */
export function logDistance(one: NodeId, other: NodeId): number {
  const apart = distance(one, other)
  return apart === 0n ? 0 : apart.toString(2).length
}

/** Puts what is nearer to `target` first. */
export function byDistance(target: NodeId): (one: { id: NodeId }, other: { id: NodeId }) => number {
  return (one, other) => {
    const difference = distance(one.id, target) - distance(other.id, target)
    return difference < 0n ? -1 : Number(difference > 0n)
  }
}
