/** The thread of check-aside.ts: checks what its task names, tells what it found, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { isWaypostError } from '../../core/errors.ts'
import type { CheckTask, Finding } from './check-aside.ts'
import { Pace } from './pace.ts'
import { checkTables } from './tables.ts'

/** At leisure some 20 MB a second: what is read for a check comes into the system's cache in place of what clients ask for. */
const slowness = 16

async function check({ databases, archive, atLeisure }: CheckTask): Promise<Finding> {
  const pause = atLeisure ? new Pace(slowness).pause : async () => {}
  try {
    for (const database of databases) await checkTables(database, archive, pause)
    return undefined
  } catch (error) {
    if (isWaypostError(error, 'archive/damaged')) return error.data as Finding
    throw error
  }
}

parentPort?.postMessage(await check(workerData))
