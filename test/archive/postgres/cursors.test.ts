import t from 'tap'
import { Cursors } from '../../../src/archive/postgres/cursors.ts'
import { postgres } from '../../kit/postgres.ts'
import { needs } from '../../kit/tools.ts'
import { archiveOn, ask, envelopes, hashes, store } from '../kit.ts'
import { freshSchema, openOn } from './kit.ts'

const place = (n: number) => ({ timestamp: BigInt(n), hash: n.toString(16).padStart(64, '0') })

t.test('a cursor is remembered for an hour', async (t) => {
  let now = 0
  const cursors = new Cursors(() => now)
  cursors.give(place(1))
  now = 3_599_999
  t.same(cursors.placeOf(place(1).hash), place(1))
  now += 1
  t.equal(cursors.placeOf(place(1).hash), undefined)
})

t.test('of ten thousand cursors the oldest is forgotten for a new one', async (t) => {
  const cursors = new Cursors(() => 0)
  for (let n = 0; n < 10_000; n++) cursors.give(place(n))
  cursors.give(place(0))
  cursors.give(place(10_000))
  t.same(cursors.placeOf(place(0).hash), place(0), 'given out again')
  t.equal(cursors.placeOf(place(1).hash), undefined)
  t.same(cursors.placeOf(place(10_000).hash), place(10_000))
})

const program = needs(t, 'postgres')
if (program !== undefined)
  t.test('the node that gave a cursor out does not look for it', async (t) => {
    const server = await postgres(t, program)
    const schema = freshSchema()
    const archive = await archiveOn(t, await openOn(server, { schema }))
    const stored = envelopes(10)
    await store(archive, stored)
    const { cursor } = await ask(archive, { limit: 4 })
    t.equal(cursor, stored[3]!.hash)
    // Not deleted by an archive, so no grave tells where it was.
    await server.sql(`delete from ${schema}.messages where hash = decode($1, 'hex')`, [cursor])
    t.same(hashes((await ask(archive, { cursor })).messages), hashes(stored.slice(4)))
    const other = await archiveOn(t, await openOn(server, { schema }))
    await t.rejects(ask(other, { cursor }), { code: 'archive/unknown-cursor' }, 'another node does')
  })
