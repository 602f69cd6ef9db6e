import fc from 'fast-check'
import t from 'tap'
import {
  boundOf,
  defaultSpans,
  maxTime,
  minTime,
  nameOf,
  type Partition,
  partitionAt,
  partitionFor,
  spanFrom,
} from '../../../src/archive/postgres/partitions.ts'

const hour = 3_600_000_000_000n
const now = 1_764_172_800n * 1_000_000_000n

t.test('near the present a partition is an hour, further away thirty days, and at the ends one', async (t) => {
  t.match(partitionFor(now + 5n, now, []), { name: 'messages_1764172800_1764176400', from: now, to: now + hour })
  const old = partitionFor(now - 400n * 24n * hour, now, [])
  t.equal(old.to - old.from, 720n * hour)
  t.match(partitionFor(minTime, now, []), { name: 'messages_min_946684800', from: minTime })
  t.match(partitionFor(maxTime, now, []), { name: 'messages_4102444800_max', to: maxTime + 1n })
  t.match(partitionFor(0n, now, []), { name: 'messages_min_946684800' })
})

t.test('whatever comes when, each timestamp is in one partition and no two partitions overlap', async (t) => {
  const time = fc.oneof(
    fc.bigInt({ min: now - 100n * hour, max: now + 100n * hour }),
    fc.bigInt({ min: minTime, max: maxTime }),
    fc.constantFrom(minTime, maxTime, defaultSpans.line.from, defaultSpans.line.to, now),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(time, fc.bigInt({ min: 0n, max: 50n })), { maxLength: 40 }), (arrivals) => {
      const made: Partition[] = []
      for (const [timestamp, later] of arrivals) {
        if (partitionAt(made, timestamp) === undefined) {
          made.push(partitionFor(timestamp, now + later * hour, made))
          made.sort((a, b) => (a.from < b.from ? -1 : 1))
        }
        const found = partitionAt(made, timestamp)
        if (found === undefined || timestamp < found.from || timestamp >= found.to) return false
      }
      return (
        made.every(({ to }, index) => to <= (made[index + 1]?.from ?? to)) &&
        new Set(made.map(nameOf)).size === made.length
      )
    }),
  )
  t.pass('200 runs')
})

t.test('inventing timestamps makes no more than some thousand partitions', async (t) => {
  const { line, far } = defaultSpans
  t.ok((line.to - line.from) / far < 2000n)
})

t.test('a span is read as PostgreSQL tells it', async (t) => {
  t.same(spanFrom("FOR VALUES FROM ('-5') TO ('3600')"), { from: -5n, to: 3600n })
  t.same(spanFrom("FOR VALUES FROM (MINVALUE) TO ('0')"), { from: minTime, to: 0n })
  t.same(spanFrom("FOR VALUES FROM ('0') TO (MAXVALUE)"), { from: 0n, to: maxTime + 1n })
  t.equal(spanFrom('DEFAULT'), undefined)
  t.same([minTime, 5n, maxTime + 1n].map(boundOf), ['minvalue', "'5'", 'maxvalue'])
})

t.test('a name holds fractions of a second only where there are some', async (t) => {
  t.equal(nameOf({ from: -2_000_000_000n, to: 0n }), 'messages_-2_0')
  t.equal(nameOf({ from: -1n, to: 2n }), 'messages_-1.999999999_0.000000002')
})
