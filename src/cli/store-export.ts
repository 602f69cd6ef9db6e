/** What an archive gives out, with its progress on the terminal. */
import type { ExportRecord } from '../archive/export/format.ts'
import { Progress } from './progress.ts'
import type { StoreAccess } from './store-access.ts'

/** The messages of an export, with their progress shown, until the signal. */
export async function* watched(
  access: StoreAccess,
  asked: Parameters<StoreAccess['export']>[0],
  signal: AbortSignal,
): AsyncGenerator<readonly ExportRecord[]> {
  const isAll = asked.start === undefined && asked.end === undefined && !asked.contentTopics?.length
  const total = isAll && asked.pubsubTopic === undefined ? (await access.stats()).messages : undefined
  using progress = new Progress('exporting')
  const done = { messages: 0, bytes: 0, total }
  try {
    for await (const records of access.export(asked, signal)) {
      yield records
      done.messages += records.length
      done.bytes += records.reduce((sum, { bytes }) => sum + bytes.length, 0)
      progress.update(done)
      if (signal.aborted) return
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
