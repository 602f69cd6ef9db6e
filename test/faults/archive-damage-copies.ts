/**
 * Damages copies of an archive and looks what comes of it, in a process of its own: LevelDB is native code.
 * `archive-damage-copies.js <archive> <acknowledged hashes, a file> <seed> <first copy> <copies>` prints a line of JSON
 * for each copy.
 */
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Archive, openArchive } from '../../src/archive/archive.ts'
import { openLevel } from '../../src/archive/level/level.ts'
import { repair } from '../../src/archive/level/repair.ts'
import { isInOrder, isWhole, type PartitionReport, verify } from '../../src/archive/level/verify.ts'
import { openEnvelope } from '../../src/core/envelope.ts'
import { messageOf } from '../../src/core/errors.ts'
import type { MessageHash } from '../../src/core/hash.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { pages } from '../archive/kit.ts'
import { type Dice, damageContentTopic, damageLimits, dice, type Told } from './archive-damage-kit.ts'

const [source = '', hashFile = '', seed = '0', first = '0', copies = '0'] = process.argv.slice(2)
const acknowledged = new Set((await readFile(hashFile, 'utf8')).split('\n'))

async function harm(copy: number, roll: Dice): Promise<Told> {
  const folder = `${source}-${copy}`
  await cp(source, folder, { recursive: true })
  try {
    const what = await damage(folder, roll)
    const found = await judge(folder).catch((error: unknown) => ({
      outcome: 'problem' as const,
      why: messageOf(error),
    }))
    return { copy, ...what, ...found }
  } finally {
    for (const name of await readdir(path.dirname(folder)))
      if (name === path.basename(folder) || name.startsWith(`${path.basename(folder)}.`))
        await rm(path.join(path.dirname(folder), name), { recursive: true })
  }
}

/** A file of a kind that is chosen first, so that the few small ones are met as often as the many. */
async function damage(folder: string, roll: Dice): Promise<{ file: string; harm: string }> {
  const files = (await readdir(folder, { recursive: true })).sort().flatMap((file) => {
    const kind = /(\.ldb|\.log|MANIFEST|CURRENT|filter)/.exec(path.basename(file))?.[0]
    const part = /catalog|records|index|filter/.exec(file)?.[0]
    return kind === undefined ? [] : [{ file, kind: `${part} ${kind}` }]
  })
  const kinds = [...new Set(files.map(({ kind }) => kind))].sort()
  const kind = kinds[roll(kinds.length)]
  const some = files.filter((file) => file.kind === kind)
  const { file } = some[roll(some.length)]!
  const names = Object.keys(harms)
  const harm = names[roll(names.length)]!
  await harms[harm]!(path.join(folder, file), roll)
  return { file, harm }
}

const harms: Record<string, (file: string, roll: Dice) => Promise<void>> = {
  truncated: async (file, roll) => await truncate(file, roll(await lengthOf(file))),
  zeroed: (file, roll) => overwrite(file, roll, 1 + roll(512), () => 0),
  noise: (file, roll) => overwrite(file, roll, 1 + roll(512), () => roll(256)),
  flipped: (file, roll) => overwrite(file, roll, 1, (byte) => byte ^ (1 << roll(8))),
}

async function lengthOf(file: string): Promise<number> {
  return Math.max(1, (await readFile(file)).length)
}

async function overwrite(file: string, roll: Dice, length: number, change: (byte: number) => number): Promise<void> {
  const bytes = await readFile(file)
  const start = roll(Math.max(1, bytes.length))
  for (let at = start; at < Math.min(bytes.length, start + length); at++) bytes[at] = change(bytes[at]!)
  await writeFile(file, bytes)
}

type Found = Pick<Told, 'outcome' | 'why'>

const namesRepair = /waypost store repair/

async function judge(folder: string): Promise<Found> {
  const before = await served(folder)
  if ('wrong' in before) return { outcome: 'problem', why: before.wrong }
  if ('error' in before && !namesRepair.test(before.error)) return { outcome: 'problem', why: before.error }
  if ('hashes' in before && missingOf(before.hashes) === 0) return { outcome: 'served' }
  if ('hashes' in before && before.lost < missingOf(before.hashes)) {
    const found = await verified(folder)
    const told = found.lost + found.reports.reduce((sum, report) => sum + toldBy(report), 0)
    if (told < missingOf(before.hashes) && !found.reports.some(({ unreadable }) => unreadable))
      return { outcome: 'problem', why: `${missingOf(before.hashes)} are missing, ${told} are told` }
  }
  return await repaired(folder, 'error' in before ? 'refused' : 'told')
}

/** Messages that one partition is said to lack. */
function toldBy({ damaged, lost, missing, miscounted }: PartitionReport): number {
  return (damaged?.messages ?? 0) + Math.max(lost?.messages ?? 0, missing) + Math.abs(miscounted)
}

async function repaired(folder: string, outcome: 'refused' | 'told'): Promise<Found> {
  await repair(folder)
  const after = await served(folder)
  if (!('hashes' in after)) return { outcome: 'problem', why: `after the repair: ${JSON.stringify(after)}` }
  const missing = missingOf(after.hashes)
  if (missing > after.lost)
    return { outcome: 'problem', why: `after the repair ${missing} are missing, ${after.lost} are told` }
  const { reports } = await verified(folder)
  const wrong = reports.filter(
    (report) => !isInOrder(report) || (missing === 0 && after.lost === 0 && !isWhole(report)),
  )
  if (wrong.length > 0) return { outcome: 'problem', why: `after the repair: ${JSON.stringify(wrong, digits)}` }
  return { outcome, why: `${missing} lost` }
}

function digits(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function missingOf(hashes: ReadonlySet<MessageHash>): number {
  return acknowledged.size - hashes.size
}

type Served = { hashes: Set<MessageHash>; lost: number } | { wrong: string } | { error: string }

type Asked = { hashes: Set<MessageHash> } | { wrong: string }

/** Opens the archive, and asks for everything in two ways. */
async function served(folder: string): Promise<Served> {
  try {
    const backend = await openLevel({ folder, limits: damageLimits })
    await using archive = await openArchive({ backend, metrics: createMetrics(), log: silentLog() })
    const all = await ask(archive, [])
    if ('wrong' in all) return all
    const byTopic = await ask(archive, [damageContentTopic])
    const lost = archive.status().losses.reduce((sum, { messages }) => sum + messages, 0)
    return 'wrong' in byTopic ? byTopic : { ...all, lost }
  } catch (error) {
    return { error: messageOf(error) }
  }
}

async function ask(archive: Archive, contentTopics: string[]): Promise<Asked> {
  const hashes = new Set<MessageHash>()
  for (const { messages } of await pages(archive, { contentTopics })) {
    for (const { hash, data } of messages) {
      if (data === undefined || openEnvelope(data.pubsubTopic, data.bytes, 0).hash !== hash)
        return { wrong: `${hash} is served and is not what was stored` }
      if (!acknowledged.has(hash)) return { wrong: `${hash} is served and was never stored` }
      hashes.add(hash)
    }
  }
  return { hashes }
}

async function verified(folder: string): Promise<{ reports: PartitionReport[]; lost: number }> {
  const reports: PartitionReport[] = []
  const walk = verify(folder)
  let step = await walk.next()
  for (; !step.done; step = await walk.next()) reports.push(step.value)
  return { reports, lost: step.value.reduce((sum, { messages }) => sum + messages, 0) }
}

for (let copy = Number(first); copy < Number(first) + Number(copies); copy++) {
  const told = await harm(copy, dice(Number(seed) * 100_003 + copy))
  process.stdout.write(`${JSON.stringify(told)}\n`)
}
