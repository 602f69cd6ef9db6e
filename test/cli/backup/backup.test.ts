/** Backups: made, checked, damaged in every part, restored, and killed in the middle. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { type BackupParts, createBackup } from '../../../src/cli/backup/create.ts'
import { openManifest, signManifest } from '../../../src/cli/backup/manifest.ts'
import { restoreBackup } from '../../../src/cli/backup/restore.ts'
import { Sealer } from '../../../src/cli/backup/seal.ts'
import { verifyBackup } from '../../../src/cli/backup/verify.ts'
import { openClosed } from '../../../src/cli/store-access.ts'
import { isWaypostError } from '../../../src/core/errors.ts'
import { newNodeKey, nodeKey, readNodeKey } from '../../../src/net/identity.ts'
import { resolveSettings } from '../../../src/settings/resolve.ts'
import { envelopes, hashes, inOrder } from '../../archive/kit.ts'
import { environment } from '../../kit/environment.ts'
import { closedFolder } from '../store-kit.ts'

const { signal } = new AbortController()
const settingsOf = (folder: string) => resolveSettings({ argv: [`--data-dir=${folder}`] }).settings
const token = 'the-token-of-a-test'

interface Made {
  readonly folder: string
  readonly data: string
  readonly stored: readonly string[]
}

/** A node that does not run, and a backup of it. */
async function made(t: Test, more: Partial<BackupParts> = {}, count = 1200): Promise<Made> {
  const stored = envelopes(count)
  const data = await closedFolder(t, stored)
  const key = await nodeKey(path.join(data, 'node.key'))
  await writeFile(path.join(data, 'rest.token'), token, { mode: 0o600 })
  const configFile = path.join(data, 'waypost.toml')
  await writeFile(configFile, 'relay = true\n')
  const folder = path.join(t.testdirName, 'backup')
  await using access = await openClosed(settingsOf(data), false)
  const created = await createBackup(access, folder, { key, withKey: true, dataDir: data, configFile, ...more }, signal)
  t.equal(created?.totals.messages, count)
  return { folder, data, stored: hashes(inOrder(stored)) }
}

async function hashesIn(data: string): Promise<string[]> {
  await using access = await openClosed(settingsOf(data), false)
  const found: string[] = []
  for await (const records of access.export({}, signal)) found.push(...hashes(records))
  return found
}

async function names(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort()
}

t.test('a backup is restored as it was: messages, key, token, settings, and only its owner may read it', async (t) => {
  t.testdir()
  const { folder, data, stored } = await made(t)
  t.same(await names(folder), [
    'manifest.json',
    'manifest.sig',
    'messages.waypost',
    'node.key',
    'rest.token',
    'waypost.toml',
  ])
  for (const name of await names(folder)) t.equal((await stat(path.join(folder, name))).mode & 0o777, 0o600)
  t.equal((await stat(folder)).mode & 0o777, 0o700)
  const verified = await verifyBackup(folder, {})
  t.match(verified.manifest, { messages: { count: 1200, oldest: 0n, newest: 1199n } })
  const copy = path.join(t.testdirName, 'copy')
  t.same(await restoreBackup(folder, verified, copy, { replace: false, signal }), { messages: 1200, aside: undefined })
  t.same(await hashesIn(copy), stored)
  for (const name of ['node.key', 'rest.token', 'waypost.toml'])
    t.same(await readFile(path.join(copy, name)), await readFile(path.join(data, name)), name)
  t.ok((await readNodeKey(path.join(copy, 'node.key')))?.equals((await readNodeKey(path.join(data, 'node.key')))!))
  t.same(await names(t.testdirName), ['backup', 'copy', 'data'], 'nothing else is left')
  await t.rejects(restoreBackup(folder, verified, copy, { replace: false, signal }), { code: 'cli/exists' })
  const replaced = await restoreBackup(folder, verified, copy, { replace: true, signal })
  t.same(await names(replaced?.aside ?? ''), await names(copy), 'what was there is kept')
})

t.test('with a password nothing private is in the open, and without it nothing is opened', async (t) => {
  t.testdir()
  const { folder, data } = await made(t, { sealer: new Sealer('correct horse') }, 10)
  const all = Buffer.concat(await Promise.all((await names(folder)).map((name) => readFile(path.join(folder, name)))))
  const key = (await readFile(path.join(data, 'node.key'), 'utf8')).trim()
  for (const secret of [key, Buffer.from(key, 'hex'), token, 'correct horse', 'relay = true'])
    t.notOk(all.includes(secret))
  const closed = await verifyBackup(folder, {})
  t.same([...closed.opened.keys()], [])
  t.ok(closed.sealed)
  const opened = await verifyBackup(folder, { sealer: new Sealer('correct horse') })
  t.equal(opened.opened.get('node.key')?.toString().trim(), key)
  await t.rejects(verifyBackup(folder, { sealer: new Sealer('wrong horse') }), { code: 'backup/cannot-open' })
})

t.test('a backup can leave the key out', async (t) => {
  t.testdir()
  const { folder } = await made(t, { withKey: false }, 10)
  t.notOk((await names(folder)).includes('node.key'))
  t.notOk((await verifyBackup(folder, {})).opened.has('node.key'))
})

t.test('any part that is cut, changed, missing or swapped is found', async (t) => {
  t.testdir()
  const { folder } = await made(t)
  const broken = path.join(t.testdirName, 'broken')
  const refused = async (what: string, damage: () => Promise<unknown>): Promise<void> => {
    await cp(folder, broken, { recursive: true, force: true })
    await damage()
    const error = await verifyBackup(broken, {}).then(
      () => undefined,
      (error: unknown) => error,
    )
    const codes = ['backup/damaged', 'export/damaged', 'cli/no-such-file', 'backup/newer', 'identity/bad-key'] as const
    if (!codes.some((code) => isWaypostError(error, code))) t.fail(`${what}: ${error}`)
  }
  const all = await names(folder)
  for (const name of all) {
    const file = path.join(broken, name)
    const whole = await readFile(path.join(folder, name))
    await refused(`${name} missing`, () => rename(file, path.join(t.testdirName, 'gone')))
    for (const share of [0, 0.3, 0.8]) {
      const cut = Math.floor(whole.length * share)
      await refused(`${name} cut at ${cut}`, () => writeFile(file, whole.subarray(0, cut)))
      const flipped = Buffer.from(whole).fill(whole[cut]! ^ 0x11, cut, cut + 1)
      await refused(`${name} flipped at ${cut}`, () => writeFile(file, flipped))
    }
    await refused(`${name} longer`, () => writeFile(file, Buffer.concat([whole, Buffer.from('A=')])))
  }
  await refused('swapped', () => cp(path.join(folder, 'rest.token'), path.join(broken, 'waypost.toml')))
  await cp(folder, broken, { recursive: true, force: true })
  t.ok(await verifyBackup(broken, {}), 'the one that was not changed is whole')
})

t.test('a manifest that somebody else made or signed is not that of the node', async (t) => {
  t.testdir()
  const { folder } = await made(t, {}, 10)
  const text = await readFile(path.join(folder, 'manifest.json'))
  const signature = Buffer.from(await readFile(path.join(folder, 'manifest.sig'), 'latin1'), 'base64')
  const manifest = await openManifest({ text, signature })
  const other = await newNodeKey()
  const forged = await signManifest(manifest, other)
  await t.rejects(openManifest({ text, signature: forged.signature }), {
    message: /not signed by the peer that it names/,
  })
  const write = async (signed: typeof forged): Promise<void> => {
    await writeFile(path.join(folder, 'manifest.json'), signed.text)
    await writeFile(path.join(folder, 'manifest.sig'), signed.signature.toString('base64'))
  }
  await write(forged)
  await t.rejects(verifyBackup(folder, {}), { message: /node.key: it is the key of another node/ })
  await t.rejects(verifyBackup(folder, { peerId: manifest.peerId }), { code: 'backup/other-node' })
  for (const name of ['../../etc/passwd', '/etc/passwd', 'node.key/..', 'archive'])
    await t.rejects(
      (async () =>
        openManifest(
          await signManifest({ ...manifest, files: [...manifest.files, { name, size: 1, sha256: '0' }] }, other),
        ))(),
      { message: /a file that is none of a backup/ },
    )
  const newer = Buffer.from(text.toString().replace('"format": 1', '"format": 7'))
  await t.rejects(openManifest({ text: newer, signature }), { code: 'backup/newer', data: { found: 7, known: 1 } })
  await write({ text, signature })
  t.ok(await verifyBackup(folder, { peerId: manifest.peerId }), 'its own is')
})

t.test('a restore that is killed at any moment leaves nothing or all', async (t) => {
  t.testdir()
  const { folder, stored } = await made(t, {}, 3000)
  const script = path.resolve('dist/test/cli/backup/restore-process.js')
  const outcomes = new Set<string>()
  for (let step = 0; step < 8; step += 1) {
    const data = path.join(t.testdirName, `target-${step}`)
    const child = spawn(process.execPath, [script, folder, data], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const closed = once(child, 'close')
    // Spread over what there is to see: from the first file in the work folder to the last.
    await once(child.stdout, 'data')
    const entries = async (): Promise<number> => {
      const all = await readdir(t.testdirName)
      const work = all.find((name) => name.startsWith(`target-${step}.restoring-`))
      return work === undefined
        ? 0
        : (await readdir(path.join(t.testdirName, work), { recursive: true }).catch(() => [])).length
    }
    if (step < 7) while (child.exitCode === null && (await entries()) < step + 1) await new Promise(setImmediate)
    else await closed
    child.kill('SIGKILL')
    await closed
    const isThere = await stat(data).then(
      () => true,
      () => false,
    )
    outcomes.add(isThere ? 'all' : 'nothing')
    if (isThere) t.same(await hashesIn(data), stored)
  }
  t.same(outcomes, new Set(['nothing', 'all']), 'both were seen')
})
