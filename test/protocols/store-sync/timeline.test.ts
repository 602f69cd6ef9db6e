import fc from 'fast-check'
import t from 'tap'
import { zeroHash } from '../../../src/protocols/store-sync/codec.ts'
import { emptySum, sumBytes, Timeline } from '../../../src/protocols/store-sync/timeline.ts'
import { compare, type Id } from './nwaku.ts'

const id = fc.record({
  time: fc.bigInt(0n, 300n),
  hash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
})

type Step = { readonly add: readonly Id[] } | { readonly dropBefore: bigint }

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.array(id, { maxLength: 400, size: 'max' }).map((add) => ({ add })) },
    { weight: 1, arbitrary: fc.bigInt(0n, 200n).map((dropBefore) => ({ dropBefore })) },
  ),
  { maxLength: 6 },
)

function tagOf({ hash }: Id): bigint {
  return BigInt(`0x${hash.slice(0, 1)}`)
}

t.test('a timeline holds, counts, lists and sums up what a sorted list does', async (t) => {
  let most = 0
  fc.assert(
    fc.property(steps, fc.bigInt(0n, 300n), fc.bigInt(0n, 300n), fc.boolean(), (given, a, b, tagged) => {
      const timeline = new Timeline()
      let plain: Id[] = []
      for (const step of given) {
        if ('dropBefore' in step) {
          timeline.dropBefore(step.dropBefore)
          plain = plain.filter(({ time }) => time >= step.dropBefore)
        } else
          for (const one of step.add) {
            const isNew = !plain.some(({ time, hash }) => time === one.time && hash === one.hash)
            if (timeline.add({ time: one.time, hash: Buffer.from(one.hash, 'hex') }, tagOf(one)) !== isNew) return false
            if (isNew) plain.push(one)
          }
      }
      most = Math.max(most, plain.length)
      plain.sort(compare)
      const wanted = tagged ? new Set([1n, 2n, 3n, 4n]) : undefined
      const [from, to] = a < b ? [a, b] : [b, a]
      const span = { from: { time: from, hash: zeroHash }, to: { time: to, hash: zeroHash } }
      const within = plain.filter(({ time }) => time >= from && time < to)
      const expected = within.filter((one) => wanted === undefined || wanted.has(tagOf(one)))
      const sum = emptySum()
      timeline.addTo(sum, span, wanted)
      const xor = expected.reduce((all, { hash }) => all ^ BigInt(`0x${hash}`), 0n)
      const listed = [...timeline.ids(span, wanted)].map(({ hash }) => Buffer.from(hash).toString('hex'))
      const middle = Math.floor(within.length / 2)
      return (
        timeline.size === plain.length &&
        timeline.count(span) === within.length &&
        timeline.timeAt(span, middle) === within[middle]?.time &&
        timeline.firstTime === plain[0]?.time &&
        listed.join() === expected.map(({ hash }) => hash).join() &&
        Buffer.from(sumBytes(sum)).toString('hex') === xor.toString(16).padStart(64, '0')
      )
    }),
    { numRuns: 150 },
  )
  t.ok(most > 600, `several blocks were filled (${most} messages)`)
})
