/** kill -9 while an archive of schema 1 is brought to the present schema: it goes on, nothing is lost, nothing is twice. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { openLevel } from '../../src/archive/level/level.ts'
import { isOld } from '../../src/archive/level/migrate.ts'
import { isWhole, verify } from '../../src/archive/level/verify.ts'
import { archiveOn, envelopeAt, hashes, inOrder, pages, store } from '../archive/kit.ts'
import { openLevel as openSchemaOne } from '../archive/schema-1/level.ts'
import { environment } from '../kit/environment.ts'

t.setTimeout(600_000)

/** Many with the same timestamp, so that partitions begin among them. */
const stored = Array.from({ length: 4000 }, (_, number) =>
  envelopeAt(BigInt((number * 7) % 1000), {
    pubsubTopic: `/waku/2/rs/1/${number % 3}`,
    contentTopic: `/t/1/${number % 5}/x`,
  }),
)
const expected = hashes(inOrder(stored))

async function old(t: Test): Promise<string> {
  const folder = path.join(t.testdir(), 'old')
  const archive = await archiveOn(t, await openSchemaOne({ folder }))
  for (let at = 0; at < stored.length; at += 1000) await store(archive, stored.slice(at, at + 1000))
  await archive[Symbol.asyncDispose]()
  return folder
}

/** Migrates, and kills the process after it said so often that it goes on. True when it came to its end. */
async function migrate(folder: string, pieces: number): Promise<boolean> {
  const script = new URL('./archive-migrator.js', import.meta.url).pathname
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'], env: environment() })
  const exit = once(child, 'exit')
  let said = 0
  if (pieces === 0) child.once('spawn', () => child.kill('SIGKILL'))
  for await (const _ of createInterface(child.stdout)) {
    said += 1
    if (said === pieces) child.kill('SIGKILL')
  }
  const [code, signal] = await exit
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the migration ended with ${code}`)
  return code === 0
}

async function hasAll(t: Test, folder: string): Promise<void> {
  const archive = await archiveOn(t, await openLevel({ folder }))
  t.same(
    (await pages(archive)).flatMap(({ messages }) => hashes(messages)),
    expected,
  )
  t.equal(archive.held.messages, stored.length)
  t.same(archive.status().losses, [])
  await archive[Symbol.asyncDispose]()
  t.notOk(await isOld(folder), 'the old files are gone')
  for await (const report of verify(folder)) t.ok(isWhole(report), `partition ${report.partition} is whole`)
}

t.test('a migration that is killed goes on, wherever that was', async (t) => {
  const folder = await old(t)
  // A piece has 200 messages: in the middle, at the last one, and in between, with what comes after it.
  for (const pieces of [1, 7, 13, 19, 20]) {
    const copy = path.join(t.testdirName, `killed-${pieces}`)
    await cp(folder, copy, { recursive: true })
    if (pieces < 20) t.notOk(await migrate(copy, pieces), 'it was killed')
    else await migrate(copy, pieces)
    await hasAll(t, copy)
  }
})

t.test('also when it is killed again and again', async (t) => {
  const folder = await old(t)
  let kills = 0
  for (const pieces of [0, 1, 3, 2, 5, 1, 4]) if (!(await migrate(folder, pieces))) kills += 1
  t.ok(kills > 3, `it was killed ${kills} times`)
  while (!(await migrate(folder, Number.POSITIVE_INFINITY)));
  await hasAll(t, folder)
})
