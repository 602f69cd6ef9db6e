import t from 'tap'
import type { HeldPartition } from '../../../src/archive/postgres/catalog.ts'
import { nextStep } from '../../../src/archive/postgres/retention.ts'

/** Partitions of ten nanoseconds each, with so many messages. */
function partitions(...held: number[]): HeldPartition[] {
  return held.map((messages, index) => {
    const from = BigInt(index * 10)
    return { name: `p${index}`, from, to: from + 10n, pending: false, messages, bytes: messages * 100 }
  })
}

const cases = [
  { id: 'all of it is older than the limit', held: [5, 5, 5], limits: { before: 10n }, step: 'drop p0' },
  { id: 'enough is left without it', held: [5, 5, 5], limits: { keepMessages: 10 }, step: 'drop p0' },
  { id: 'enough bytes are left without it', held: [5, 5, 5], limits: { keepBytes: 1000 }, step: 'drop p0' },
  { id: 'one message too few would be left', held: [5, 5, 5], limits: { keepMessages: 11 }, step: 'rows p0' },
  { id: 'it is a small part of what is kept', held: [5, 50, 50], limits: { keepMessages: 101 }, step: undefined },
  { id: 'it is a small part of the bytes kept', held: [5, 50, 50], limits: { keepBytes: 10_100 }, step: undefined },
  {
    id: 'it is a short part of the time kept',
    held: [5, ...Array(20).fill(5)],
    limits: { before: 9n },
    step: undefined,
  },
  { id: 'it is a long part of the time kept', held: [5, 5], limits: { before: 9n }, step: 'rows p0' },
  { id: 'it is empty, and there is more', held: [0, 5], limits: {}, step: 'drop p0' },
  { id: 'it is the only one with messages', held: [5, 0], limits: { keepMessages: 0 }, step: 'rows p0' },
  { id: 'nothing is there', held: [], limits: { before: 10n }, step: undefined },
  { id: 'everything is kept', held: [5, 5], limits: {}, step: undefined },
]

for (const { id, held, limits, step } of cases)
  t.test(`of the oldest partition goes what may: ${id}`, async (t) => {
    const all = partitions(...held)
    const next = nextStep(all, limits, (all.at(-1)?.to ?? 1n) - 1n)
    const told = next && ('drop' in next ? `drop ${next.drop.name}` : `rows ${next.rows.name}`)
    t.equal(told, step)
  })
