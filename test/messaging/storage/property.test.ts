import assert from 'node:assert/strict'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { openDatabase } from '../../../src/messaging/storage/database.ts'
import type { Database, Range } from '../../../src/messaging/storage/rows.ts'
import { bytes, close, databaseKey, inOrder, scanned, text } from './kit.ts'

const runs = 60

const key = fc.constantFrom(
  ...['a/1', 'a/2', 'a/11', 'b/\u00e9', 'b/\uffee', 'b/\u{1f600}', '!/1'],
  ...Array.from({ length: 12 }, (_, index) => `secret/${index}`),
)
const step = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key, value: fc.string({ maxLength: 20 }) }),
  fc.record({ kind: fc.constant('remove' as const), key }),
  fc.record({ kind: fc.constant('get' as const), key }),
)
const range: fc.Arbitrary<Range> = fc.record(
  {
    prefix: fc.constantFrom('', 'a/', 'a/1', 'b/', 'secret/', 'secret/1', 'c/'),
    before: key,
    after: key,
    backwards: fc.boolean(),
    limit: fc.nat(8),
  },
  { requiredKeys: ['prefix'] },
)
const act = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('transaction' as const), steps: fc.array(step), fails: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('scan' as const), range }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('erase' as const, 'reopen' as const) }) },
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never
type Act = typeof act extends fc.Arbitrary<infer Value> ? Value : never

const onPurpose = new Error('on purpose')

/** A database beside a plain map that must stay like it. */
class Pair {
  readonly #folder: string
  #database: Database | undefined
  #rows = new Map<string, string>()

  constructor(folder: string) {
    this.#folder = folder
  }

  async do(act: Act): Promise<void> {
    const database = await this.#opened()
    if (act.kind === 'transaction') await this.#transaction(database, act.steps, act.fails)
    if (act.kind === 'scan') assert.deepEqual(await scanned(database, act.range), expectedOf(this.#rows, act.range))
    if (act.kind === 'erase') await database.erased()
    if (act.kind === 'reopen') await this.close()
  }

  async check(): Promise<void> {
    const database = await this.#opened()
    assert.deepEqual(await scanned(database), inOrder(this.#rows))
    for (const key of this.#rows.keys()) assert.equal(text(await database.get(key)), this.#rows.get(key))
  }

  async close(): Promise<void> {
    if (this.#database !== undefined) await close(this.#database)
    this.#database = undefined
  }

  async #opened(): Promise<Database> {
    this.#database ??= await openDatabase(this.#folder, databaseKey, { delay: 1 })
    return this.#database
  }

  async #transaction(database: Database, steps: readonly Step[], fails: boolean): Promise<void> {
    const next = new Map(this.#rows)
    const done = database.transaction(async (rows) => {
      for (const step of steps) {
        if (step.kind === 'put') rows.put(step.key, bytes(step.value))
        if (step.kind === 'remove') rows.remove(step.key)
        if (step.kind === 'put') next.set(step.key, step.value)
        if (step.kind === 'remove') next.delete(step.key)
        assert.equal(text(await rows.get(step.key)), next.get(step.key))
      }
      if (fails) throw onPurpose
    })
    if (fails) await assert.rejects(done, onPurpose)
    else await done
    if (!fails) this.#rows = next
  }
}

function expectedOf(rows: ReadonlyMap<string, string>, range: Range): [string, string][] {
  const { prefix, before, after, backwards = false, limit = Number.POSITIVE_INFINITY } = range
  const found = inOrder(rows).filter(
    ([key]) =>
      key.startsWith(prefix) &&
      (before === undefined || Buffer.compare(bytes(key), bytes(before)) < 0) &&
      (after === undefined || Buffer.compare(bytes(key), bytes(after)) > 0),
  )
  return (backwards ? found.reverse() : found).slice(0, limit)
}

t.test('a database holds what a map would, through failures, turns of the ring and restarts', async (t) => {
  const folder = t.testdir()
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 25 }), async (acts) => {
      run += 1
      const pair = new Pair(path.join(folder, String(run)))
      for (const act of acts) await pair.do(act)
      await pair.check()
      await pair.close()
      await pair.check()
      await pair.close()
    }),
    { numRuns: runs },
  )
  t.pass(`${runs} runs`)
})
