/**
 * Who stays when an admin removes somebody. A member may have let in others, and who is removed could say so afterwards under an
 * early clock: no device can tell. So a removal of ours names whom the admin knows, by tags in the field of the picture. A
 * removal has none, and status-go does not look there.
 */
import { hash } from 'node:crypto'

const version = 1
const tagBytes = 16

function tagOf(id: string): Buffer {
  return hash('sha256', id, 'buffer').subarray(0, tagBytes)
}

export function encodeStayers(ids: Iterable<string>): Uint8Array {
  return Buffer.concat([Buffer.of(version), ...[...ids].map(tagOf)])
}

/** Whether a removal with this in it lets an id stay; undefined when it does not say. */
export function stayersOf(image: Uint8Array): ((id: string) => boolean) | undefined {
  if (image[0] !== version || image.length % tagBytes !== 1) return undefined
  const tags = Buffer.from(image.subarray(1)).toString('hex').match(/.{32}/g)
  const named = new Set(tags)
  return (id) => named.has(tagOf(id).toString('hex'))
}
