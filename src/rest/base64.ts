/** Base64 as nwaku has it: the standard alphabet, always padded. Base64url is refused. */
import { WaypostError } from '../core/errors.ts'

const form = /^[A-Za-z0-9+/]*={0,2}$/

/** The bytes that `text` spells. Throws `rest/bad-base64`. */
export function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  // Node passes over what is not of the alphabet, and takes base64url too.
  if (text.length % 4 !== 0 || !form.test(text) || bytes.length !== bytesIn(text))
    throw new WaypostError('rest/bad-base64', {})
  return bytes
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

function bytesIn(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return (text.length / 4) * 3 - padding
}
