/** Each check against the fault itself, made for real, and against the same thing whole. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ClassicLevel } from 'classic-level'
import t, { type Test } from 'tap'
import { openLevel } from '../../../src/archive/level/level.ts'
import { encodeSchema } from '../../../src/archive/level/schema.ts'
import { checkBrowsers, checkCertificate } from '../../../src/cli/doctor/certificate.ts'
import type { Finding } from '../../../src/cli/doctor/check.ts'
import { checkDatabase, checkDisk, checkKey, checkModes } from '../../../src/cli/doctor/files.ts'
import { checkClock, checkMemory, checkVersion } from '../../../src/cli/doctor/machine.ts'
import { checkAddresses, checkPorts } from '../../../src/cli/doctor/ports.ts'
import { checkHealth, checkPeer } from '../../../src/cli/doctor/running.ts'
import { findRunningNode } from '../../../src/cli/doctor/running-node.ts'
import { version } from '../../../src/cli/version.ts'
import { resolveSettings } from '../../../src/settings/resolve.ts'
import { Authority } from '../../kit/authority.ts'
import { daemon } from '../../kit/daemon.ts'
import { environment } from '../../kit/environment.ts'
import { host } from '../../kit/host.ts'
import { standIn } from '../../kit/nwaku-rest.ts'
import { needs } from '../../kit/tools.ts'
import { allWell, examined, levels, trouble } from './kit.ts'

/** A data folder with a key and a token, as a node leaves it. */
function dataFolder(t: Test): string {
  const folder = path.join(t.testdir(), 'data')
  mkdirSync(folder, { mode: 0o700 })
  writeFileSync(path.join(folder, 'node.key'), `${'1'.repeat(64)}\n`, { mode: 0o600 })
  writeFileSync(path.join(folder, 'rest.token'), 'secret-secret-secret\n', { mode: 0o600 })
  return folder
}

t.test('a file that is open to others is named, and the advice mends it', async (t) => {
  const folder = dataFolder(t)
  const configFile = path.join(folder, 'waypost.toml')
  writeFileSync(configFile, '', { mode: 0o600 })
  const looked = examined([`--data-dir=${folder}`, `--config-file=${configFile}`])
  await allWell(t, checkModes, looked)
  for (const [file, mode] of [
    ['node.key', 0o644],
    ['rest.token', 0o640],
    ['waypost.toml', 0o666],
    ['.', 0o777],
  ] as const) {
    chmodSync(path.join(folder, file), mode)
    const { level, says, advice = '' } = await trouble(t, checkModes, looked)
    t.equal(level, 'fail')
    t.match(says, path.join(folder, file))
    t.match(advice, /^chmod \d+ /)
    execFileSync('sh', ['-c', advice])
    await allWell(t, checkModes, looked)
  }
})

t.test('a key that is none is told of without its text', async (t) => {
  const folder = dataFolder(t)
  const looked = examined([`--data-dir=${folder}`])
  await allWell(t, checkKey, looked)
  writeFileSync(path.join(folder, 'node.key'), 'half-a-key')
  const { level, says } = await trouble(t, checkKey, looked)
  t.equal(level, 'fail')
  t.notMatch(says, 'half-a-key')
})

t.test('a port that is taken is told of with the process that has it', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const flags = ['--tcp-port=0', '--rest-address=127.0.0.1', `--rest-port=${port}`]
  const { level, says } = await trouble(t, checkPorts, examined(flags))
  t.equal(level, 'fail')
  t.match(says, new RegExp(`^rest-port ${port} is taken by .* \\(process ${process.pid}\\)$`))
  server.close()
  await once(server, 'close')
  await allWell(t, checkPorts, examined(flags))
  const { says: foreign } = await trouble(t, checkPorts, examined([...flags, '--rest-address=192.0.2.77']))
  t.match(foreign, /EADDRNOTAVAIL/)
})

t.test('a certificate is looked through: pair, end, chain, name', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const authority = new Authority(t.testdir())
  const name = 'node.example.org'
  const looked = ({ keyFile, certificateFile }: ReturnType<Authority['issue']>, ...more: readonly string[]) =>
    examined([
      '--websocket-secure-support',
      `--websocket-secure-key-path=${keyFile}`,
      `--websocket-secure-cert-path=${certificateFile}`,
      ...more,
    ])
  const named = `--dns4-domain-name=${name}`
  const whole = authority.issue({ name, days: 90 })
  await allWell(t, checkCertificate, looked(whole, named))
  await allWell(t, checkBrowsers, looked(whole, named))
  t.match(await trouble(t, checkCertificate, looked(authority.issue({ name, days: -1 }), named)), {
    level: 'fail',
    says: /^it ended on \d{4}-/,
  })
  t.match(await trouble(t, checkCertificate, looked(authority.issue({ name, days: 3 }), named)), {
    level: 'warn',
    says: /\((2|3) days\)$/,
  })
  t.match(await trouble(t, checkCertificate, looked(authority.issue({ name, days: 90, withChain: false }), named)), {
    level: 'warn',
    advice: /fullchain/,
  })
  t.match(await trouble(t, checkCertificate, looked(authority.issue({ name: 'other.example.org', days: 90 }), named)), {
    level: 'fail',
    says: /not for node\.example\.org .* but for DNS:other\.example\.org/,
  })
  t.match(await trouble(t, checkCertificate, looked(whole)), { level: 'warn', advice: /--dns4-domain-name/ })
  const foreign = { ...whole, keyFile: authority.issue({ name, days: 90 }).keyFile }
  t.match(await trouble(t, checkCertificate, looked(foreign, named)), { level: 'fail', says: /does not belong/ })
})

t.test('a certificate of AutoTLS is to be for names at its service', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const folder = t.testdir()
  const authority = new Authority(folder)
  const dataDir = path.join(folder, 'data')
  mkdirSync(path.join(dataDir, 'acme'), { recursive: true })
  const looked = (name: string) => {
    const issued = authority.issue({ name, days: 90 })
    cpSync(issued.keyFile, path.join(dataDir, 'acme', 'auto-tls.key.pem'))
    cpSync(issued.certificateFile, path.join(dataDir, 'acme', 'auto-tls.pem'))
    return examined(['--auto-tls', '--acme-agree-terms', `--data-dir=${dataDir}`])
  }
  await allWell(t, checkCertificate, looked('*.k5.libp2p.direct'))
  await allWell(t, checkBrowsers, looked('*.k5.libp2p.direct'))
  t.match(await trouble(t, checkCertificate, looked('node.example.org')), {
    level: 'fail',
    says: /not for names below libp2p\.direct, but for DNS:node\.example\.org/,
  })
})

t.test('who serves browsers is told what they need', async (t) => {
  await allWell(t, checkBrowsers, examined([]))
  t.match(await trouble(t, checkBrowsers, examined(['--websocket-support'])), { level: 'warn', says: /^plain ws/ })
  await allWell(t, checkBrowsers, examined(['--websocket-support', '--ext-multiaddr=/dns4/a.example/tcp/443/wss']))
})

t.test(
  'an archive that is damaged, of a later release or in use does not open, and one that is whole does',
  async (t) => {
    const folder = dataFolder(t)
    const looked = examined([`--data-dir=${folder}`, '--store'])
    await allWell(t, checkDatabase, looked)
    t.notOk(existsSync(path.join(folder, 'archive')), 'and nothing was made')
    const archive = path.join(folder, 'archive')
    const held = await openLevel({ folder: archive })
    t.match(await trouble(t, checkDatabase, looked), { level: 'fail', says: /in use by another process/ })
    await held.close()
    await allWell(t, checkDatabase, looked)
    const catalog = path.join(archive, 'catalog')
    const database = new ClassicLevel<Buffer, Buffer>(catalog, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    await database.put(Buffer.of(0), encodeSchema(99))
    await database.close()
    t.match(await trouble(t, checkDatabase, looked), { level: 'fail', says: /schema 99/ })
    rmSync(path.join(catalog, 'CURRENT'))
    t.match(await trouble(t, checkDatabase, looked), { level: 'fail', says: /CURRENT is missing/, advice: /backup/ })
  },
)

/** A disk of 1 GiB in memory; undefined where this user may not mount. */
function smallDisk(t: Test): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'waypost-disk-'))
  t.teardown(() => rmdirSync(folder))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1g', 'tmpfs', folder]).status !== 0) return undefined
  t.teardown(() => execFileSync('umount', [folder]))
  return folder
}

t.test('a disk that is nearly full is told of', async (t) => {
  const small = smallDisk(t)
  if (small === undefined) return t.plan(0, 'needs the right to mount')
  const flags = [`--data-dir=${path.join(small, 'not', 'there', 'yet')}`, '--store']
  await allWell(t, checkDisk, examined(flags))
  t.match(await trouble(t, checkDisk, examined([...flags, '--store-message-retention-policy=size:2GB'])), {
    level: 'warn',
    says: /keeps up to 2\.0 GiB, the disk has 1\.0 GiB/,
  })
  execFileSync('fallocate', ['-l', '700M', path.join(small, 'filler')])
  t.match(await trouble(t, checkDisk, examined(flags)), { level: 'warn' })
  execFileSync('fallocate', ['-l', '1000M', path.join(small, 'filler')])
  t.match(await trouble(t, checkDisk, examined(flags)), { level: 'fail', advice: /retention-policy/ })
})

t.test('memory and open files are held against what the settings let in', async (t) => {
  t.same(levels(await checkMemory(examined(['--max-connections=1']))), ['ok'])
  t.match(await trouble(t, checkMemory, examined(['--max-connections=100000'])), { level: 'warn' })
  const prlimit = needs(t, 'prlimit')
  if (prlimit === undefined) return
  const withFiles = async (files: number): Promise<Finding> => {
    const argv = [
      `--nofile=${files}:${files}`,
      process.execPath,
      'bin/waypost.js',
      'doctor',
      `--data-dir=${t.testdir()}`,
    ]
    const child = spawn(prlimit, [...argv, '--tcp-port=0', '--rest-port=0', '--json'], { env: environment() })
    const [text] = await Promise.all([child.stdout.toArray(), once(child, 'close')])
    const { findings } = JSON.parse(Buffer.concat(text).toString()) as { findings: (Finding & { check: string })[] }
    return findings.find(({ check }) => check === 'open files') ?? { level: 'skip', says: 'not checked' }
  }
  t.match(await withFiles(256), { level: 'fail', advice: /ulimit -n 1700/ })
  t.match(await withFiles(1024), { level: 'warn' })
  t.match(await withFiles(4096), { level: 'ok' })
})

/** A node as far as the checks ask, with these metrics. */
async function told(t: Test, metrics: string, health: object = { nodeHealth: 'READY', protocolsHealth: [] }) {
  const { url } = await standIn(t, ({ url }) => {
    if (url === '/health') return [200, JSON.stringify(health)]
    if (url === '/version') return [200, version]
    return url === '/metrics' ? [200, metrics] : undefined
  })
  return await findRunningNode(resolveSettings({}).settings, url)
}

t.test('a clock that is off is told of, by the running node and by the system', async (t) => {
  const offset = (seconds: number) => told(t, `waypost_clock_offset_seconds ${seconds}\n`)
  const folder = t.testdir({ timedatectl: '#!/bin/sh\necho "$NTP"\n' })
  chmodSync(path.join(folder, 'timedatectl'), 0o755)
  const before = { ...process.env }
  t.teardown(() => Object.assign(process.env, before))
  Object.assign(process.env, { PATH: `${folder}:${before.PATH}`, NTP: 'yes' })
  await allWell(t, checkClock, examined([], { node: await offset(-0.5) }))
  t.match(await trouble(t, checkClock, examined([], { node: await offset(-5) })), { level: 'warn' })
  t.match(await trouble(t, checkClock, examined([], { node: await offset(25) })), {
    level: 'fail',
    says: /^25\.0 s off/,
  })
  process.env.NTP = 'no'
  t.match(await trouble(t, checkClock, examined([])), { level: 'warn', says: 'not kept by NTP' })
  process.env.PATH = t.testdir()
  t.same(levels(await checkClock(examined([]))), ['skip'], 'a system that does not tell')
})

t.test('another version that runs is told of', async (t) => {
  const node = await told(t, '')
  await allWell(t, checkVersion, examined([], { node }))
  const old = node && { ...node, snapshot: { ...node.snapshot, version: '0.0.1' } }
  t.match(await trouble(t, checkVersion, examined([], { node: old })), { says: /is version 0\.0\.1$/ })
})

t.test('a running node is asked how it is', async (t) => {
  const ready = { nodeHealth: 'READY', protocolsHealth: [{ Relay: 'READY' }] }
  await allWell(t, checkHealth, examined([], { node: await told(t, '', ready) }))
  const degraded = { ...ready, protocolsHealth: [{ Store: 'NOT_READY', desc: 'archive degraded: disk full' }] }
  t.match(await trouble(t, checkHealth, examined([], { node: await told(t, '', degraded) })), {
    level: 'warn',
    says: 'Store is not ready: archive degraded: disk full',
  })
  const starting = { nodeHealth: 'INITIALIZING', protocolsHealth: [] }
  t.match(await trouble(t, checkHealth, examined([], { node: await told(t, '', starting) })), { level: 'fail' })
  t.same(levels(await checkHealth(examined([]))), ['skip'], 'no node runs')
})

t.test('each announced address is tried', async (t) => {
  const announced = async (...flags: readonly string[]) => {
    const { restUrl } = await daemon(t, { flags })
    return examined([], { node: await findRunningNode(resolveSettings({}).settings, restUrl) })
  }
  const whole = await checkAddresses(await announced())
  t.match(whole[0], { level: 'ok', says: /^\/ip4\/127\.0\.0\.1\/tcp\/\d+ takes connections$/ })
  t.match(whole.at(-1), { level: 'warn', says: /^no public address/ })
  const broken = await checkAddresses(await announced('--ext-multiaddr=/ip4/127.0.0.1/tcp/1'))
  t.match(
    broken.filter(({ level }) => level === 'fail'),
    [{ says: '/ip4/127.0.0.1/tcp/1 cannot be reached from here (ECONNREFUSED)' }],
  )
})

t.test('another node is asked what it sees, when it is named', async (t) => {
  const { addresses } = await host(t)
  t.same(await checkPeer(examined([])), [], 'and nobody otherwise')
  const seen = await checkPeer(examined([], { peer: String(addresses()[0]) }))
  t.same(levels(seen), ['ok', 'ok'])
  t.match(seen[1], { says: 'it sees us come from 127.0.0.1' })
  const peer = String(addresses()[0]).replace(/\/tcp\/\d+/, '/tcp/1')
  t.match(await trouble(t, checkPeer, examined([], { peer })), { level: 'fail', says: /^no Waku node answers/ })
})
