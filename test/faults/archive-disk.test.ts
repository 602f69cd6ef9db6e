/** A disk that takes no more: the archive says so, loses nothing that it acknowledged, and goes on when there is room. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { type Archive, openArchive } from '../../src/archive/archive.ts'
import { guardDisk } from '../../src/archive/disk.ts'
import { openLevel } from '../../src/archive/level/level.ts'
import type { MessageHash } from '../../src/core/hash.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { envelopeAt, hashes, pages } from '../archive/kit.ts'
import { smallDisk } from '../kit/disk.ts'
import { needs } from '../kit/tools.ts'
import { until } from '../kit/until.ts'
import { type Acknowledged, consistent, outcomesOf, reopened, startWriter } from './archive-writer-process.ts'

/** Bytes that a file may have: for the log of a partition that is a full disk. */
const fileLimit = 100 * 1024

t.test('an archive on a full disk is degraded, and comes back when there is room', async (t) => {
  const prlimit = needs(t, 'prlimit')
  if (prlimit === undefined) return
  const folder = t.testdir()
  const writer = startWriter([folder, '0'], [prlimit, `--fsize=${fileLimit}:unlimited`])
  const acknowledged: Acknowledged[] = []
  let failures = 0
  let recovered = 0
  for await (const outcome of outcomesOf(writer)) {
    if ('failed' in outcome) {
      failures += 1
      t.equal(outcome.failed, 'archive/unavailable')
      if (failures === 1) execFileSync(prlimit, ['--pid', String(writer.pid), '--fsize=unlimited'])
    } else {
      acknowledged.push(outcome)
      if (failures > 0) recovered += 1
      if (recovered === 500) writer.kill('SIGKILL')
    }
  }
  t.ok(failures > 0)
  t.ok(recovered >= 500)
  const stored = await reopened(folder, (archive) => consistent(t, archive))
  t.same(
    acknowledged.filter(({ hash }) => !stored.has(hash)),
    [],
  )
})

const mebibyte = 1024 * 1024
const ballast = 64 * mebibyte

/** As a node opens it. */
async function guardedArchive(folder: string, minFree = 20 * mebibyte): Promise<Archive> {
  const disk = await guardDisk({ folder, limits: { minFree: { bytes: minFree }, ballast }, log: silentLog() })
  const backend = await openLevel({ folder })
  return await openArchive({ backend, disk, metrics: createMetrics(), log: silentLog() })
}

let timestamp = 0n

/** Stores until the archive refuses, or `most` are stored. Gives what it acknowledged. */
async function fillWith(archive: Archive, most: number): Promise<MessageHash[]> {
  const acknowledged: MessageHash[] = []
  while (acknowledged.length < most) {
    timestamp += 1n
    const envelope = envelopeAt(timestamp, { payload: Buffer.alloc(100 * 1024, String(timestamp)) })
    const outcome = await archive.put(envelope, 'history').catch(() => undefined)
    if (outcome === undefined) break
    acknowledged.push(envelope.hash)
  }
  return acknowledged
}

async function held(archive: Archive): Promise<MessageHash[]> {
  return (await pages(archive, { includeData: false })).flatMap(({ messages }) => hashes(messages))
}

t.test('an archive stops before its own messages fill the disk', async (t) => {
  const disk = smallDisk(t, 320)
  if (disk === undefined) return t.plan(0, 'needs a user who may mount')
  // More than what LevelDB holds back in memory and writes out later.
  await using archive = await guardedArchive(disk.folder, 100 * mebibyte)
  await until(() => existsSync(path.join(disk.folder, 'ballast')))
  const acknowledged = await fillWith(archive, Number.POSITIVE_INFINITY)
  t.match(archive.status(), { state: 'degraded', why: /below store-min-free \(100 MiB\)/ })
  t.ok(disk.free() > 0, 'there is still room')
  t.ok(existsSync(path.join(disk.folder, 'ballast')), 'the ballast was not needed')
  t.same(await held(archive), acknowledged)
})

t.test('a disk that another fills to the brim loses nothing, and the archive ends and starts on it', async (t) => {
  const disk = smallDisk(t, 320)
  if (disk === undefined) return t.plan(0, 'needs a user who may mount')
  const ballastFile = path.join(disk.folder, 'ballast')
  const archive = await guardedArchive(disk.folder)
  await until(() => existsSync(ballastFile))
  const acknowledged = await fillWith(archive, 300)
  disk.fill(0)
  acknowledged.push(...(await fillWith(archive, 1000)))
  t.equal(archive.status().state, 'degraded')
  t.same(await held(archive), acknowledged, 'it answers')
  // Its database failed, and opens again in the room of the ballast.
  await until(() => /store-min-free/.test(whyOf(archive)))
  t.notOk(existsSync(ballastFile))
  await archive.prune({ keepMessages: 1e6 }, 1)
  t.same(await held(archive), acknowledged)
  await archive[Symbol.asyncDispose]()
  await using again = await guardedArchive(disk.folder)
  t.match(again.status(), { state: 'degraded', why: /and \d+ MiB for store-ballast/ })
  t.same(await held(again), acknowledged)
  disk.empty()
  await until(() => again.status().state === 'ready')
  await until(() => existsSync(ballastFile))
  acknowledged.push(...(await fillWith(again, 50)))
  t.same(await held(again), acknowledged)
})

function whyOf(archive: Archive): string {
  const status = archive.status()
  return status.state === 'degraded' ? status.why : ''
}
