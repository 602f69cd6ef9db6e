/** Feeds messages to an archive, a batch while the one before is stored, each acknowledged before it counts. */
import { type ExportRecord, recordBytes } from '../archive/export/format.ts'
import { overlapped } from '../archive/overlapped.ts'
import type { Nanoseconds } from '../core/time.ts'
import { Progress } from './progress.ts'
import type { StoreAccess } from './store-access.ts'

/** Bytes and messages of one batch: below the body that a node takes, and some ten milliseconds of its time. */
const batchBytes = 512 * 1024
const batchMessages = 1000

/** Batches that wait for the archive: while one is committed the next is looked up, and a third is read. */
const batchesUnderWay = 2

/** Refused messages that are named; the others are counted. */
const namedMessages = 20

/** What became of all messages of an import. */
export class ImportSummary {
  stored = 0
  present = 0
  readonly refused = new Map<string, number>()
  /** Some of those that were refused, and why. */
  readonly named: { readonly messageHash: string; readonly why: string }[] = []
  bytes = 0
  #times: Nanoseconds[] = []

  get messages(): number {
    return this.stored + this.present + this.refusedMessages
  }

  get refusedMessages(): number {
    return [...this.refused.values()].reduce((sum, count) => sum + count, 0)
  }

  /** The earliest of those that are stored or were there. */
  get oldest(): Nanoseconds | undefined {
    return this.#times[0]
  }

  refuse(hash: string, why: string): void {
    this.refused.set(why, (this.refused.get(why) ?? 0) + 1)
    if (this.named.length < namedMessages) this.named.push({ messageHash: `0x${hash}`, why })
  }

  add(records: readonly ExportRecord[], told: Awaited<ReturnType<StoreAccess['import']>>): void {
    this.stored += told.stored
    this.present += told.present
    for (const { hash, why } of told.refused) this.refuse(hash, why)
    this.bytes += records.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const times = [...this.#times, ...records.map(({ timestamp }) => timestamp)]
    this.#times = [times.reduce((a, b) => (a < b ? a : b))]
  }

  toJSON(): object {
    const { stored, present, named, bytes } = this
    return { stored, present, refused: Object.fromEntries(this.refused), named, bytes }
  }
}

export interface ImportOptions {
  readonly signal: AbortSignal
  /** Messages that will come, where that is known. */
  readonly total?: number
  readonly what?: string
}

/** Imports what comes, until it ends or the signal says so; `summary` is right at any moment, also when this throws. */
export async function importAll(
  access: Pick<StoreAccess, 'import'>,
  source: AsyncIterable<readonly ExportRecord[]>,
  summary: ImportSummary,
  { signal, total, what = 'importing' }: ImportOptions,
): Promise<void> {
  using progress = new Progress(what)
  const store = async (batch: readonly ExportRecord[]) => ({ batch, told: await access.import(batch) })
  for await (const { batch, told } of overlapped(unless(signal, batchesOf(source)), store, batchesUnderWay)) {
    summary.add(batch, told)
    progress.update({ messages: summary.messages, bytes: summary.bytes, total })
  }
}

async function* unless<Batch>(signal: AbortSignal, batches: AsyncIterable<Batch>): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    if (signal.aborted) return
    yield batch
  }
}

/** What came before an error is given too: up to there it is good. */
async function* batchesOf(source: AsyncIterable<readonly ExportRecord[]>): AsyncGenerator<ExportRecord[]> {
  let batch: ExportRecord[] = []
  let bytes = 0
  const iterator = source[Symbol.asyncIterator]()
  for (;;) {
    const next = await iterator.next().catch((error: unknown) => ({ error }))
    const ended = 'error' in next || next.done === true
    for (const record of ended ? [] : next.value) {
      const size = recordBytes(record)
      if (batch.length === batchMessages || (batch.length > 0 && bytes + size > batchBytes)) {
        yield batch
        batch = []
        bytes = 0
      }
      batch.push(record)
      bytes += size
    }
    if (!ended) continue
    if (batch.length > 0) yield batch
    if ('error' in next) throw next.error
    return
  }
}
