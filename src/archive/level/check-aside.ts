/**
 * Checks the tables of databases in a thread of its own: they may be gigabytes, and the event loop has others to serve. Run
 * as that thread, this file is the check itself.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { isWaypostError, WaypostError } from '../../core/errors.ts'
import { Pace } from './pace.ts'
import { checkTables } from './tables.ts'

/** Of JavaScript; tables are not part of it. */
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 64 }

/** At leisure some 20 MB a second: what is read for a check comes into the system's cache in place of what clients ask for. */
const slowness = 16

interface Task {
  readonly databases: readonly string[]
  /** Of which a person is told. */
  readonly archive: string
  /** True: nobody waits for it. */
  readonly atLeisure: boolean
}

/** What was found: the data of an `archive/damaged`, or nothing. */
type Finding = { readonly folder: string; readonly why: string } | undefined

/** Throws `archive/damaged` when a table is not what its checksums say, and something else when `signal` aborts it. */
export async function checkAside(task: Task, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const found = await inThread(task, signal)
  if (found !== undefined) throw new WaypostError('archive/damaged', found)
}

function inThread(task: Task, signal: AbortSignal): Promise<Finding> {
  const worker = new Worker(import.meta.filename, { workerData: task, resourceLimits })
  const { promise, resolve, reject } = Promise.withResolvers<Finding>()
  const stop = () => void worker.terminate()
  signal.addEventListener('abort', stop)
  worker.once('message', resolve).once('error', reject)
  worker.once('exit', () => {
    signal.removeEventListener('abort', stop)
    reject(new Error('the check was ended'))
  })
  return promise
}

async function check({ databases, archive, atLeisure }: Task): Promise<Finding> {
  const pause = atLeisure ? new Pace(slowness).pause : async () => {}
  try {
    for (const database of databases) await checkTables(database, archive, pause)
    return undefined
  } catch (error) {
    if (isWaypostError(error, 'archive/damaged')) return error.data as Finding
    throw error
  }
}

if (!isMainThread) parentPort?.postMessage(await check(workerData))
