import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, truncateSync, watch, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { type Ring, slotOf } from '../../../src/messaging/storage/ring.ts'
import { RingFile } from '../../../src/messaging/storage/ring-file.ts'
import { RowFiles } from '../../../src/messaging/storage/row-files.ts'
import { StorageKeys } from '../../../src/messaging/storage/sealing.ts'
import type { Changes, Told } from './crash-process.ts'
import { bytes, close, databaseKey, inOrder, opened, put, remove, scanned } from './kit.ts'
import { broken, ringKeys, sealedRows, stolen } from './thief.ts'

const kills = 15

/** What must be there: all that was acknowledged, and of a transaction that was under way all or nothing. */
class Expected {
  #rows = new Map<string, string>()
  #underWay: Changes | undefined
  transactions = 0

  hear(told: Told): void {
    if ('begun' in told) this.#underWay = told.begun
    else this.#settle(true)
  }

  /** The rows that were found after a crash, if they are as they may be; else those that must be. */
  judge(found: readonly [string, string][]): { right: boolean; wanted: [string, string][] } {
    const before = inOrder(this.#rows)
    this.#settle(JSON.stringify(before) !== JSON.stringify(found))
    const wanted = inOrder(this.#rows)
    return { right: JSON.stringify(wanted) === JSON.stringify(found), wanted }
  }

  #settle(isDone: boolean): void {
    if (isDone && this.#underWay !== undefined) {
      this.#rows = applied(this.#rows, this.#underWay)
      this.transactions += 1
    }
    this.#underWay = undefined
  }
}

function applied(rows: ReadonlyMap<string, string>, changes: Changes): Map<string, string> {
  const next = new Map(rows)
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) next.delete(key)
    else next.set(key, value)
  }
  return next
}

/** Resolves when the process was killed after `count` transactions, and all that it said was heard. */
async function killedAfter(child: ChildProcess, count: number, expected: Expected): Promise<void> {
  let done = 0
  child.on('message', (told: Told) => {
    expected.hear(told)
    if ('done' in told && ++done === count) child.kill('SIGKILL')
  })
  await once(child, 'close')
}

/** The same, but killed when files of the ring have come or gone `count` times: in the middle of a turn, or at its end. */
async function killedInTurn(child: ChildProcess, folder: string, count: number, expected: Expected): Promise<void> {
  child.on('message', (told: Told) => expected.hear(told))
  await once(child, 'message')
  let changes = 0
  const watcher = watch(folder, (event, name) => {
    if (event === 'rename' && name?.startsWith('ring') && ++changes === count) child.kill('SIGKILL')
  })
  await once(child, 'close')
  watcher.close()
}

t.test(`${kills} kills at any point lose no row, and bring none back`, async (t) => {
  const folder = path.join(t.testdir(), 'messages')
  const script = new URL('./crash-process.js', import.meta.url)
  const expected = new Expected()
  let interrupted = 0
  for (let round = 0; round < kills; round += 1) {
    const child = fork(script, [folder, String(round % 5)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    t.teardown(() => child.kill('SIGKILL'))
    if (round % 3 === 0) await killedAfter(child, 20 + ((round * 13) % 40), expected)
    else await killedInTurn(child, folder, 20 + round, expected)
    if (ringKeys(folder).length !== 64) interrupted += 1
    const database = await opened(t, folder)
    const { right, wanted } = expected.judge(await scanned(database))
    if (!right) t.same(await scanned(database), wanted, `after kill ${round}`)
    await close(database)
    t.equal(ringKeys(folder).length, 64, `the ring is in order again after kill ${round}`)
  }
  t.ok(expected.transactions > kills * 10, `${expected.transactions} transactions, ${interrupted} turns interrupted`)
})

const names = Array.from({ length: 200 }, (_, index) => `secret/${index}`)
/** Those that turn, half of all. */
const slots = new Set(Array.from({ length: 32 }, (_, index) => index * 2).concat(slotOf('secret/1')))
const turning = names.filter((key) => slots.has(slotOf(key)))

interface Prepared {
  readonly folder: string
  readonly file: RingFile
  readonly ring: Ring
  /** The ring with both keys. */
  readonly next: Ring
}

/** What a crash leaves at each point of a turn; `turns`: the new keys are in force already. */
interface Crash {
  readonly id: string
  readonly turns: boolean
  make(prepared: Prepared): Promise<void>
}

const crashes: readonly Crash[] = [
  { id: 'before a turn', turns: false, async make() {} },
  { id: 'when the ring with both keys is a name', turns: false, make: (prepared) => torn(prepared, 0) },
  { id: 'when the ring with both keys is there in part', turns: false, make: (prepared) => torn(prepared, 1000) },
  { id: 'when the ring with both keys is written', turns: true, make: ({ file, next }) => file.write(next) },
  { id: 'when the ring before is overwritten in part', turns: true, make: halfCleared },
  { id: 'when the ring before is gone', turns: true, make: (prepared) => rewritten(prepared, []) },
  { id: 'when some rows are written anew', turns: true, make: (prepared) => rewritten(prepared, turning.slice(0, 40)) },
  { id: 'when all rows are written anew', turns: true, make: (prepared) => rewritten(prepared, turning) },
  {
    id: 'when the ring with the new keys is written',
    turns: true,
    async make(prepared) {
      await rewritten(prepared, turning)
      await prepared.file.write(prepared.next.withoutOldKeys())
    },
  },
]

for (const { id, turns, make } of crashes) {
  t.test(`a crash ${id} is mended by the next opening`, async (t) => {
    const folder = path.join(t.testdir(), 'messages')
    const first = await opened(t, folder)
    await put(first, ...names)
    await close(first)
    const sealed = (await sealedRows(stolen(folder, `${folder}-before`))).get('secret/1')!
    const file = new RingFile(folder, new StorageKeys(databaseKey))
    const ring = (await file.read()) as Ring // It was made with the database.
    await make({ folder, file, ring, next: ring.withNewKeys(slots) })

    t.equal(broken(folder, 'secret/1', sealed), 'of secret/1', 'control: the old key is there')
    const database = await opened(t, folder)
    t.strictSame(await scanned(database), inOrder(new Map(names.map((key) => [key, `of ${key}`]))))
    t.equal(ringKeys(folder).length, 64)
    t.equal(ringNames(folder).length, 1)
    t.equal(broken(folder, 'secret/1', sealed), turns ? undefined : 'of secret/1')
    await remove(database, 'secret/1')
    await database.erased()
    t.equal(broken(folder, 'secret/1', sealed), undefined, 'the next turn goes well')
  })
}

/** What a crash leaves while a database is made. */
const beginnings: readonly { readonly id: string; readonly cut: (folder: string) => void }[] = [
  {
    id: 'before LevelDB has its files',
    cut(folder) {
      removeRing(folder)
      rmSync(path.join(folder, 'rows', 'CURRENT'))
    },
  },
  { id: 'before the ring is there', cut: removeRing },
  { id: 'while the first ring is written', cut: (folder) => cutRing(folder, 1000) },
  { id: 'when the first ring is a name', cut: (folder) => cutRing(folder, 0) },
]

for (const { id, cut } of beginnings) {
  t.test(`a database is made anew after a crash ${id}`, async (t) => {
    const folder = path.join(t.testdir(), 'messages')
    await close(await opened(t, folder))
    cut(folder)
    const database = await opened(t, folder)
    await put(database, 'secret/1')
    await close(database)
    t.same(await scanned(await opened(t, folder)), [['secret/1', 'of secret/1']])
  })
}

function removeRing(folder: string): void {
  for (const name of ringNames(folder)) rmSync(path.join(folder, name))
}

function cutRing(folder: string, length: number): void {
  for (const name of ringNames(folder)) truncateSync(path.join(folder, name), length)
}

function ringNames(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('ring'))
}

async function torn({ folder, file, next }: Prepared, length: number): Promise<void> {
  const before = ringNames(folder)
  await file.write(next)
  for (const name of ringNames(folder)) if (!before.includes(name)) truncateSync(path.join(folder, name), length)
}

async function halfCleared({ folder, file, next }: Prepared): Promise<void> {
  const before = ringNames(folder).map((name) => path.join(folder, name))
  await file.write(next)
  for (const name of before) {
    const content = readFileSync(name)
    writeFileSync(name, content.fill(0, 0, 1000))
  }
}

async function rewritten({ folder, file, next }: Prepared, keys: readonly string[]): Promise<void> {
  await file.write(next)
  await file.clear(next)
  const rows = await RowFiles.open(folder, true)
  await rows.write(keys.map((key) => ({ key, value: next.seal(key, bytes(`of ${key}`)) })))
  await rows.close()
}
