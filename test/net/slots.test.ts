import t from 'tap'
import { Slots } from '../../src/net/slots.ts'

/** Lets everything run that can. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

t.test('so many tasks run at once and no more, in the order of coming', async (t) => {
  const slots = new Slots(2)
  const started: number[] = []
  const tasks = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
  const ends = tasks.map(({ promise }, index) =>
    slots.run(() => {
      started.push(index)
      return promise
    }),
  )
  await turn()
  t.same(started, [0, 1])
  tasks[1]?.resolve()
  await turn()
  t.same(started, [0, 1, 2])
  for (const { resolve } of tasks) resolve()
  await Promise.all(ends)
  t.same(started, [0, 1, 2, 3])
})

t.test('a task that fails frees its slot', async (t) => {
  const slots = new Slots(1)
  await t.rejects(slots.run(() => Promise.reject(new Error('no'))))
  t.equal(await slots.run(async () => 7), 7)
})
