/** Nodes that know one other, and find all by the DHT. */
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { kadNode } from './kit.ts'

/** Milliseconds between two looks at what is kept. */
const pause = 50

/** Five nodes that greet each other, on a machine with other work. */
t.setTimeout(120_000)

t.test('five nodes that know one of them only find each other, each with what it serves', async (t) => {
  const first = await kadNode(t)
  const others = []
  for (const service of ['/test/a', '/test/b', '/test/c', '/test/d'])
    others.push(await kadNode(t, { knows: [first], services: [service] }))
  for (const one of others)
    for (const other of others) {
      if (one === other) continue
      const record = await one.finds(other)
      t.same(
        record.services.map(({ id }) => id),
        [`/test/${'abcd'[others.indexOf(other)]}`],
      )
    }
  for (const one of others) t.ok(await first.finds(one))
})

t.test('a node puts its record at those whom it knows', async (t) => {
  const first = await kadNode(t)
  await kadNode(t, { knows: [first], services: ['/test/kept'] })
  while (first.kad.kept.size === 0) await setTimeout(pause)
  t.equal(first.kad.kept.size, 1)
})
