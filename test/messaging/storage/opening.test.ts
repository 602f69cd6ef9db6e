import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { inspect } from 'node:util'
import { ClassicLevel } from 'classic-level'
import t, { type Test } from 'tap'
import { isWaypostError } from '../../../src/core/errors.ts'
import { openDatabase } from '../../../src/messaging/storage/database.ts'
import { bytes, close, databaseKey, keysOf, opened, put, remove, text } from './kit.ts'
import { broken, sealedRows, stolen } from './thief.ts'

async function refusal(result: Promise<unknown>): Promise<{ code: string; shown: string }> {
  try {
    await result
    return { code: 'none', shown: '' }
  } catch (error) {
    return { code: isWaypostError(error) ? error.code : 'not ours', shown: inspect(error, { depth: 9 }) }
  }
}

/** A folder with a closed database of a few rows. */
async function made(t: Test): Promise<string> {
  const folder = path.join(t.testdir(), 'messages')
  const database = await opened(t, folder)
  await put(database, 'chat/1', 'secret/1')
  await close(database)
  return folder
}

function ringOf(folder: string): string {
  const [name = ''] = readdirSync(folder).filter((name) => name.startsWith('ring'))
  return path.join(folder, name)
}

t.test('another key than its own does not open a database, and changes nothing', async (t) => {
  const folder = await made(t)
  const ring = readFileSync(ringOf(folder))
  const wrong = Buffer.alloc(32, 8)
  const { code, shown } = await refusal(openDatabase(folder, wrong))
  t.equal(code, 'storage/wrong-key')
  t.notMatch(shown, wrong.toString('hex'))
  t.same(readFileSync(ringOf(folder)), ring)
  t.equal(text(await (await opened(t, folder)).get('secret/1')), 'of secret/1', 'control: its own does')
})

t.test('a key of another length is refused before anything is made', async (t) => {
  const folder = path.join(t.testdir(), 'messages')
  t.equal((await refusal(openDatabase(folder, Buffer.alloc(31)))).code, 'key/invalid')
  t.same(readdirSync(path.dirname(folder)), [])
})

const damages: readonly { readonly id: string; readonly damage: (folder: string) => void }[] = [
  { id: 'the ring is gone', damage: (folder) => rmSync(ringOf(folder)) },
  { id: 'the ring is empty', damage: (folder) => writeFileSync(ringOf(folder), '') },
  {
    id: 'the ring is cut off',
    damage: (folder) => writeFileSync(ringOf(folder), readFileSync(ringOf(folder)).subarray(0, -1)),
  },
  { id: 'a bit of the ring has fallen', damage: (folder) => flip(ringOf(folder), 1000) },
  { id: 'a bit of the proof of the ring has fallen', damage: (folder) => flip(ringOf(folder), 20) },
  { id: 'the rows are gone', damage: (folder) => rmSync(path.join(folder, 'rows'), { recursive: true }) },
  { id: 'CURRENT is gone', damage: (folder) => rmSync(path.join(folder, 'rows', 'CURRENT')) },
  {
    id: 'CURRENT is damaged',
    damage: (folder) => writeFileSync(path.join(folder, 'rows', 'CURRENT'), 'MANIFEST-999999\n'),
  },
  { id: 'a sorted file is gone', damage: (folder) => rmSync(sortedFile(folder)) },
]

function flip(file: string, at: number): void {
  const content = readFileSync(file)
  content.writeUInt8(content.readUInt8(at) ^ 1, at)
  writeFileSync(file, content)
}

function sortedFile(folder: string): string {
  const rows = path.join(folder, 'rows')
  return path.join(rows, readdirSync(rows).find((name) => name.endsWith('.ldb')) ?? 'none')
}

for (const { id, damage } of damages) {
  t.test(`a database is said to be damaged when ${id}, and is left as it is`, async (t) => {
    const folder = await made(t)
    // What is put anew leaves with the close, and what is there then stands in a sorted file.
    const database = await opened(t, folder)
    await put(database, 'chat/1', 'secret/1')
    await close(database)
    damage(folder)
    const reading = opened(t, folder).then((database) => keysOf(database))
    const { code, shown } = await refusal(reading)
    t.equal(code, 'storage/damaged')
    t.notMatch(shown, /secret\/1|chat\/1/)
    t.equal((await refusal(openDatabase(folder, databaseKey))).code, 'storage/damaged', 'also the next time')
  })
}

t.test('a row in the place of another one is damage, and is not read as that one', async (t) => {
  const folder = await made(t)
  const level = new ClassicLevel<string, Buffer>(path.join(folder, 'rows'), { valueEncoding: 'buffer' })
  for (const table of ['chat', 'secret']) await level.put(`${table}/2`, (await level.get(`${table}/1`))!)
  await level.close()
  const database = await opened(t, folder)
  for (const table of ['chat', 'secret']) {
    t.equal(text(await database.get(`${table}/1`)), `of ${table}/1`)
    const { code, shown } = await refusal(database.get(`${table}/2`))
    t.equal(code, 'storage/damaged')
    t.notMatch(shown, /secret\/2|chat\/2/)
  }
})

t.test('a damaged secret row does not keep the ring from turning', async (t) => {
  const folder = await made(t)
  const level = new ClassicLevel<string, Buffer>(path.join(folder, 'rows'), { valueEncoding: 'buffer' })
  await level.batch(
    Array.from({ length: 100 }, (_, index) => ({
      type: 'put',
      key: `secret/bad/${index}`,
      value: Buffer.alloc(index),
    })),
  )
  await level.close()
  const database = await opened(t, folder)
  await put(database, 'secret/2', 'secret/3')
  await remove(database, 'secret/2', ...Array.from({ length: 50 }, (_, index) => `secret/bad/${index}`))
  await database.erased()
  t.equal(text(await database.get('secret/1')), 'of secret/1')
  t.equal((await refusal(database.get('secret/bad/70'))).code, 'storage/damaged')
  t.equal(await database.get('secret/bad/7'), undefined)
})

t.test('a folder is open once only, in one process or in two', async (t) => {
  const folder = path.join(t.testdir(), 'messages')
  const database = await opened(t, folder)
  t.equal((await refusal(openDatabase(folder, databaseKey))).code, 'storage/in-use')
  t.equal((await refusal(openDatabase(folder, Buffer.alloc(32, 8)))).code, 'storage/in-use', 'whatever the key')
  await put(database, 'secret/1')
  await close(database)
  const child = fork(new URL('./crash-process.js', import.meta.url), [folder], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  t.equal((await refusal(openDatabase(folder, databaseKey))).code, 'storage/in-use')
  child.kill('SIGKILL')
  await once(child, 'close')
  t.not((await keysOf(await opened(t, folder))).length, 0, 'control: afterwards it is free')
})

t.test('folder and files are for their owner only', { skip: process.platform === 'win32' }, async (t) => {
  const folder = path.join(t.testdir(), 'messages')
  mkdirSync(folder, { mode: 0o755 })
  chmodSync(folder, 0o755)
  const database = await opened(t, folder)
  await put(database, 'chat/1', 'secret/1')
  const modes = () =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
      const stat = statSync(path.join(folder, name))
      return stat.isDirectory()
        ? `folder ${(stat.mode & 0o777).toString(8)}`
        : `file ${(stat.mode & 0o777).toString(8)}`
    })
  t.equal(statSync(folder).mode & 0o777, 0o700)
  await remove(database, 'chat/1', 'secret/1')
  await close(database)
  t.equal(statSync(folder).mode & 0o777, 0o700)
  t.same([...new Set(modes())].sort(), ['file 600', 'folder 700'])
})

t.test('a folder that cannot be made is said to be unusable', async (t) => {
  const folder = path.join(t.testdir({ file: '' }), 'file', 'messages')
  t.equal((await refusal(openDatabase(folder, databaseKey))).code, 'storage/unusable')
})

t.test('a closed database refuses what it is asked for, and closes twice', async (t) => {
  const database = await opened(t)
  await put(database, 'chat/1')
  await close(database)
  await close(database)
  const asked = [database.get('chat/1'), put(database, 'chat/2'), database.erased(), keysOf(database)]
  for (const one of asked) t.equal((await refusal(one)).code, 'storage/closed')
})

t.test('what was asked for before a close is done', async (t) => {
  const folder = path.join(t.testdir(), 'messages')
  const database = await opened(t, folder)
  const putting = put(database, 'secret/1', 'chat/1')
  await close(database)
  await putting
  t.same(await keysOf(await opened(t, folder)), ['chat/1', 'secret/1'])
})

t.test('a key without a table is refused, and is not in the text', async (t) => {
  const database = await opened(t)
  for (const key of ['name', '', '!turn:7', 'a/\ud800']) {
    for (const asked of [database.get(key), put(database, key), remove(database, key)]) {
      const { code, shown } = await refusal(asked)
      t.equal(code, 'internal/bug')
      if (key.length > 1) t.notMatch(shown, `'${key}'`)
    }
  }
})

t.test('a turn of the ring that fails is told, and is done when it can be', async (t) => {
  const folder = await made(t)
  const sealed = (await sealedRows(stolen(folder, `${folder}-before`))).get('secret/1')!
  const database = await opened(t, folder)
  const next = path.join(folder, path.basename(ringOf(folder)) === 'ring.0' ? 'ring.1' : 'ring.0')
  await remove(database, 'secret/1')
  // A folder stands where the next ring is to be.
  mkdirSync(next)
  t.equal((await refusal(database.erased())).code, 'storage/unusable')
  await put(database, 'secret/2')
  rmdirSync(next)
  t.equal(broken(folder, 'secret/1', sealed), 'of secret/1', 'control: not yet')
  await database.erased()
  t.equal(broken(folder, 'secret/1', sealed), undefined)
  t.equal(text(await database.get('secret/2')), 'of secret/2')
})

t.test('what is printed of a database shows no key and no value', async (t) => {
  const database = await opened(t)
  await database.transaction(async (rows) => {
    rows.put('secret/qwertz', bytes('asdfgh'))
    t.equal(inspect(rows, { depth: 9, showHidden: true }), 'Rows {"changes":1}')
    t.equal(JSON.stringify(rows), '{"changes":1}')
  })
  for (const shown of [inspect(database, { depth: 9, showHidden: true }), JSON.stringify(database)]) {
    t.match(shown, /"secrets":1/)
    t.notMatch(shown, /qwertz|asdfgh|07070707|[0-9a-f]{32}/)
  }
})
