/** Each part of a table of LevelDB is damaged in turn: it is noticed, and LevelDB reads past it when it is disarmed. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { checkTables, disarmTables } from '../../../src/archive/level/tables.ts'
import { edit } from './kit.ts'

const rows = 2000

/** A database whose rows stand in one table, with a filter. */
async function filled(t: Test): Promise<{ folder: string; table: string }> {
  const folder = path.join(t.testdir(), 'database')
  await edit(folder, async (database) => {
    const batch = database.batch()
    for (let row = 0; row < rows; row++) batch.put(keyOf(row), Buffer.alloc(40, `${row} `))
    await batch.write()
    await database.compactRange(Buffer.of(), Buffer.of(0xff))
  })
  const [table] = (await readdir(folder)).filter((name) => name.endsWith('.ldb'))
  return { folder, table: path.join(folder, table!) }
}

function keyOf(row: number): Buffer {
  return Buffer.from(String(row).padStart(6, '0'))
}

/** What LevelDB reads of it, row by row in order and one by one. */
async function read(folder: string): Promise<{ walked: number; found: number; error?: string }> {
  const sums = { walked: 0, found: 0 }
  let error: string | undefined
  await edit(folder, async (database) => {
    const fail = ({ message, cause }: Error) => {
      error ??= String(cause ?? message)
    }
    try {
      for await (const _ of database.keys()) sums.walked += 1
    } catch (error) {
      fail(error as Error)
    }
    for (let row = 0; row < rows; row++)
      sums.found += (await database.get(keyOf(row)).catch(fail)) === undefined ? 0 : 1
  })
  return error === undefined ? sums : { ...sums, error }
}

/** Where the parts of a table lie, from its end: the footer has 48 bytes, and the handles of two blocks at its head. */
async function partsOf(table: string) {
  const bytes = await readFile(table)
  const footer = bytes.length - 48
  const numbers: number[] = []
  for (let at = footer; numbers.length < 4; at++) {
    let value = 0
    for (let factor = 1; ; at++, factor *= 128) {
      value += (bytes[at]! & 0x7f) * factor
      if (bytes[at]! < 128) break
    }
    numbers.push(value)
  }
  const [meta = 0, , index = 0] = numbers
  return {
    bytes,
    data: 100,
    filter: meta - 20,
    meta: meta + 5,
    index: index + 10,
    metaHandle: footer,
    magic: footer + 47,
  }
}

type Part = Exclude<keyof Awaited<ReturnType<typeof partsOf>>, 'bytes'>

async function flip(table: string, part: Part): Promise<void> {
  const { bytes, ...places } = await partsOf(table)
  bytes[places[part]]! ^= 4
  await writeFile(table, bytes)
}

t.test('tables that are as they were written pass, and are left alone', async (t) => {
  const { folder, table } = await filled(t)
  const before = await readFile(table)
  await checkTables(folder, folder)
  t.notOk(await disarmTables(folder))
  t.ok((await readFile(table)).equals(before))
  t.same(await read(folder), { walked: rows, found: rows })
})

for (const part of ['filter', 'meta', 'metaHandle'] as const) {
  t.test(`a table whose ${part} is damaged is read without its filter, and nothing of it is lost`, async (t) => {
    const { folder, table } = await filled(t)
    const { length } = await readFile(table)
    await flip(table, part)
    await t.rejects(checkTables(folder, folder), { code: 'archive/damaged' })
    t.ok(await disarmTables(folder))
    await checkTables(folder, folder)
    t.equal((await readFile(table)).length, length, 'the manifest knows its length')
    t.same(await read(folder), { walked: rows, found: rows })
  })
}

t.test('of a block of data that is damaged LevelDB says so, and reads the others', async (t) => {
  const { folder, table } = await filled(t)
  await flip(table, 'data')
  await t.rejects(checkTables(folder, folder), { code: 'archive/damaged' })
  t.ok(await disarmTables(folder))
  const { error, found } = await read(folder)
  t.match(error, /bad block type/)
  t.ok(found > rows / 2 && found < rows, `${found} of ${rows} rows are found`)
})

for (const part of ['index', 'magic'] as const) {
  t.test(`a table whose ${part} is damaged is none to LevelDB`, async (t) => {
    const { folder, table } = await filled(t)
    await flip(table, part)
    await t.rejects(checkTables(folder, folder), { code: 'archive/damaged' })
    t.ok(await disarmTables(folder))
    t.match((await read(folder)).error, /not an sstable/)
  })
}
