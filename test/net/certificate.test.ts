import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import type { Multiaddr } from '@multiformats/multiaddr'
import t, { type Test } from 'tap'
import { readCertificate } from '../../src/net/certificate.ts'
import { selfSigned } from '../kit/certificate.ts'
import { host } from '../kit/host.ts'
import { needs } from '../kit/tools.ts'
import { portOf } from '../kit/victim.ts'

const listen = { address: '127.0.0.1', tcpPort: 0, websocket: { port: 0, secure: true } }

t.test('a certificate is served over wss, and another from the moment it is renewed', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const folder = t.testdir()
  const [first, second] = await Promise.all(
    ['first', 'second'].map((name) => readCertificate(selfSigned(folder, name))),
  )
  if (first === undefined || second === undefined) return t.fail('no certificates')
  const { addresses, renewCertificate } = await host(t, { listen, tls: first })
  const wss = addresses()[1]
  if (wss === undefined) return t.fail('no wss listener')
  t.match(wss.toString(), /^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/wss\/p2p\//)
  const before = await upgraded(t, wss)
  renewCertificate(second)
  const after = await upgraded(t, wss)
  t.not(before.getPeerCertificate().fingerprint256, after.getPeerCertificate().fingerprint256)
  t.notOk(before.destroyed, 'who was connected stays')
})

t.test('a missing, malformed or foreign file is named', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const folder = t.testdir()
  const [one, other] = [selfSigned(folder, 'one'), selfSigned(folder, 'other')]
  const missing = path.join(folder, 'missing.pem')
  const garbage = path.join(folder, 'garbage.pem')
  writeFileSync(garbage, 'not a key')
  const wrong = [
    { keyFile: missing, certificateFile: one.certificateFile, named: missing },
    { keyFile: garbage, certificateFile: one.certificateFile, named: garbage },
    { keyFile: one.keyFile, certificateFile: garbage, named: garbage },
    { keyFile: one.keyFile, certificateFile: other.certificateFile, named: other.certificateFile },
  ]
  for (const { named, ...files } of wrong)
    await t.rejects(readCertificate(files), { code: 'net/bad-certificate', data: { file: named } })
  await t.resolves(readCertificate(one), 'a pair that fits')
})

/** A TLS connection that has become a WebSocket. */
async function upgraded(t: Test, address: Multiaddr): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: portOf(address), rejectUnauthorized: false })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.match(answer.toString('latin1'), /^HTTP\/1\.1 101 /)
  return socket
}
