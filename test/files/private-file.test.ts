import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { readPrivateFile } from '../../src/files/private-file.ts'

function fileWith(folder: string, text: string): string {
  const file = path.join(folder, 'secret')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

t.test('a file of its owner is read, up to the limit', async (t) => {
  const file = fileWith(t.testdir(), 'grüße')
  t.same(await readPrivateFile(file, 7), { text: 'grüße' })
  t.match(await readPrivateFile(file, 6), { fault: 'too-long', why: 'longer than 6 bytes' })
})

t.test('where there is none nothing is wrong', async (t) => {
  t.equal(await readPrivateFile(path.join(t.testdir(), 'none'), 10), undefined)
})

t.test('what others may read is refused, with the mode it has', async (t) => {
  const file = fileWith(t.testdir(), 'text')
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(file, mode)
    t.match(await readPrivateFile(file, 10), { fault: 'open-to-others', why: `0${mode.toString(8)}` })
  }
  chmodSync(file, 0o400)
  t.same(await readPrivateFile(file, 10), { text: 'text' }, 'the control')
})

t.test('a link, a folder and a pipe are no files, and none is waited for', async (t) => {
  const folder = t.testdir()
  symlinkSync(fileWith(folder, 'text'), path.join(folder, 'link'))
  mkdirSync(path.join(folder, 'folder'))
  execFileSync('mkfifo', ['-m', '600', path.join(folder, 'pipe')])
  t.match(await readPrivateFile(path.join(folder, 'link'), 10), { fault: 'not-a-file', why: 'a symbolic link' })
  for (const name of ['folder', 'pipe'])
    t.match(await readPrivateFile(path.join(folder, name), 10), { fault: 'not-a-file', why: 'not a regular file' })
})

t.test('what the system says is told', async (t) => {
  const file = path.join(fileWith(t.testdir(), 'text'), 'below')
  t.match(await readPrivateFile(file, 10), { fault: 'unreadable', why: 'ENOTDIR' })
})
