/** What is under way at once, in which order it is given, and what an error leaves. */
import t from 'tap'
import { overlapped } from '../../src/archive/overlapped.ts'

/** Work that ends when the test says so. */
class Works {
  readonly begun: number[] = []
  readonly #ends = new Map<number, PromiseWithResolvers<number>>()

  readonly work = (one: number): Promise<number> => {
    this.begun.push(one)
    return this.of(one).promise
  }

  of(one: number): PromiseWithResolvers<number> {
    const end = this.#ends.get(one) ?? Promise.withResolvers<number>()
    this.#ends.set(one, end)
    return end
  }
}

t.test('the next is begun while one is under way, no more than allowed, and given in order', async (t) => {
  const works = new Works()
  const given = overlapped([1, 2, 3, 4], works.work, 2)
  const first = given.next()
  works.of(2).resolve(2)
  works.of(1).resolve(1)
  t.same(await first, { value: 1, done: false })
  t.same(works.begun, [1, 2])
  for (const one of [3, 4]) works.of(one).resolve(one)
  const rest: number[] = []
  for await (const one of given) rest.push(one)
  t.same(rest, [2, 3, 4])
  t.same(works.begun, [1, 2, 3, 4])
})

t.test('what was begun before the source fails is given, then the error is thrown', async (t) => {
  const failing = function* () {
    yield* [1, 2]
    throw new Error('the source broke')
  }
  const given: number[] = []
  const reading = async () => {
    for await (const one of overlapped(failing(), async (one) => one, 3)) given.push(one)
  }
  await t.rejects(reading(), { message: 'the source broke' })
  t.same(given, [1, 2])
})

t.test('when work fails nothing more is begun, and what others made is given before the first error', async (t) => {
  const works = new Works()
  works.of(1).reject(new Error('the first'))
  for (const one of [2, 3, 4]) works.of(one).resolve(one)
  const given: number[] = []
  const reading = async () => {
    for await (const one of overlapped([1, 2, 3, 4], works.work, 2)) given.push(one)
  }
  await t.rejects(reading(), { message: 'the first' })
  t.same(given, [2])
  t.same(works.begun, [1, 2])
})

t.test('whoever stops reading waits for what is under way', async (t) => {
  const works = new Works()
  const given = overlapped([1, 2, 3], works.work, 2)
  works.of(1).resolve(1)
  await given.next()
  let ended = false
  const returning = given.return().then(() => {
    ended = true
  })
  await new Promise(setImmediate)
  t.notOk(ended)
  works.of(2).resolve(2)
  await returning
  t.ok(ended)
})
