/**
 * Damaged files: an archive opens, or says how to repair it and then does; it serves nothing but what was stored; and what
 * was acknowledged and is not served is known to be lost.
 */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createInterface } from 'node:readline'
import t from 'tap'
import { environment } from '../kit/environment.ts'
import { dice, scratch, sources, type Told } from './archive-damage-kit.ts'

/** 2000 take some minutes: `WAYPOST_DAMAGES=2000 npm test -- archive-damage`. Others each time, unless WAYPOST_SEED is given. */
const copies = Number(process.env.WAYPOST_DAMAGES ?? 200)
const seed = Number(process.env.WAYPOST_SEED ?? randomInt(2 ** 31))

/** Copies that one process looks at; it is given this time, so that one that hangs is seen. */
const copiesAtOnce = 50
const patience = 300_000

t.setTimeout(patience + copies * 2000)

/** What a process says of its copies. One that dies or hangs says less, and `ended` how. */
async function batch(archive: string, hashFile: string, first: number): Promise<{ told: Told[]; ended: unknown }> {
  const script = new URL('./archive-damage-copies.js', import.meta.url).pathname
  const args = [script, archive, hashFile, String(seed), String(first), String(Math.min(copiesAtOnce, copies - first))]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment(),
    timeout: patience,
    killSignal: 'SIGKILL',
  })
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)))
  const told: Told[] = []
  for await (const line of createInterface(child.stdout)) told.push(JSON.parse(line) as Told)
  return { told, ended: await ended }
}

t.test('whatever is damaged, nothing wrong is served and nothing is silently gone', async (t) => {
  const folder = await scratch(t)
  const { archives, hashFile } = await sources(t, folder, dice(seed))
  const all: Told[] = []
  for (let first = 0; first < copies; first += copiesAtOnce) {
    const { told, ended } = await batch(archives[(first / copiesAtOnce) % archives.length]!, hashFile, first)
    t.equal(ended, 0, `the process ends well, of seed ${seed} after ${JSON.stringify(told.at(-1))}`)
    all.push(...told)
  }
  const outcomes = Object.groupBy(all, ({ outcome }) => outcome)
  t.same(outcomes.problem ?? [], [], `WAYPOST_SEED=${seed} WAYPOST_DAMAGES=${copies} does the same again`)
  t.equal(all.length, copies)
  const counts = Object.entries(outcomes).map(([outcome, some]) => `${outcome} ${some.length}`)
  t.comment(counts.join(', '))
  // Among so many copies some are refused, and some have lost messages: else nothing was damaged.
  t.ok(outcomes.refused?.length && outcomes.told?.length && outcomes.served?.length)
})
