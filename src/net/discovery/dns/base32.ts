/** Base32 of RFC 4648 without padding, in which trees of node records write keys and hashes (EIP-1459). */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const bitsPerDigit = 5

export function toBase32(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = ((held & 0x1f) << 8) | byte
    bits += 8
    for (; bits >= bitsPerDigit; bits -= bitsPerDigit) text += alphabet[(held >> (bits - bitsPerDigit)) & 0x1f]
  }
  return bits === 0 ? text : text + alphabet[(held << (bitsPerDigit - bits)) & 0x1f]
}

/** The bytes that `text` stands for, bits beyond the last whole byte left out; undefined when it is not base32. */
export function fromBase32(text: string): Uint8Array | undefined {
  const bytes: number[] = []
  let held = 0
  let bits = 0
  for (const digit of text) {
    const value = alphabet.indexOf(digit)
    if (value === -1) return undefined
    held = ((held & 0xff) << bitsPerDigit) | value
    bits += bitsPerDigit
    if (bits < 8) continue
    bits -= 8
    bytes.push((held >> bits) & 0xff)
  }
  return Uint8Array.from(bytes)
}
