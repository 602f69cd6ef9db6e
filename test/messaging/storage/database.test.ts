import path from 'node:path'
import t from 'tap'
import { bytes, close, inOrder, keysOf, opened, put, scanned, text } from './kit.ts'

t.test('what a transaction puts is there afterwards, and after the next opening', async (t) => {
  const folder = path.join(t.testdir(), 'deep', 'messages')
  const database = await opened(t, folder)
  await put(database, 'chat/1', 'secret/1')
  t.equal(text(await database.get('chat/1')), 'of chat/1')
  t.equal(text(await database.get('secret/1')), 'of secret/1')
  t.equal(await database.get('chat/2'), undefined)
  await close(database)
  const again = await opened(t, folder)
  t.equal(text(await again.get('chat/1')), 'of chat/1')
  t.equal(text(await again.get('secret/1')), 'of secret/1')
})

t.test('a transaction sees what it has put and removed; others do not before it is done', async (t) => {
  const database = await opened(t)
  await put(database, 'a/1', 'a/2')
  await database.transaction(async (rows) => {
    rows.put('a/1', bytes('anew'))
    rows.remove('a/2')
    rows.put('a/3', bytes('gone again'))
    rows.remove('a/3')
    t.equal(text(await rows.get('a/1')), 'anew')
    t.equal(await rows.get('a/2'), undefined)
    t.equal(await rows.get('a/3'), undefined)
    t.equal(text(await database.get('a/1')), 'of a/1', 'from outside')
  })
  t.same(await keysOf(database, { prefix: 'a/' }), ['a/1'])
})

t.test('a transaction that throws leaves nothing, and the next goes on', async (t) => {
  const database = await opened(t)
  const failing = database.transaction(async (rows) => {
    rows.put('a/1', bytes('half'))
    throw new Error('on purpose')
  })
  await t.rejects(failing, { message: 'on purpose' })
  await put(database, 'a/2')
  t.same(await keysOf(database), ['a/2'])
})

t.test('transactions happen one after the other, in the order in which they are asked for', async (t) => {
  const database = await opened(t)
  const increments = Array.from({ length: 20 }, () =>
    database.transaction(async (rows) => {
      const value = Number(text(await rows.get('count/er')) ?? 0) + 1
      rows.put('count/er', bytes(String(value)))
      return value
    }),
  )
  t.same(
    await Promise.all(increments),
    Array.from({ length: 20 }, (_, index) => index + 1),
  )
})

t.test('what the caller does to its bytes after putting them is not stored', async (t) => {
  const database = await opened(t)
  await database.transaction(async (rows) => {
    const value = bytes('mine')
    rows.put('a/1', value)
    value.fill(0)
    ;(await rows.get('a/1'))?.fill(0)
  })
  t.equal(text(await database.get('a/1')), 'mine')
})

t.test('rows that are used after their transaction are refused', async (t) => {
  const database = await opened(t)
  const rows = await database.transaction(async (rows) => ({ rows }))
  t.throws(() => rows.rows.put('a/1', bytes('late')), { code: 'internal/bug' })
  await t.rejects(rows.rows.get('a/1'), { code: 'internal/bug' })
})

const scans = [
  { id: 'a table', range: { prefix: 'b/' }, found: ['b/', 'b/1', 'b/2', 'b/21', 'b/3', 'b/\u00e9', 'b/\u{1f600}'] },
  { id: 'a part of a table', range: { prefix: 'b/2' }, found: ['b/2', 'b/21'] },
  { id: 'after a row', range: { prefix: 'b/', after: 'b/21' }, found: ['b/3', 'b/\u00e9', 'b/\u{1f600}'] },
  { id: 'before a row', range: { prefix: 'b/', before: 'b/2' }, found: ['b/', 'b/1'] },
  { id: 'between rows', range: { prefix: 'b/', after: 'b/1', before: 'b/3' }, found: ['b/2', 'b/21'] },
  { id: 'the last ones', range: { prefix: 'b/', backwards: true, limit: 2 }, found: ['b/\u{1f600}', 'b/\u00e9'] },
  { id: 'backwards from a row', range: { prefix: 'b/', before: 'b/21', backwards: true }, found: ['b/2', 'b/1', 'b/'] },
  { id: 'none', range: { prefix: 'b/', limit: 0 }, found: [] },
  { id: 'nothing between', range: { prefix: 'b/', after: 'b/3', before: 'b/2' }, found: [] },
  { id: 'bounds outside of the prefix', range: { prefix: 'b/2', after: 'a', before: 'z' }, found: ['b/2', 'b/21'] },
  { id: 'all', range: { prefix: '', limit: 3 }, found: ['a/1', 'b/', 'b/1'] },
] as const

t.test('a scan gives the rows of its range in order', async (t) => {
  const database = await opened(t)
  await put(database, 'b/3', 'b/21', 'b/\u{1f600}', 'b/2', 'c/1', 'b/1', 'b/\u00e9', 'a/1', 'b/')
  for (const { id, range, found } of scans) t.same(await keysOf(database, range), found, id)
})

t.test('a scan of many and large rows gives each once, forwards and backwards', async (t) => {
  const database = await opened(t)
  const keys = Array.from({ length: 1000 }, (_, index) => `secret/${String(index).padStart(4, '0')}`)
  const large = Array.from({ length: 8 }, (_, index) => `secret/large/${index}`)
  await database.transaction(async (rows) => {
    for (const key of keys) rows.put(key, bytes(key))
    for (const key of large) rows.put(key, Buffer.alloc(200_000, 1))
  })
  const all = [...keys, ...large]
  t.same(await keysOf(database, { prefix: 'secret/' }), all)
  t.same(await keysOf(database, { prefix: 'secret/', backwards: true }), all.toReversed())
  t.same(await keysOf(database, { prefix: 'secret/', backwards: true, limit: 300 }), all.toReversed().slice(0, 300))
})

t.test('rows can be removed while they are scanned', async (t) => {
  const database = await opened(t)
  const keys = Array.from({ length: 300 }, (_, index) => `secret/${index}`)
  await put(database, ...keys)
  for await (const { key } of database.scan({ prefix: 'secret/' })) {
    await database.transaction(async (rows) => rows.remove(key))
    if (key.endsWith('0')) await database.erased()
  }
  t.same(await keysOf(database), [])
})

t.test('a tag is the same for a text and a key, and another for another', async (t) => {
  const folder = t.testdir()
  const database = await opened(t, path.join(folder, 'one'))
  const same = await opened(t, path.join(folder, 'same'))
  const other = await opened(t, path.join(folder, 'other'), Buffer.alloc(32, 8))
  t.match(database.tag('0x04ab'), /^[0-9a-f]{32}$/)
  t.equal(same.tag('0x04ab'), database.tag('0x04ab'))
  t.not(database.tag('0x04ac'), database.tag('0x04ab'))
  t.not(other.tag('0x04ab'), database.tag('0x04ab'))
})

t.test('removed and replaced secret rows are gone, and all others can be read, after keys have turned', async (t) => {
  const folder = path.join(t.testdir(), 'messages')
  const database = await opened(t, folder)
  const keys = Array.from({ length: 200 }, (_, index) => `secret/${index}`)
  await put(database, ...keys, 'chat/1')
  await database.transaction(async (rows) => {
    for (const key of keys.slice(0, 50)) rows.remove(key)
    for (const key of keys.slice(50, 100)) rows.put(key, bytes(`anew ${key}`))
    rows.remove('chat/1')
  })
  const expected = new Map(keys.slice(50).map((key, index) => [key, index < 50 ? `anew ${key}` : `of ${key}`]))
  t.strictSame(await scanned(database), inOrder(expected), 'before')
  await database.erased()
  t.strictSame(await scanned(database), inOrder(expected), 'after')
  await close(database)
  t.strictSame(await scanned(await opened(t, folder)), inOrder(expected), 'opened again')
})
