/**
 * Relay, A -> B -> C: what a message costs B, how long its two hops take, and whether any is lost. B is the daemon,
 * alone on one core; A and C are hosts of our library in this process, on the other. Beside it, in the same rounds, a B
 * of stock parts: trust the ratio, the figures move with the machine and with who shares it.
 *
 * `npm run bench:relay`, or `npm run bench:relay -- --profile` for where the time of B goes.
 */
import { asked, Bench, machine } from './kit/bench.ts'
import { interleaved, openPath, type Path, rowsOf } from './kit/paths.ts'
import { byRelay, relayPeer } from './kit/peers.ts'
import { pin } from './kit/process.ts'
import { instant, printProfile, profileFolder } from './kit/profile.ts'
import { stock, waypost } from './kit/subject.ts'
import { printTable } from './kit/table.ts'

const KiB = 1024
const rounds = 3
const roundMs = 1200
const profiledMs = 5000

/** By then V8 has compiled what is hot. */
const warm = { messages: 5000, milliseconds: 6000 }

/** Messages under way: enough that B never waits, few enough that none waits for long. */
const sizes = [
  { size: '1 KiB', payloadBytes: KiB, window: 64 },
  { size: '10 KiB', payloadBytes: 10 * KiB, window: 32 },
  { size: '100 KiB', payloadBytes: 100 * KiB, window: 8 },
] as const

/** Rates that leave B idle most of the time: what a message costs, and takes, when it is alone. */
const paces = [
  { size: '1 KiB', payloadBytes: KiB, perSecond: 500 },
  { size: '10 KiB', payloadBytes: 10 * KiB, perSecond: 100 },
] as const

const oneToOne = { source: byRelay, sink: relayPeer, sinks: 1 }

async function warmUp(paths: readonly Path[]): Promise<void> {
  for (const path of paths) await path.load(KiB).saturate(64, warm)
}

async function compare(bench: Bench): Promise<void> {
  const subjects = [await waypost(bench), await stock(bench)]
  const paths = await Promise.all(subjects.map((subject) => openPath(bench, subject, oneToOne)))
  await warmUp(paths)
  const rows: Record<string, string>[] = []
  for (const { size, payloadBytes, window } of sizes) {
    const run = (path: Path) => path.load(payloadBytes).saturate(window, { milliseconds: roundMs })
    rows.push(...rowsOf(`${size}, ${window} under way`, await interleaved(paths, rounds, run)))
  }
  for (const { size, payloadBytes, perSecond } of paces) {
    const run = (path: Path) => path.load(payloadBytes).pace(perSecond, roundMs)
    rows.push(...rowsOf(`${size}, ${perSecond}/s`, await interleaved(paths, rounds, run)))
  }
  printTable('Relay, A -> B -> C', rows)
}

/** A daemon of its own for each size, so that each has a profile of its own. */
async function profile(bench: Bench): Promise<void> {
  for (const { size, payloadBytes, window } of sizes) {
    const folder = profileFolder(bench)
    const subject = await waypost(bench, { profileFolder: folder })
    const path = await openPath(bench, subject, oneToOne)
    await path.load(payloadBytes).saturate(window, warm)
    const from = instant()
    await path.load(payloadBytes).saturate(window, { milliseconds: profiledMs })
    await subject.stop()
    printProfile(`B of A -> B -> C, ${size}`, folder, from)
  }
}

console.log(machine())
pin(process.pid, 1)
await using bench = new Bench()
await (asked('profile') ? profile(bench) : compare(bench))
