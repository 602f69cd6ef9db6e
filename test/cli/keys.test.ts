import { readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { type Ended, waypost } from '../kit/cli.ts'

interface Shown {
  readonly file: string
  readonly peerId: string
}

async function keys(t: Test, cwd: string, args: readonly string[], input?: string): Promise<Ended & { shown: Shown }> {
  const ended = await waypost(t, ['keys', ...args, '--json'], { cwd, input })
  return { ...ended, shown: ended.stdout === '' ? { file: '', peerId: '' } : JSON.parse(ended.stdout) }
}

t.test('a key goes out to a file of its owner, and into another folder', async (t) => {
  const cwd = t.testdir()
  await waypost(t, ['init'], { cwd })
  const { shown } = await keys(t, cwd, ['show'])
  const exported = await keys(t, cwd, ['export', '--to', 'saved.key'])
  const saved = path.join(cwd, 'saved.key')
  const digits = readFileSync(saved, 'utf8').trim()
  t.match(digits, /^[0-9a-f]{64}$/)
  t.equal(statSync(saved).mode & 0o777, 0o600)
  t.notMatch(exported.stdout + exported.stderr, digits, 'the key is in the file and nowhere else')
  t.equal((await keys(t, cwd, ['export', '--to', 'saved.key'])).code, 73, 'a file is never overwritten')
  const taken = await keys(t, cwd, ['import', '-', '--data-dir=other'], digits)
  t.match(taken, { code: 0, shown: { peerId: shown.peerId, file: path.join(cwd, 'other', 'node.key') } })
})

t.test('a key that is there is kept, unless the user says replace, and then kept beside', async (t) => {
  const cwd = t.testdir({ other: `${'2a'.repeat(32)}\n` })
  await waypost(t, ['init'], { cwd })
  const { shown } = await keys(t, cwd, ['show'])
  t.equal((await keys(t, cwd, ['import', 'other'])).code, 73)
  t.equal((await keys(t, cwd, ['show'])).shown.peerId, shown.peerId)
  const replaced = await keys(t, cwd, ['import', 'other', '--replace'])
  t.equal(replaced.code, 0)
  t.not(replaced.shown.peerId, shown.peerId)
  t.equal(statSync(`${shown.file}.${shown.peerId}`).mode & 0o777, 0o600)
})

t.test('rotate gives a new identity and keeps the old key', async (t) => {
  const cwd = t.testdir()
  await waypost(t, ['init'], { cwd })
  const { shown } = await keys(t, cwd, ['show'])
  const old = readFileSync(shown.file, 'utf8')
  const rotated = await keys(t, cwd, ['rotate'])
  t.equal(rotated.code, 0)
  t.not(rotated.shown.peerId, shown.peerId)
  t.equal(readFileSync(`${shown.file}.${shown.peerId}`, 'utf8'), old)
})

t.test('without a key, or with one that is none, it says what to do', async (t) => {
  const cwd = t.testdir()
  t.match(await keys(t, cwd, ['show']), { code: 66, stderr: /there is no key .*waypost init makes one/ })
  writeFileSync(path.join(cwd, 'bad'), 'not a key 1234')
  const bad = await keys(t, cwd, ['import', 'bad'])
  t.equal(bad.code, 78)
  t.notMatch(bad.stderr, '1234', 'what the file holds is not repeated')
  t.match(await keys(t, cwd, ['import', 'missing']), { code: 66, stderr: /missing cannot be read: ENOENT/ })
})
