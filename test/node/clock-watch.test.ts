import t from 'tap'
import { toNanoseconds } from '../../src/core/time.ts'
import { ClockWatch } from '../../src/node/clock-watch.ts'
import { envelope } from '../kit/messages.ts'

/** A watch whose wall clock and monotonic clock the test moves. */
function watched() {
  const time = { wall: 1_700_000_000_000, monotonic: 5000 }
  const watch = new ClockWatch({ clock: () => time.wall, monotonic: () => time.monotonic })
  /** A message of a sender whose clock is `ahead` milliseconds ahead of ours. */
  const message = (ahead: number) =>
    watch.offer({ ...envelope({ timestamp: toNanoseconds(time.wall + ahead) }), receivedAt: time.wall })
  return { time, watch, message }
}

t.test('time that passes is no step, a clock that is set is one', async (t) => {
  const { time, watch } = watched()
  time.wall += 60_000
  time.monotonic += 60_000
  t.equal(watch.step(), 0)
  time.wall -= 7000
  t.equal(watch.step(), -7000)
})

t.test('the offset is the median of what live messages say, once there are enough', async (t) => {
  const { watch, message } = watched()
  for (let i = 0; i < 19; i++) message(3000)
  t.ok(Number.isNaN(watch.offset()), 'too few')
  message(3000)
  t.equal(watch.offset(), 3000)
  for (let i = 0; i < 15; i++) message(-86_400_000)
  t.equal(watch.offset(), 3000, 'some liars do not move it')
})

t.test('only the last messages count, and none that are long past', async (t) => {
  const { time, watch, message } = watched()
  for (let i = 0; i < 200; i++) message(9000)
  for (let i = 0; i < 101; i++) message(1000)
  t.equal(watch.offset(), 1000)
  time.monotonic += 10 * 60_000 + 1
  t.ok(Number.isNaN(watch.offset()))
})

t.test('a message without a timestamp says nothing', async (t) => {
  const { watch } = watched()
  for (let i = 0; i < 50; i++) watch.offer(envelope({ timestamp: i % 2 === 0 ? undefined : 0n }))
  t.ok(Number.isNaN(watch.offset()))
})
