import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { Turns } from '../../src/core/turns.ts'

/** Pieces of work that end when they are told to; `begun` are those that had their turn, in order. */
function pieces(turns: Turns) {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const take = (peer: string, name: string): Promise<string> =>
    turns.take(peer, () => {
      begun.push(name)
      const { promise, resolve } = Promise.withResolvers<string>()
      ends.set(name, () => resolve(name))
      return promise
    })
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.()
    await setImmediate()
    await setImmediate()
  }
  return { begun, take, end }
}

t.test('a few have their turn at once, the next when one has ended', async (t) => {
  const { begun, take, end } = pieces(new Turns({ atOnce: 2, waiting: 10 }))
  const all = ['a', 'b', 'c', 'd'].map((name) => take(name, name))
  await setImmediate()
  t.same(begun, ['a', 'b'])
  await end('b')
  t.same(begun, ['a', 'b', 'c'])
  for (const name of ['a', 'c', 'd']) await end(name)
  t.same(await Promise.all(all), ['a', 'b', 'c', 'd'])
})

t.test('peers have their turns one after the other, however much one asks for', async (t) => {
  const turns = new Turns({ atOnce: 1, waiting: 10 })
  const { begun, take, end } = pieces(turns)
  for (const name of ['much 1', 'much 2', 'much 3']) void take('much', name)
  void take('little', 'little 1')
  void take('less', 'less 1')
  t.equal(turns.waiting, 4)
  await setImmediate()
  for (const name of ['much 1', 'much 2', 'little 1', 'less 1', 'much 3']) await end(name)
  t.same(begun, ['much 1', 'much 2', 'little 1', 'less 1', 'much 3'])
  t.equal(turns.waiting, 0)
})

t.test('when many wait there is room for those who do not yet', async (t) => {
  const turns = new Turns({ atOnce: 1, waiting: 2 })
  const { take, end } = pieces(turns)
  for (const name of ['first', 'second', 'third']) {
    t.ok(turns.hasRoom('much'))
    void take('much', name)
  }
  t.notOk(turns.hasRoom('much'))
  t.ok(turns.hasRoom('little'))
  await setImmediate()
  await end('first')
  t.ok(turns.hasRoom('much'), 'one has had its turn')
})

t.test('between two turns comes what else is due', async (t) => {
  const turns = new Turns({ atOnce: 1, waiting: 10 })
  const order: string[] = []
  const piece = (name: string) => turns.take(name, async () => void order.push(name))
  const first = piece('first')
  const second = piece('second')
  const other = setImmediate().then(() => order.push('other'))
  await Promise.all([first, second, other])
  t.same(order, ['first', 'other', 'second'])
})

t.test('work that fails ends its turn', async (t) => {
  const turns = new Turns({ atOnce: 1, waiting: 10 })
  await t.rejects(
    turns.take('a', async () => {
      throw new Error('no')
    }),
    { message: 'no' },
  )
  t.equal(await turns.take('a', async () => 'done'), 'done')
})
