import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { bytes, close, keysOf, opened, put, remove, scanned, text } from './kit.ts'
import { broken, filesWith, ringKeys, sealedRows, stolen } from './thief.ts'

function folders(t: Test) {
  const root = t.testdir()
  return { folder: path.join(root, 'messages'), copy: (name: string) => path.join(root, name) }
}

const neighbours = Array.from({ length: 100 }, (_, index) => `secret/${index}`)

const removals = [
  { id: 'removed', change: (database: Awaited<ReturnType<typeof opened>>) => remove(database, 'secret/key') },
  {
    id: 'replaced',
    change: (database: Awaited<ReturnType<typeof opened>>) =>
      database.transaction(async (rows) => rows.put('secret/key', bytes('the next'))),
  },
] as const

for (const { id, change } of removals) {
  t.test(`who has all files and the key cannot open a secret row that was ${id}`, async (t) => {
    const { folder, copy } = folders(t)
    const database = await opened(t, folder)
    await put(database, ...neighbours, 'secret/key')
    const before = stolen(folder, copy('before'))
    const sealed = (await sealedRows(before)).get('secret/key')!
    const [ring = ''] = readdirSync(before).filter((name) => name.startsWith('ring'))
    const sealedRing = readFileSync(path.join(before, ring)).subarray(32)
    t.equal(broken(folder, 'secret/key', sealed), 'of secret/key', 'control: before, it opens')
    t.same(filesWith(folder, sealedRing), [ring], 'control: before, the ring is found')

    await change(database)
    await database.erased()
    const after = stolen(folder, copy('after'))
    t.not(filesWith(after, sealed).length, 0, 'its bytes are still there')
    t.equal(broken(after, 'secret/key', sealed), undefined)
    t.equal(ringKeys(after).length, 64, 'one key of each slot is left')
    t.same(filesWith(after, sealedRing), [], 'the ring of before is gone')
    const kept = (await sealedRows(stolen(after, copy('opened')))).get('secret/7')!
    t.equal(broken(after, 'secret/7', kept), 'of secret/7', 'control: what was not removed opens')
  })
}

t.test('what is removed is unusable half a second later, without being asked for', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { folder, copy } = folders(t)
  const database = await opened(t, folder)
  await put(database, 'secret/key')
  const sealed = (await sealedRows(stolen(folder, copy('before')))).get('secret/key')!
  await remove(database, 'secret/key')
  t.equal(broken(folder, 'secret/key', sealed), 'of secret/key', 'control: not at once')
  mock.timers.tick(500)
  // Comes after the turn of the ring, which has begun.
  await put(database, 'chat/1')
  t.equal(broken(folder, 'secret/key', sealed), undefined)
})

t.test('removals on end do not put off when the first one is unusable', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { folder, copy } = folders(t)
  const database = await opened(t, folder)
  await put(database, ...neighbours)
  const sealed = (await sealedRows(stolen(folder, copy('before')))).get('secret/0')!
  for (const key of neighbours.slice(0, 5)) {
    await remove(database, key)
    mock.timers.tick(100)
  }
  await put(database, 'chat/1')
  t.equal(broken(folder, 'secret/0', sealed), undefined)
})

t.test('a removal that a crash has cut off from its turn is unusable when the database is open again', async (t) => {
  const { folder, copy } = folders(t)
  const database = await opened(t, folder)
  await put(database, ...neighbours)
  const sealed = (await sealedRows(stolen(folder, copy('before')))).get('secret/3')!
  await remove(database, 'secret/3')
  const crashed = stolen(folder, copy('crashed'))
  t.equal(broken(crashed, 'secret/3', sealed), 'of secret/3', 'control: the crash came before')
  const again = await opened(t, crashed)
  t.equal(broken(crashed, 'secret/3', sealed), undefined)
  t.equal((await keysOf(again)).length, neighbours.length - 1)
})

/** Values of some length, so that a file has many blocks. */
async function fill(database: Awaited<ReturnType<typeof opened>>, table: string, count: number, length: number) {
  for (let at = 0; at < count; at += 100) {
    await database.transaction(async (rows) => {
      for (let index = at; index < Math.min(at + 100, count); index += 1) {
        rows.put(`${table}/${String(index).padStart(5, '0')}`, Buffer.alloc(length, index % 251))
      }
    })
  }
}

const tables = ['chat', 'secret'] as const

const histories = [
  { id: 'in the log', count: 50, length: 500, reopened: false },
  { id: 'in sorted files', count: 50, length: 500, reopened: true },
  { id: 'in files of several levels', count: 1500, length: 10_000, reopened: true },
] as const

for (const { id, count, length, reopened } of histories) {
  t.test(`after a close no bytes of a removed row are left that stood ${id}`, async (t) => {
    const { folder, copy } = folders(t)
    let database = await opened(t, folder)
    for (const table of tables) await fill(database, table, count, length)
    const before = await sealedRows(stolen(folder, copy('before')))
    if (reopened) {
      await close(database)
      database = await opened(t, folder)
    }
    const gone = tables.flatMap((table) => [`${table}/00017`, `${table}/00031`])
    await remove(database, 'chat/00017', 'secret/00017')
    await database.transaction(async (rows) => {
      for (const key of ['chat/00031', 'secret/00031']) rows.put(key, bytes('the next'))
    })
    for (const key of gone) t.not(filesWith(folder, before.get(key)!).length, 0, `control: ${key} is there before`)
    await close(database)
    for (const key of gone) t.same(filesWith(folder, before.get(key)!), [], key)
    t.not(filesWith(folder, before.get('chat/00018')!).length, 0, 'control: what was not removed is found')
    const again = await opened(t, folder)
    t.equal((await keysOf(again)).length, 2 * (count - 1))
    t.equal(text(await again.get('secret/00031')), 'the next')
  })
}

t.test(
  'a row that is put and removed in one run leaves with the close of a later one that crashed between',
  async (t) => {
    const { folder, copy } = folders(t)
    const database = await opened(t, folder)
    await put(database, 'chat/1', 'chat/2', 'chat/3')
    const sealed = (await sealedRows(stolen(folder, copy('before')))).get('chat/2')!
    await remove(database, 'chat/2')
    const crashed = stolen(folder, copy('crashed'))
    t.not(filesWith(crashed, sealed).length, 0, 'control: it is there after the crash')
    await close(await opened(t, crashed))
    t.same(filesWith(crashed, sealed), [])
  },
)

t.test('an hour after a removal its bytes leave the files of a database that stays open', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { folder, copy } = folders(t)
  const database = await opened(t, folder)
  await put(database, 'chat/1', 'chat/2', 'chat/3')
  const sealed = (await sealedRows(stolen(folder, copy('before')))).get('chat/2')!
  await remove(database, 'chat/2')
  mock.timers.tick(3_599_999)
  await put(database, 'chat/4')
  t.not(filesWith(folder, sealed).length, 0, 'control: not before')
  mock.timers.tick(1)
  // Meanwhile the database is in use.
  for (let left = 5000; left > 0 && filesWith(folder, sealed).length > 0; left -= 1) await put(database, 'chat/5')
  t.same(filesWith(folder, sealed), [])
  t.same((await scanned(database)).length, 4)
})
