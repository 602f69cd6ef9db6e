/**
 * Certificates and requests for them as bytes: what Node does not write. DER of X.690, as much of it as X.509 (RFC 5280)
 * and PKCS #10 (RFC 2986) need for one name and a key on P-256.
 */
import { createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'

const tag = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** In DER: 1.2.840.10045.4.3.2, 2.5.4.3, 2.5.29.17, 1.2.840.113549.1.9.14. */
const oid = {
  ecdsaWithSha256: Buffer.from('06082a8648ce3d040302', 'hex'),
  commonName: Buffer.from('0603550403', 'hex'),
  subjectAltName: Buffer.from('0603551d11', 'hex'),
  extensionRequest: Buffer.from('06092a864886f70d01090e', 'hex'),
} as const

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  const digits = length.subarray(length.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.of(tag, 0x80 | digits.length), digits, content])
}

/** A request for a certificate for `domain` (PKCS #10). The name stands where all look for it: in subjectAltName. */
export function certificateRequest(domain: string, key: KeyObject): Buffer {
  const extensions = der(tag.set, der(tag.sequence, alternativeName(domain)))
  const attributes = der(0xa0, der(tag.sequence, oid.extensionRequest, extensions))
  const version = der(tag.integer, Buffer.of(0))
  return signed(der(tag.sequence, version, der(tag.sequence), publicKeyOf(key), attributes), key)
}

/** A certificate for `domain` that its own key signed, good from `from` to `until`, PEM. Nobody trusts it. */
export function selfSigned(domain: string, key: KeyObject, from: Date, until: Date): string {
  const name = der(tag.sequence, der(tag.set, der(tag.sequence, oid.commonName, der(tag.utf8, Buffer.from('waypost')))))
  const bytes = signed(
    der(
      tag.sequence,
      der(0xa0, der(tag.integer, Buffer.of(2))),
      // Below 0x80, or it would be negative.
      der(tag.integer, Buffer.concat([Buffer.of(0x40), randomBytes(15)])),
      der(tag.sequence, oid.ecdsaWithSha256),
      name,
      der(tag.sequence, time(from), time(until)),
      name,
      publicKeyOf(key),
      der(0xa3, der(tag.sequence, alternativeName(domain))),
    ),
    key,
  )
  const lines = bytes.toString('base64').replace(/.{64}/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

function alternativeName(domain: string): Buffer {
  const names = der(tag.sequence, der(0x82, Buffer.from(domain, 'latin1')))
  return der(tag.sequence, oid.subjectAltName, der(tag.octets, names))
}

function time(date: Date): Buffer {
  return der(tag.time, Buffer.from(`${date.toISOString().replace(/[-:T]|\..*/g, '')}Z`))
}

function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' })
}

function signed(content: Buffer, key: KeyObject): Buffer {
  const signature = der(tag.bits, Buffer.of(0), sign('sha256', content, key))
  return der(tag.sequence, content, der(tag.sequence, oid.ecdsaWithSha256), signature)
}
