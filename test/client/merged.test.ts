import t from 'tap'
import { merged } from '../../src/client/merged.ts'
import type { Carried } from '../../src/messaging/network.ts'
import { all, pubsubTopic } from './kit.ts'

function carried(timestamp: bigint | undefined): Carried {
  const message = { payload: Buffer.of(), contentTopic: '/a/1/b/c', version: 0, timestamp, ephemeral: false }
  return { pubsubTopic, message }
}

async function* sequence(times: readonly (bigint | undefined)[], ended: () => void = () => {}) {
  try {
    for (const time of times) yield carried(time)
  } finally {
    ended()
  }
}

const timesOf = (found: readonly Carried[]) => found.map(({ message }) => message.timestamp)

t.test('several sequences come as one, in the order of time', async (t) => {
  const nanosecond = 1_700_000_000_000_000_000n
  const later = [nanosecond, nanosecond + 3n, nanosecond + 4n]
  const found = await all(merged([sequence(later), sequence([]), sequence([nanosecond + 1n, nanosecond + 2n])]))
  t.same(
    timesOf(found),
    [0n, 1n, 2n, 3n, 4n].map((distance) => nanosecond + distance),
  )
  t.same(await all(merged([])), [])
})

t.test('what has no time comes at once', async (t) => {
  t.same(timesOf(await all(merged([sequence([1n, undefined, 3n]), sequence([2n])]))), [1n, undefined, 2n, 3n])
})

t.test('all are ended when one is left or fails', async (t) => {
  let ended = 0
  const count = (): void => {
    ended += 1
  }
  for await (const _ of merged([sequence([1n, 2n], count), sequence([3n], count)])) break
  t.equal(ended, 2)
  async function* failing(): AsyncGenerator<Carried> {
    yield carried(1n)
    throw new Error('no more')
  }
  await t.rejects(all(merged([failing(), sequence([2n, 3n], count)])), { message: 'no more' })
  t.equal(ended, 3)
})
