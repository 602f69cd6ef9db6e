import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { connect } from 'node:tls'
import t, { type Test } from 'tap'
import { Challenges } from '../../../src/net/acme/challenges.ts'
import { CertificateKeeper, type KeeperParts, standIn } from '../../../src/net/acme/keeper.ts'
import { readCertificate } from '../../../src/net/certificate.ts'
import { silentLog } from '../../../src/telemetry/log.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { type AcmeOptions, type AcmeServer, acmeServer } from '../../kit/acme.ts'
import { daemon } from '../../kit/daemon.ts'
import { freePort } from '../../kit/free-port.ts'
import { needs } from '../../kit/tools.ts'

const domain = 'node.example'
const day = 24 * 3_600_000

interface Trial {
  readonly authority: AcmeServer
  readonly files: KeeperParts['files']
  readonly accountKeyFile: string
  readonly keeper: CertificateKeeper
  readonly failures: () => Promise<number | undefined>
  /** Settles with the wait until the next look, which `run` begins. */
  readonly next: () => Promise<{ readonly wait: number; run(): void }>
}

async function keep(t: Test, options: Partial<AcmeOptions> = {}, parts: Partial<KeeperParts> = {}): Promise<Trial> {
  const port = await freePort()
  const authority = await acmeServer(t, { challengePort: () => port, ...options })
  const folder = path.join(t.testdirName, 'acme')
  const files = { keyFile: path.join(folder, 'key.pem'), certificateFile: path.join(folder, 'certificate.pem') }
  const accountKeyFile = path.join(folder, 'account.pem')
  await standIn({ domain, files })
  const metrics = createMetrics()
  let due = Promise.withResolvers<{ wait: number; run(): void }>()
  const keeper = new CertificateKeeper({
    domain,
    directoryUrl: authority.directoryUrl,
    files,
    accountKeyFile,
    prove: () => Challenges.open({ address: '127.0.0.1', port }),
    metrics,
    log: silentLog(),
    schedule: (run, wait) => {
      due.resolve({ wait, run })
      return () => {}
    },
    random: () => 0,
    pollInterval: 20,
    ...parts,
  })
  t.teardown(() => keeper[Symbol.asyncDispose]())
  const next = async () => {
    const found = await due.promise
    due = Promise.withResolvers()
    return found
  }
  const failures = async () => (await metrics.waypost_acme_failures.get()).values[0]?.value
  return { authority, files, accountKeyFile, keeper, failures, next }
}

t.test('a certificate is ordered, proved and kept for its owner alone, and looked at again in time', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const { authority, files, accountKeyFile, failures, next } = await keep(t, { days: 90 }, { email: 'me@node.example' })
  const { wait } = await next()
  t.equal(wait, day, 'it is looked again every day')
  const { cert } = await readCertificate(files)
  t.ok(new X509Certificate(cert).checkHost(domain))
  t.equal(cert.match(/BEGIN CERTIFICATE/g)?.length, 2, 'with its chain')
  t.equal(await failures(), 0)
  t.same(authority.contacts, ['mailto:me@node.example'])
  for (const file of [files.keyFile, accountKeyFile]) t.equal(statSync(file).mode & 0o777, 0o600, file)
})

t.test(
  'it is renewed with a third of its time left, with another key and the same account, and not before',
  async (t) => {
    if (needs(t, 'openssl') === undefined) return
    let now = Date.now()
    const { authority, files, accountKeyFile, next } = await keep(t, { days: 90 }, { clock: () => now })
    const [account, first] = [(await next()).run, await readCertificate(files)]
    const kept = readFileSync(accountKeyFile, 'utf8')
    now += 59 * day
    account()
    const { run } = await next()
    t.equal((await readCertificate(files)).cert, first.cert)
    now += 2 * day
    run()
    await next()
    const second = await readCertificate(files)
    t.not(second.cert, first.cert)
    t.not(second.key, first.key)
    t.equal(readFileSync(accountKeyFile, 'utf8'), kept)
    t.equal(authority.asked.filter((path) => path === '/finalize').length, 2)
  },
)

t.test('a nonce that the authority forgot is replaced', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const { failures, next } = await keep(t, { staleNonce: true })
  await next()
  t.equal(await failures(), 0)
})

t.test('a refusal keeps what there is, is counted, and is tried again later and later', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const { authority, files, failures, next } = await keep(t, { refuses: 'rateLimited' })
  const held = await readCertificate(files)
  const { wait, run } = await next()
  t.ok(wait >= 450_000 && wait <= 900_000, String(wait))
  t.equal(await failures(), 1)
  t.same(await readCertificate(files), held)
  run()
  t.ok((await next()).wait >= 900_000)
  t.equal(await failures(), 2)
  t.notOk(authority.asked.includes('/finalize'))
})

t.test('an order waits for what it lacks, without counting as a failure, and is made once that is there', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  let missing: string | undefined = 'no address'
  const { authority, keeper, failures, next } = await keep(t, {}, { missing: () => missing })
  const { wait } = await next()
  t.equal(wait, day)
  t.equal(keeper.trouble, 'no address')
  t.equal(await failures(), 0)
  keeper.lookAgain()
  t.same(authority.asked, [], 'it is not there yet')
  missing = undefined
  keeper.lookAgain()
  const again = await next()
  t.equal(again.wait, 0)
  again.run()
  await next()
  t.equal(keeper.trouble, undefined)
  t.ok(authority.asked.includes('/finalize'))
})

t.test('an authority cannot send the node to another server of its machine', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const inner = await acmeServer(t, { challengePort: () => 1 })
  const { authority, failures, keeper, next } = await keep(t, {
    ordersAt: inner.directoryUrl.replace('directory', 'order'),
  })
  await next()
  t.equal(await failures(), 1)
  t.match(keeper.trouble, /neither its own nor https/)
  t.same(inner.asked, [])
  t.same(authority.asked, ['/account'], 'control: it was asked itself')
})

t.test('a name that leads elsewhere is a failure with the reason', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const elsewhere = await freePort()
  const { failures, next } = await keep(t, { challengePort: () => elsewhere })
  await next()
  t.equal(await failures(), 1)
})

t.test('an account key that is none is a failure, and is not overwritten', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const { accountKeyFile, files, failures, next } = await keep(t)
  const { run } = await next()
  writeFileSync(accountKeyFile, 'nonsense')
  await standIn({ domain, files: { ...files, keyFile: `${files.keyFile}.none` } })
  run()
  await next()
  t.equal(readFileSync(accountKeyFile, 'utf8'), 'nonsense')
  t.equal(await failures(), 1)
})

t.test('openssl reads the certificate that stands in until there is one', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const folder = t.testdir()
  const files = { keyFile: path.join(folder, 'key.pem'), certificateFile: path.join(folder, 'certificate.pem') }
  await standIn({ domain, files })
  const shown = execFileSync('openssl', ['x509', '-in', files.certificateFile, '-noout', '-text']).toString()
  t.match(shown, `DNS:${domain}`)
  t.match(execFileSync('openssl', ['verify', '-CAfile', files.certificateFile, files.certificateFile]).toString(), 'OK')
})

t.test(
  'a node opens its port with a certificate that stands in, and serves the ordered one without a restart',
  async (t) => {
    if (needs(t, 'openssl') === undefined) return
    const port = await freePort()
    const authority = await acmeServer(t, { challengePort: () => port })
    const node = await daemon(t, {
      flags: [
        `--acme-domain=${domain}`,
        '--acme-agree-terms=true',
        `--acme-directory-url=${authority.directoryUrl}`,
        `--acme-http-port=${port}`,
      ],
    })
    t.match(node.ws, /^\/dns4\/node\.example\/tcp\/\d+\/wss\/p2p\//)
    await node.line(({ msg }) => msg === 'certificate renewed')
    const wss = Number(/tcp\/(\d+)\/wss/.exec(node.ws)?.[1])
    const ca = readFileSync(authority.rootFile)
    const socket = connect({ host: '127.0.0.1', port: wss, servername: domain, ca })
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    t.ok(socket.authorized, 'who trusts the authority trusts the node')
    socket.destroy()
  },
)
