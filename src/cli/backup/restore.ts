/**
 * Puts a backup into a data folder: all is made and synced in a folder beside it, which then takes its place in one
 * step. Whenever this is interrupted, the data folder is as it was.
 */
import { readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { ExportDecoder, readExport } from '../../archive/export/decoder.ts'
import type { ExportRecord } from '../../archive/export/format.ts'
import { isWaypostError, systemCode, WaypostError } from '../../core/errors.ts'
import { syncFolder } from '../../files/whole-file.ts'
import { maxSettableMessageBytes } from '../../settings/bounds.ts'
import { resolveSettings } from '../../settings/resolve.ts'
import { fileBytes } from '../export-file.ts'
import { openClosed } from '../store-access.ts'
import { ImportSummary, importAll } from '../store-import.ts'
import { workFolder } from './create.ts'
import { damaged, syncTree, writePrivate } from './files.ts'
import { messagesName } from './manifest.ts'
import type { Verified } from './verify.ts'

export interface RestoreOptions {
  /** Move a data folder that is there aside. */
  readonly replace: boolean
  readonly signal: AbortSignal
}

export interface Restored {
  readonly messages: number
  /** Where the data folder that was there is now. */
  readonly aside?: string
}

/** Restores the backup in `folder`; undefined when the signal came first. Throws `cli/exists`, `archive/locked`. */
export async function restoreBackup(
  folder: string,
  verified: Verified,
  dataDir: string,
  { replace, signal }: RestoreOptions,
): Promise<Restored | undefined> {
  const isThere = await checkPlace(dataDir, replace)
  const work = await workFolder(`${dataDir}.restoring-`)
  try {
    for (const [name, content] of verified.opened) await writePrivate(path.join(work, name), content)
    const messages = await restoreMessages(path.join(folder, messagesName), work, verified, signal)
    if (messages === undefined) return undefined
    await syncTree(work)
    return { messages, aside: await takePlace(work, dataDir, isThere) }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** True when something is there that has to go aside. Throws `cli/exists`; and `archive/locked` while a node uses it. */
async function checkPlace(dataDir: string, replace: boolean): Promise<boolean> {
  const entries = await readdir(dataDir).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw new WaypostError('data/unwritable', { folder: dataDir, why: systemCode(error) }, { cause: error })
  })
  if (entries.length === 0) return false
  if (!replace)
    throw new WaypostError('cli/exists', {
      path: dataDir,
      what: 'name an empty folder with --data-dir, or move this one aside with --replace',
    })
  await checkUnused(dataDir)
  return true
}

/** A node that goes on writing into a folder that was moved aside would lose what it writes. */
async function checkUnused(dataDir: string): Promise<void> {
  try {
    await using _ = await openClosed(settingsFor(dataDir), false)
  } catch (error) {
    // One that is damaged is why one restores.
    if (isWaypostError(error, 'archive/locked')) throw error
  }
}

function settingsFor(dataDir: string) {
  const argv = [`--data-dir=${dataDir}`, `--max-msg-size=${maxSettableMessageBytes}B`]
  return resolveSettings({ argv, cwd: process.cwd() }).settings
}

async function restoreMessages(
  file: string,
  work: string,
  { manifest }: Verified,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { count } = manifest.messages
  const summary = new ImportSummary()
  const decoder = new ExportDecoder()
  await using access = await openClosed(settingsFor(work), true)
  await importAll(access, recordsOf(file, decoder), summary, { signal, total: count, what: 'restoring' })
  if (signal.aborted) return undefined
  const { messages } = await access.stats()
  if (messages !== count || summary.refusedMessages > 0)
    throw damaged(messagesName, `${messages} of ${count} messages could be restored`)
  return messages
}

async function* recordsOf(file: string, decoder: ExportDecoder): AsyncGenerator<readonly ExportRecord[]> {
  for await (const part of readExport(fileBytes(file), decoder)) if (part.is === 'records') yield part.records
}

/** The last step. A folder that is there goes aside first: two renames, between which its place is empty. */
async function takePlace(work: string, dataDir: string, isThere: boolean): Promise<string | undefined> {
  const aside = isThere ? `${dataDir}.replaced-${new Date().toISOString().replaceAll(':', '')}` : undefined
  try {
    if (aside !== undefined) await rename(dataDir, aside)
    await rename(work, dataDir)
    await syncFolder(path.dirname(dataDir))
    return aside
  } catch (error) {
    throw new WaypostError('data/unwritable', { folder: dataDir, why: systemCode(error) }, { cause: error })
  }
}
