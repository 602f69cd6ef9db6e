/**
 * The certificate of WebRTC, which nobody signs: its hash stands in our addresses (`certhash`), so it is kept over
 * restarts, or addresses that were given out would lead nowhere.
 * https://github.com/libp2p/specs/blob/master/webrtc/webrtc-direct.md
 */
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, systemClock } from '../../core/time.ts'
import { replaceFile } from '../../files/whole-file.ts'
import { selfSigned } from '../acme/der.ts'
import { type CertificateFiles, readCertificate } from '../certificate.ts'
import type { Tls } from '../stack/stack.ts'

const years = 20
const year = 365 * 24 * 3_600_000

/** What the transport takes. */
export interface WebRtcCertificate {
  /** PEM. */
  readonly privateKey: string
  readonly pem: string
  /** The multihash of the certificate (SHA-256), as multibase. */
  readonly certhash: string
}

/** The certificate in `files`; another one, written there, when there is none or it has ended. */
export async function webRtcCertificate(
  files: CertificateFiles,
  clock: Clock = systemClock,
): Promise<WebRtcCertificate> {
  const { key, cert } = (await heldIn(files, clock)) ?? (await write(files, made(clock)))
  return { privateKey: key, pem: cert, certhash: certhashOf(cert) }
}

/** `u`: base64url; 0x12, 0x20: SHA-256, 32 bytes. */
export function certhashOf(pem: string): string {
  const hash = createHash('sha256').update(new X509Certificate(pem).raw).digest()
  return `u${Buffer.concat([Buffer.of(0x12, hash.length), hash]).toString('base64url')}`
}

async function heldIn(files: CertificateFiles, clock: Clock): Promise<Tls | undefined> {
  const held = await readCertificate(files).catch(() => undefined)
  const ends = held === undefined ? 0 : new X509Certificate(held.cert).validToDate.getTime()
  return ends > clock() ? held : undefined
}

function made(clock: Clock): Tls {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = clock()
  const cert = selfSigned('waypost', privateKey, new Date(now - year), new Date(now + years * year))
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert }
}

async function write(files: CertificateFiles, tls: Tls): Promise<Tls> {
  await mkdir(path.dirname(files.keyFile), { recursive: true, mode: 0o700 })
  await replaceFile(files.keyFile, tls.key)
  await replaceFile(files.certificateFile, tls.cert)
  return tls
}
