import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { replaceFile, withDraft, writeNewFile } from '../../src/files/whole-file.ts'

t.test('a file is replaced whole, for its owner only, and no draft is left', async (t) => {
  const folder = t.testdir({ file: 'what was there, and is longer' })
  const file = path.join(folder, 'file')
  await replaceFile(file, 'new')
  t.equal(readFileSync(file, 'utf8'), 'new')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.same(readdirSync(folder), ['file'])
})

t.test('writers at the same moment leave the whole text of one of them', async (t) => {
  const folder = t.testdir()
  const file = path.join(folder, 'file')
  const texts = Array.from({ length: 8 }, (_, index) => String(index).repeat(10_000 + index))
  await Promise.all(texts.map((text) => replaceFile(file, text)))
  t.ok(texts.includes(readFileSync(file, 'utf8')))
  t.same(readdirSync(folder), ['file'])
})

t.test('a link is replaced, and what it leads to stays as it is', async (t) => {
  const folder = t.testdir({ other: 'of somebody else' })
  const file = path.join(folder, 'file')
  symlinkSync(path.join(folder, 'other'), file)
  await replaceFile(file, 'new')
  t.equal(readFileSync(path.join(folder, 'other'), 'utf8'), 'of somebody else')
  t.equal(readFileSync(file, 'utf8'), 'new')
})

t.test('of many who write a new file one does, and the others are told', async (t) => {
  const folder = t.testdir()
  const file = path.join(folder, 'file')
  const written = await Promise.all(Array.from({ length: 8 }, (_, index) => writeNewFile(file, `text ${index}`)))
  t.equal(written.filter(Boolean).length, 1)
  t.equal(readFileSync(file, 'utf8'), `text ${written.indexOf(true)}`)
  t.notOk(await writeNewFile(file, 'later'))
  t.equal(readFileSync(file, 'utf8'), `text ${written.indexOf(true)}`)
  t.same(readdirSync(folder), ['file'])
})

t.test('what fails leaves all as it was', async (t) => {
  const folder = t.testdir({ file: 'old' })
  const file = path.join(folder, 'file')
  await t.rejects(
    withDraft(file, 'new', async () => {
      throw new Error('cannot be placed')
    }),
    { message: 'cannot be placed' },
  )
  await t.rejects(replaceFile(path.join(folder, 'missing', 'file'), 'new'), { code: 'ENOENT' })
  t.equal(readFileSync(file, 'utf8'), 'old')
  t.same(readdirSync(folder), ['file'])
  t.equal(await withDraft(file, 'new', (draft) => rename(draft, file).then(() => 'placed')), 'placed', 'the control')
  t.equal(readFileSync(file, 'utf8'), 'new')
})

t.test('a draft that somebody left is nobody’s obstacle', async (t) => {
  const file = path.join(t.testdir(), 'file')
  writeFileSync(`${file}.new`, 'left')
  await replaceFile(file, 'new')
  t.equal(readFileSync(file, 'utf8'), 'new')
})
