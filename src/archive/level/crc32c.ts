/** CRC-32C (Castagnoli, RFC 3720 B.4), eight bytes at a time: the checksum of LevelDB's files. Pure. */
const polynomial = 0x82f63b78
const lanes = 8

/** By byte, for each of eight positions. */
const tables: readonly Uint32Array[] = makeTables()

function makeTables(): Uint32Array[] {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc
  })
  const made = [first]
  while (made.length < lanes) made.push(made.at(-1)!.map((crc) => (crc >>> 8) ^ first[crc & 0xff]!))
  return made
}

/** The checksum of `bytes`. */
export function crc32c(bytes: Uint8Array): number {
  // There are eight, and every index below is a byte or within `bytes`.
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as unknown as Eight
  const whole = bytes.length - (bytes.length % lanes)
  let crc = ~0
  for (let at = 0; at < whole; at += lanes) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!
  }
  for (let at = whole; at < bytes.length; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}

type Eight = readonly [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
]
