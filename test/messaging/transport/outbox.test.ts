/** What waits to go out. */
import t from 'tap'
import { WaypostError } from '../../../src/core/errors.ts'
import type { Network } from '../../../src/messaging/network.ts'
import { openDatabase } from '../../../src/messaging/storage/database.ts'
import { Outbox } from '../../../src/messaging/transport/outbox.ts'

class Wire implements Network {
  readonly taken: string[] = []
  isOn = true

  listen(): void {}
  follow(): void {}

  async publish(_: string, encoded: Uint8Array): Promise<void> {
    if (!this.isOn) throw new WaypostError('messaging/no-network', { why: 'it is off' })
    this.taken.push(Buffer.from(encoded).toString())
  }

  async *query(): AsyncGenerator<never> {}
}

t.test('what waits goes out in order, once there is a network, and the same after a restart', async (t) => {
  const rows = await openDatabase(`${t.testdir({})}/messages`, Buffer.alloc(32, 7))
  t.teardown(() => rows[Symbol.asyncDispose]())
  const wire = new Wire()
  wire.isOn = false
  const outbox = await Outbox.load(rows, wire, (error) => t.fail(String(error)))
  await rows.transaction(async (turn) => {
    for (const text of ['one', 'two']) outbox.put(turn, { pubsubTopic: '/waku/2/rs/16/32', encoded: Buffer.from(text) })
  })
  await outbox.flush()
  t.same(wire.taken, [])
  t.equal(outbox.waiting, 2)
  const again = await Outbox.load(rows, wire, (error) => t.fail(String(error)))
  t.equal(again.waiting, 2)
  await rows.transaction(async (turn) =>
    again.put(turn, { pubsubTopic: '/waku/2/rs/16/32', encoded: Buffer.from('three') }),
  )
  wire.isOn = true
  await again.flush()
  t.same(wire.taken, ['one', 'two', 'three'])
  t.equal(again.waiting, 0)
  await again.flush()
  t.equal(wire.taken.length, 3)
})
