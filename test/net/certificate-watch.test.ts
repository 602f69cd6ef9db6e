import { copyFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type CertificateFiles, readCertificate } from '../../src/net/certificate.ts'
import { CertificateWatch } from '../../src/net/certificate-watch.ts'
import type { Tls } from '../../src/net/stack/stack.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { selfSigned } from '../kit/certificate.ts'
import { ManualSchedule } from '../kit/schedule.ts'
import { needs } from '../kit/tools.ts'

/** A watch over a pair of files, what it serves, what it says, and a look when the test wants one. */
async function watched(t: Test) {
  const folder = t.testdir()
  const [files, other] = [selfSigned(folder, 'one'), selfSigned(folder, 'other')] as const
  const served: Tls[] = []
  const said: string[] = []
  const waits = new ManualSchedule()
  const watch = new CertificateWatch({
    files,
    held: await readCertificate(files),
    renew: (tls) => served.push(tls),
    log: createLog({
      level: 'info',
      format: 'json',
      destination: { write: (line) => said.push(JSON.parse(line).msg) },
    }),
    schedule: waits.schedule,
  })
  t.teardown(() => watch[Symbol.asyncDispose]())
  const look = async (): Promise<void> => {
    ;(await waits.next()).run()
    await waits.next()
  }
  return { files, other, served, said, look, watch }
}

function copy(from: CertificateFiles, to: CertificateFiles): void {
  copyFileSync(from.certificateFile, to.certificateFile)
  copyFileSync(from.keyFile, to.keyFile)
}

t.test('a pair that is there for two looks is taken, once', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const { files, other, served, said, look, watch } = await watched(t)
  await look()
  t.same(served, [], 'nothing has changed')
  copy(other, files)
  await look()
  t.same(served, [], 'it may still be written')
  await look()
  await look()
  t.same(served, [await readCertificate(other)])
  t.same(said, ['certificate renewed'])
  t.ok(watch.holds(await readCertificate(other)))
})

t.test('half of a renewal is waited over, and what stays broken is told of once', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const { files, other, served, said, look } = await watched(t)
  copyFileSync(other.keyFile, files.keyFile)
  await look()
  copyFileSync(other.certificateFile, files.certificateFile)
  await look()
  await look()
  t.equal(served.length, 1)
  t.same(said, ['certificate renewed'], 'the half was no trouble')
  writeFileSync(files.certificateFile, 'broken')
  for (let looks = 0; looks < 4; looks++) await look()
  t.same(said.slice(1), ['certificate on disk is not usable, the one in use is kept'])
  t.equal(served.length, 1)
})
