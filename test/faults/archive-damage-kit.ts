/** The archive whose copies are damaged. */
import { existsSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openLevel } from '../../src/archive/level/level.ts'
import type { PartitionLimits } from '../../src/archive/level/route.ts'
import type { Envelope } from '../../src/core/envelope.ts'
import { archiveOn, envelopeAt, hashes, store } from '../archive/kit.ts'
import type { Owner } from '../kit/owner.ts'

/** What came of one damaged copy. `refused`: it was said how to repair it; `told`: messages were missing, and known to be. */
export interface Told {
  readonly copy: number
  readonly file: string
  readonly harm: string
  readonly outcome: 'served' | 'refused' | 'told' | 'problem'
  readonly why?: string
}

export type Dice = (sides: number) => number

/** Numbers below `sides` that are the same for the same seed (mulberry32). */
export function dice(seed: number): Dice {
  let state = seed >>> 0
  return (sides) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides
  }
}

export const damageContentTopic = '/damage/1/all/x'

/** Partitions of a few messages, so that there are several. */
export const damageLimits: PartitionLimits = { bytes: 1e9, messages: 40, span: 2n ** 62n, count: 1024 }

/** A folder in memory where there is one: each copy is written once and read once. */
export async function scratch(t: Owner): Promise<string> {
  const folder = await mkdtemp(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'waypost-damage-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Writes an archive of a few partitions with tables and logs in them, and gives it as a crash leaves it and as closing
 * does; and a file with the hashes of what was acknowledged.
 */
export async function sources(t: Owner, folder: string, roll: Dice): Promise<{ archives: string[]; hashFile: string }> {
  const [closed, crashed] = [path.join(folder, 'closed'), path.join(folder, 'crashed')]
  const stored: Envelope[] = []
  const write = async (count: number, crash = false): Promise<void> => {
    const archive = await archiveOn(t, await openLevel({ folder: closed, limits: damageLimits }))
    const fresh = Array.from({ length: count }, (_, number) => made(stored.length + number, roll))
    for (const envelope of fresh) await store(archive, [envelope])
    stored.push(...fresh)
    if (crash) await cp(closed, crashed, { recursive: true })
    await archive[Symbol.asyncDispose]()
  }
  await write(70)
  await write(50)
  await write(30, true)
  const hashFile = path.join(folder, 'acknowledged')
  await writeFile(hashFile, hashes(stored).join('\n'))
  return { archives: [closed, crashed], hashFile }
}

/** Every tenth comes late, for an older partition. */
function made(number: number, roll: Dice): Envelope {
  const timestamp = BigInt(number % 10 === 9 ? number - 5 : number)
  return envelopeAt(timestamp, {
    contentTopic: damageContentTopic,
    payload: Buffer.from(Array.from({ length: 300 }, () => roll(256))),
  })
}
