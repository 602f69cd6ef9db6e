import t from 'tap'
import { crc32c } from '../../../src/archive/level/crc32c.ts'

/** RFC 3720, B.4, and the check value of the catalogue of CRCs. */
const vectors = [
  { id: 'nothing', bytes: Buffer.alloc(0), crc: 0 },
  { id: 'digits', bytes: Buffer.from('123456789'), crc: 0xe3069283 },
  { id: 'zeros', bytes: Buffer.alloc(32), crc: 0x8a9136aa },
  { id: 'ones', bytes: Buffer.alloc(32, 0xff), crc: 0x62a8ab43 },
  { id: 'increasing', bytes: Buffer.from(Array.from({ length: 32 }, (_, byte) => byte)), crc: 0x46dd794e },
]

for (const { id, bytes, crc } of vectors) {
  t.test(`the checksum of ${id} is that of RFC 3720`, async (t) => t.equal(crc32c(bytes), crc))
}
