/** How a description names the key that its private parts are under: 64 digits of the key's id, then the number in its ratchet. */
import type { HashRatchetHeader } from '../encryption/protocol-message.ts'
import { hex } from '../keys.ts'

type Place = Pick<HashRatchetHeader, 'keyId' | 'sequence'>

export function nameOfParts({ keyId, sequence }: Place): string {
  return `${hex(keyId)}${sequence}`
}

/** Reads what `nameOfParts` wrote; undefined where it is none. */
export function placeOfParts(name: string): Place | undefined {
  const [, id, sequence] = /^([0-9a-f]{64})([0-9]{1,10})$/.exec(name) ?? []
  return id && sequence ? { keyId: Buffer.from(id, 'hex'), sequence: Number(sequence) } : undefined
}
