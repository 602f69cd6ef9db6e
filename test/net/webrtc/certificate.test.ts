import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { webRtcCertificate } from '../../../src/net/webrtc/certificate.ts'
import { needs } from '../../kit/tools.ts'

function filesIn(folder: string) {
  return { keyFile: path.join(folder, 'key.pem'), certificateFile: path.join(folder, 'certificate.pem') }
}

t.test('a certificate is made once, and its hash is that of openssl', async (t) => {
  const openssl = needs(t, 'openssl')
  if (openssl === undefined) return
  const files = filesIn(path.join(t.testdir(), 'webrtc'))
  const made = await webRtcCertificate(files)
  t.same(await webRtcCertificate(files), made)
  t.equal(statSync(files.keyFile).mode & 0o777, 0o600)
  const shown = execFileSync(openssl, ['x509', '-in', files.certificateFile, '-noout', '-fingerprint', '-sha256'])
  const fingerprint = shown.toString().trim().split('=')[1]?.replaceAll(':', '').toLowerCase()
  t.equal(Buffer.from(made.certhash.slice(1), 'base64url').toString('hex'), `1220${fingerprint}`)
})

t.test('another one is made where it has ended, or cannot be read', async (t) => {
  const files = filesIn(t.testdir())
  const first = await webRtcCertificate(files)
  const later = () => Date.now() + 21 * 365 * 24 * 3_600_000
  const second = await webRtcCertificate(files, later)
  t.not(second.certhash, first.certhash)
  writeFileSync(files.certificateFile, 'nonsense')
  t.not((await webRtcCertificate(files)).certhash, second.certhash)
  t.match(readFileSync(files.certificateFile, 'utf8'), /BEGIN CERTIFICATE/)
})
