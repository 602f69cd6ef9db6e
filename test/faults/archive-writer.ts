/**
 * Stores messages as fast as it can and prints the hash of each that is acknowledged, and `failed` with the code of the
 * error for each that is not, until it is killed:
 * `archive-writer.js <folder> <first timestamp> [messages to keep]`.
 */
import { setTimeout } from 'node:timers/promises'
import { openArchive } from '../../src/archive/archive.ts'
import { openLevel } from '../../src/archive/level/level.ts'
import { type PartitionLimits, partitionLimits } from '../../src/archive/level/route.ts'
import { sealEnvelope } from '../../src/core/envelope.ts'
import { systemCode } from '../../src/core/errors.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

// A limit of file size stands in for a full disk: its signal is not to end this process.
process.on('SIGXFSZ', () => {})

const [folder = '', first = '0', keep] = process.argv.slice(2)
const writers = 4
const pauseAfterFailure = 50

/** So many that partitions begin, and end, in every run. */
const partitionMessages = 300

const retention = keep === undefined ? undefined : { maxMessages: Number(keep) }
const limits: PartitionLimits = { ...partitionLimits(retention), messages: keep === undefined ? partitionMessages : 50 }

const archive = await openArchive({
  backend: await openLevel({ folder, limits }),
  metrics: createMetrics(),
  log: silentLog(),
  retention,
})
let timestamp = BigInt(first)

async function write(writer: number): Promise<never> {
  for (;;) {
    timestamp += 1n
    const message = { payload: Buffer.alloc(500, `${timestamp}`), contentTopic: `/kill/1/${writer}/x`, timestamp }
    const envelope = sealEnvelope(`/waku/2/rs/1/${writer % 2}`, message, 0)
    const failed = await archive.put(envelope, 'history').then(
      () => undefined,
      (error: unknown) => error,
    )
    process.stdout.write(failed === undefined ? `${envelope.hash} ${timestamp}\n` : `failed ${systemCode(failed)}\n`)
    if (failed !== undefined) await setTimeout(pauseAfterFailure)
  }
}

await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
