import { randomUUID } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { type DiskLimits, defaultBallast, defaultMinFree, guardDisk } from '../../src/archive/disk.ts'
import { openMemory } from '../../src/archive/memory.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { ManualSchedule } from '../kit/schedule.ts'
import { archiveOn, ask, envelopeAt, envelopes, hashes, store } from './kit.ts'

const mebibyte = 1024 * 1024
const now = 1_700_000_000_000

/** A guard of a disk that is as full as the test says; the folder is real. */
async function guarded(t: Test, limits: DiskLimits, { ballast }: { ballast?: number } = {}) {
  const folder = t.testdir()
  const room = { free: 1000 * mebibyte, size: 10_000 * mebibyte }
  const file = path.join(folder, 'ballast')
  if (ballast !== undefined) await writeFile(file, Buffer.alloc(ballast))
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const log = createLog({ level: 'info', format: 'json', destination })
  const { schedule, due } = new ManualSchedule()
  const measured = { looks: 0 }
  const measure = async () => {
    measured.looks += 1
    return { ...room }
  }
  const guard = await guardDisk({ folder, limits, log, schedule, clock: () => now, measure })
  t.teardown(() => guard[Symbol.asyncDispose]())
  /** Lets the disk have `free` mebibytes, and the guard see it. */
  const see = async (free: number) => {
    room.free = free * mebibyte
    await guard.look()
    await guard.settled()
  }
  return { guard, room, see, file, folder, lines, due, measured }
}

t.test(
  'where nothing is said, 5 % and 512 MiB at the most stay free, and a tenth and 64 MiB at the most are ballast',
  async (t) => {
    t.equal(defaultMinFree(1000 * mebibyte), 50 * mebibyte)
    t.equal(defaultMinFree(100_000 * mebibyte), 512 * mebibyte)
    t.equal(defaultBallast(100 * mebibyte), 10 * mebibyte)
    t.equal(defaultBallast(100_000 * mebibyte), 64 * mebibyte)
    const { guard, see } = await guarded(t, { ballast: 0 })
    await see(500)
    t.equal(guard.trouble, undefined)
    await see(499)
    t.not(guard.trouble, undefined, '5 % of 10000 MiB')
  },
)

t.test('storing stops below the limit and goes on a tenth above it, with a line for each', async (t) => {
  const { guard, see, folder, lines } = await guarded(t, { minFree: { percent: 1 }, ballast: 0 })
  const changes: boolean[] = []
  await guard.start(() => changes.push(guard.trouble !== undefined))
  await see(100)
  t.equal(guard.trouble, undefined, 'at the limit')
  await see(99)
  const why = `the disk of ${folder} has 99 MiB left, below store-min-free (100 MiB)`
  t.same(guard.trouble, { why, since: now })
  await see(98)
  await see(109)
  t.match(guard.trouble, { why: /109 MiB left/ }, 'not yet')
  await see(110)
  t.equal(guard.trouble, undefined)
  await see(105)
  t.equal(guard.trouble, undefined, 'and does not stop at once')
  t.same(changes, [true, false])
  t.match(lines, [
    { level: 'warn', msg: 'archive stores nothing more', why },
    { level: 'info', msg: 'archive stores again: the disk has room' },
  ])
  t.equal(lines.length, 2)
})

t.test('it looks every few seconds, and when much was stored', async (t) => {
  const { guard, due, measured } = await guarded(t, {})
  await guard.start(() => {})
  t.equal(due.length, 1)
  const before = measured.looks
  await guard.spend(3 * mebibyte)
  t.equal(measured.looks, before)
  await guard.spend(mebibyte)
  t.equal(measured.looks, before + 1)
  await guard.spend(3 * mebibyte)
  t.equal(measured.looks, before + 1, 'counted anew')
  due[0]?.run()
  t.equal(measured.looks, before + 2)
  await new Promise(setImmediate)
  t.equal(due.length, 1, 'and again')
  await guard[Symbol.asyncDispose]()
  t.equal(due.length, 0)
})

t.test('the ballast takes real room, goes when the disk is full, and is made again when there is room', async (t) => {
  const ballast = 3 * mebibyte + 5
  const { guard, see, file } = await guarded(t, { minFree: { bytes: 10 * mebibyte }, ballast })
  await see(1000)
  const { size, blocks, mode } = statSync(file)
  t.equal(size, ballast)
  t.ok(blocks * 512 >= ballast, 'no hole in it')
  t.equal(mode & 0o777, 0o600)
  await guard.relieve()
  t.ok(existsSync(file), 'not while there is room')
  await see(9)
  t.ok(existsSync(file), 'below the limit it is still not needed')
  await guard.relieve()
  t.notOk(existsSync(file))
  await see(13)
  t.match(guard.trouble, { why: /13 MiB left, below store-min-free \(10 MiB\) and 3\.\d MiB for store-ballast/ })
  t.notOk(existsSync(file), 'its room is kept for it')
  await see(15)
  t.equal(guard.trouble, undefined)
  t.equal(statSync(file).size, ballast)
})

t.test('a disk that is full at the start has its ballast given up before the archive is opened', async (t) => {
  const options = { ballast: 1000 }
  const { folder, room, file } = await guarded(t, options, options)
  t.ok(existsSync(file), 'there is room')
  room.free = mebibyte
  const log = createLog({ level: 'silent', format: 'json' })
  const other = await guardDisk({ folder, limits: options, log, measure: async () => room })
  t.notOk(existsSync(file))
  await other[Symbol.asyncDispose]()
})

t.test('other limits count at once, and 0 is none', async (t) => {
  const { guard, see, file } = await guarded(t, { minFree: { bytes: 100 * mebibyte }, ballast: 1000 })
  await see(1000)
  await see(50)
  t.not(guard.trouble, undefined)
  await guard.change({ minFree: { bytes: 0 }, ballast: 0 })
  await guard.settled()
  t.equal(guard.trouble, undefined)
  t.notOk(existsSync(file))
  await see(0)
  t.equal(guard.trouble, undefined)
})

t.test('a disk that cannot be measured, or keeps no ballast, stops nothing', async (t) => {
  const lines: string[] = []
  const log = createLog({ level: 'info', format: 'json', destination: { write: (line) => void lines.push(line) } })
  const folder = path.join(t.testdir(), randomUUID())
  const blind = await guardDisk({ folder, limits: {}, log, measure: () => Promise.reject(new Error('no')) })
  await blind.start(() => t.fail('nothing has changed'))
  await blind[Symbol.asyncDispose]()
  const room = { free: 1e9, size: 2e9 }
  const without = await guardDisk({ folder, limits: { ballast: 1000 }, log, measure: async () => room })
  await without.start(() => t.fail('nothing has changed'))
  await without.settled()
  t.equal(without.trouble, undefined)
  await without[Symbol.asyncDispose]()
  t.same(lines, [])
})

t.test('an archive without room takes no messages, but answers and deletes, and goes on by itself', async (t) => {
  const { guard, see } = await guarded(t, { minFree: { bytes: 100 * mebibyte }, ballast: 0 })
  const metrics = createMetrics()
  const archive = await archiveOn(t, openMemory(), { disk: guard, metrics })
  const stored = envelopes(10)
  await store(archive, stored)
  await see(99)
  t.match(archive.status(), { state: 'degraded', why: /below store-min-free/, since: now, messages: 10 })
  t.match(await metrics.registry.metrics(), 'waypost_archive_degraded 1')
  await t.rejects(archive.put(envelopeAt(100n), 'history'), { code: 'archive/unavailable', message: /99 MiB left/ })
  await archive.prune({ keepMessages: 5 }, 100)
  t.same(hashes((await ask(archive)).messages), hashes(stored.slice(5)))
  await see(1000)
  t.equal(archive.status().state, 'ready')
  t.match(await metrics.registry.metrics(), 'waypost_archive_degraded 0')
  t.equal(await archive.put(envelopeAt(100n), 'history'), 'stored')
})

t.test('messages on their way when the room ends are refused, not lost in silence', async (t) => {
  const { guard, room } = await guarded(t, { minFree: { bytes: 100 * mebibyte }, ballast: 0 })
  const archive = await archiveOn(t, openMemory(), { disk: guard })
  room.free = 0
  const large = [0n, 1n].map((at) => envelopeAt(at, { payload: Buffer.alloc(3 * mebibyte) }))
  const outcomes = await Promise.allSettled(large.map((envelope) => archive.put(envelope, 'history')))
  t.match(outcomes, [{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'archive/unavailable' } }])
  t.same(hashes((await ask(archive)).messages), hashes(large.slice(0, 1)))
})
