/**
 * The certificate of the secure WebSocket listener: the operator's own PEM files.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { messageOf, systemCode, WaypostError } from '../core/errors.ts'
import type { Tls } from './stack/stack.ts'

export interface CertificateFiles {
  readonly keyFile: string
  /** The certificate, and after it those that lead to its root. */
  readonly certificateFile: string
}

/** Reads both files. Throws `net/bad-certificate` when one is missing or malformed, or when they are not a pair. */
export async function readCertificate({ keyFile, certificateFile }: CertificateFiles): Promise<Tls> {
  const [key, cert] = await Promise.all([readText(keyFile), readText(certificateFile)])
  const privateKey = parse(keyFile, () => createPrivateKey(key))
  const certificate = parse(certificateFile, () => new X509Certificate(cert))
  if (!certificate.checkPrivateKey(privateKey))
    throw new WaypostError('net/bad-certificate', { file: certificateFile, why: `does not belong to ${keyFile}` })
  return { key, cert }
}

/** When a certificate ends, in seconds since 1970. */
export function expiryOf({ cert }: Pick<Tls, 'cert'>): number {
  return new X509Certificate(cert).validToDate.getTime() / 1000
}

/**
 * True when a certificate is an authority's, and for `name`, which may stand for all names below one: `*.example.org`.
 * Whether the authority is one that others trust is not known.
 */
export function certifies(cert: string, name: string): boolean {
  try {
    const certificate = new X509Certificate(cert)
    return certificate.issuer !== certificate.subject && isFor(certificate, name)
  } catch {
    return false
  }
}

/** True when a certificate is for `name`. */
export function isFor(certificate: X509Certificate, name: string): boolean {
  return certificate.checkHost(name.replace(/^\*\./, 'any.')) !== undefined
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new WaypostError('net/bad-certificate', { file, why: systemCode(error) }, { cause: error })
  }
}

function parse<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    // Without a cause: OpenSSL's errors are known to quote what they could not parse.
    throw new WaypostError('net/bad-certificate', { file, why: messageOf(error) })
  }
}
