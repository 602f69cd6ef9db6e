/** Certificates for tests, made for the run by openssl. */
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import type { CertificateFiles } from '../../src/net/certificate.ts'

/** A certificate for `localhost` that its own key signed. Its files are named after `name`. */
export function selfSigned(folder: string, name = 'localhost'): CertificateFiles {
  const keyFile = path.join(folder, `${name}.key.pem`)
  const certificateFile = path.join(folder, `${name}.pem`)
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync('openssl', [...request, ...names, '-keyout', keyFile, '-out', certificateFile], { stdio: 'ignore' })
  return { keyFile, certificateFile }
}
