/** A file that an export is written into: cut off anywhere, it is continued and becomes whole. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { walk } from '../../src/archive/export/walk.ts'
import { openMemory } from '../../src/archive/memory.ts'
import { ExportFile, readBegun } from '../../src/cli/export-file.ts'
import { header, read } from '../archive/export/kit.ts'
import { archiveOn, envelopes, hashes, store } from '../archive/kit.ts'

t.test('a file that is cut off or damaged anywhere is continued, and becomes whole', async (t) => {
  const archive = await archiveOn(t, openMemory())
  const stored = envelopes(3000)
  await store(archive, stored)
  const file = path.join(t.testdir(), 'all')
  const write = async (resume: boolean): Promise<void> => {
    const begun = resume ? await readBegun(file) : undefined
    await using out = await (begun
      ? ExportFile.reopen(file, begun)
      : ExportFile.create(file, header, { replace: resume }))
    for await (const records of walk(archive, {}, { after: out.last })) await out.add(records)
    await out.finish()
  }
  await write(false)
  const whole = await readFile(file)
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.ok((await readBegun(file))?.decoder.complete)
  t.ok(whole.length > 5 * 20_011)
  for (let length = 0; length < whole.length; length += 20_011) {
    await writeFile(file, whole.subarray(0, length))
    await write(true)
    t.ok(isDeepStrictEqual(hashes(read(await readFile(file)).records), hashes(stored)), `cut at ${length}`)
  }
  for (const at of [2000, Math.floor(whole.length / 2), whole.length - 10]) {
    await writeFile(file, Buffer.from(whole).fill(whole[at]! ^ 1, at, at + 1))
    await write(true)
    t.ok(isDeepStrictEqual(hashes(read(await readFile(file)).records), hashes(stored)), `flipped at ${at}`)
  }
})

t.test('a file that is no export is not taken for one, and not touched', async (t) => {
  const file = path.join(t.testdir({ diary: 'my diary' }), 'diary')
  await t.rejects(readBegun(file), { code: 'export/damaged', message: /does not begin as an export/ })
  await t.rejects(ExportFile.create(file, header), { code: 'cli/exists' })
  t.equal(await readFile(file, 'utf8'), 'my diary')
})
