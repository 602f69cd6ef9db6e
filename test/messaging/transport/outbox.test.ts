/** What waits to go out. */
import t, { type Test } from 'tap'
import { WaypostError } from '../../../src/core/errors.ts'
import { type DecodedMessage, decodeMessage, encodeMessage } from '../../../src/core/message.ts'
import { toNanoseconds } from '../../../src/core/time.ts'
import type { Network } from '../../../src/messaging/network.ts'
import { openDatabase } from '../../../src/messaging/storage/database.ts'
import { Outbox } from '../../../src/messaging/transport/outbox.ts'

const pubsubTopic = '/waku/2/rs/16/32'

class Wire implements Network {
  readonly taken: DecodedMessage[] = []
  isOn = true
  listen(): void {}
  follow(): void {}

  async publish(_: string, encoded: Uint8Array): Promise<void> {
    if (!this.isOn) throw new WaypostError('messaging/no-network', { why: 'it is off' })
    this.taken.push(decodeMessage(encoded))
  }

  async *query(): AsyncGenerator<never> {}

  get texts(): string[] {
    return this.taken.map(({ payload }) => Buffer.from(payload).toString())
  }
}

function sealed(text: string, at: number) {
  const timestamp = toNanoseconds(at)
  return { pubsubTopic, encoded: encodeMessage({ contentTopic: '/a/1/b/c', timestamp, payload: Buffer.from(text) }) }
}

async function parts(t: Test) {
  const database = await openDatabase(`${t.testdir({})}/messages`, Buffer.alloc(32, 7))
  t.teardown(() => database[Symbol.asyncDispose]())
  const network = new Wire()
  const time = { now: 1_700_000_000_000 }
  return { database, network, time, clock: () => time.now, failed: (error: unknown) => t.fail(String(error)) }
}

t.test('what waits goes out in order, once there is a network, and the same after a restart', async (t) => {
  const all = await parts(t)
  const { database, network, time } = all
  network.isOn = false
  const outbox = await Outbox.load(all)
  await database.transaction(async (turn) => {
    for (const text of ['one', 'two']) outbox.put(turn, sealed(text, time.now))
  })
  await outbox.flush()
  t.same(network.texts, [])
  t.equal(outbox.waiting, 2)
  const again = await Outbox.load(all)
  t.equal(again.waiting, 2)
  await database.transaction(async (turn) => again.put(turn, sealed('three', time.now)))
  network.isOn = true
  await again.flush()
  t.same(network.texts, ['one', 'two', 'three'])
  t.equal(again.waiting, 0)
  await again.flush()
  t.equal(network.taken.length, 3)
})

t.test('what nobody took is due again after a while, and not once it was taken', async (t) => {
  const all = await parts(t)
  const { database, network, time } = all
  network.isOn = false
  const outbox = await Outbox.load(all)
  await database.transaction(async (turn) => outbox.put(turn, sealed('one', time.now)))
  t.equal(outbox.dueAt, undefined)
  await outbox.flush()
  t.equal(outbox.dueAt, time.now + 5000)
  network.isOn = true
  await outbox.flush()
  t.equal(outbox.dueAt, undefined)
  t.same(network.texts, ['one'])
})

t.test('what waited long goes out under the time of its sending, what is fresh as it was sealed', async (t) => {
  const all = await parts(t)
  const { database, network, time } = all
  const outbox = await Outbox.load(all)
  await database.transaction(async (turn) => {
    outbox.put(turn, sealed('old', time.now - 60_000))
    outbox.put(turn, sealed('fresh', time.now - 1000))
  })
  await outbox.flush()
  t.same(network.texts, ['old', 'fresh'])
  t.same(
    network.taken.map(({ timestamp }) => timestamp),
    [toNanoseconds(time.now), toNanoseconds(time.now - 1000)],
  )
})

t.test('what is put in while others go out goes out too', async (t) => {
  const all = await parts(t)
  const { database, network, time } = all
  const outbox = await Outbox.load(all)
  const put = (text: string) => database.transaction(async (turn) => outbox.put(turn, sealed(text, time.now)))
  await put('first')
  let late: Promise<void> | undefined
  // Put in at the last moment: when the row of the first is gone, and the rows have been looked at for the last time.
  const transaction = database.transaction.bind(database)
  database.transaction = async (work) => {
    const result = await transaction(work)
    late ??= transaction(async (turn) => outbox.put(turn, sealed('second', time.now))).then(() => outbox.flush())
    return result
  }
  await outbox.flush()
  await late
  t.same(network.texts, ['first', 'second'])
})
