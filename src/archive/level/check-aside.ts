/**
 * Checks the tables of databases in a thread of its own (check-thread.ts): they may be gigabytes, and the event loop has
 * others to serve.
 */
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { WaypostError } from '../../core/errors.ts'

/** Beside this file, and compiled like it. */
const thread = path.join(import.meta.dirname, `check-thread${path.extname(import.meta.filename)}`)

/** Of JavaScript; tables are not part of it. */
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 64 }

export interface CheckTask {
  readonly databases: readonly string[]
  /** Of which a person is told. */
  readonly archive: string
  /** True: nobody waits for it. */
  readonly atLeisure: boolean
}

/** What was found: the data of an `archive/damaged`, or nothing. */
export type Finding = { readonly folder: string; readonly why: string } | undefined

/** Throws `archive/damaged` when a table is not what its checksums say, and something else when `signal` aborts it. */
export async function checkAside(task: CheckTask, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const found = await inThread(task, signal)
  if (found !== undefined) throw new WaypostError('archive/damaged', found)
}

function inThread(task: CheckTask, signal: AbortSignal): Promise<Finding> {
  const worker = new Worker(thread, { workerData: task, resourceLimits })
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
