/** A certificate authority for tests, made for the run by openssl, and certificates of its making. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { CertificateFiles } from '../../src/net/certificate.ts'

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' })
}

export interface IssueOptions {
  /** Its DNS name. */
  readonly name: string
  /** From now; below 0 it has ended already. */
  readonly days: number
  /** Without it the file holds the certificate alone. */
  readonly withChain?: boolean
}

export class Authority {
  readonly #folder: string
  #issued = 0

  constructor(folder: string) {
    this.#folder = folder
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-days',
      '30',
      '-subj',
      '/CN=test',
      '-keyout',
      this.#at('ca.key'),
      '-out',
      this.#at('ca.pem'),
    )
  }

  /** Its own certificate. */
  get file(): string {
    return this.#at('ca.pem')
  }

  issue({ name, days, withChain = true }: IssueOptions): CertificateFiles {
    const [keyFile, request, certificateFile, extensions] = ['key', 'csr', 'pem', 'ext'].map((ending) =>
      this.#at(`${this.#issued}.${ending}`),
    ) as [string, string, string, string]
    this.#issued += 1
    writeFileSync(extensions, `subjectAltName=DNS:${name}`)
    openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', request)
    const signed = ['-in', request, '-CA', this.#at('ca.pem'), '-CAkey', this.#at('ca.key'), '-CAcreateserial']
    openssl('x509', '-req', ...signed, '-days', String(days), '-extfile', extensions, '-out', certificateFile)
    if (withChain)
      writeFileSync(certificateFile, readFileSync(certificateFile, 'utf8') + readFileSync(this.#at('ca.pem'), 'utf8'))
    return { keyFile, certificateFile }
  }

  #at(file: string): string {
    return path.join(this.#folder, file)
  }
}
