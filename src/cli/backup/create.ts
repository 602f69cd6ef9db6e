/** Makes a backup: beside its place, then moved there whole. */
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { PrivateKey } from '@libp2p/interface'
import type { ExportTotals } from '../../archive/export/format.ts'
import { systemCode, WaypostError } from '../../core/errors.ts'
import { syncFolder } from '../../files/whole-file.ts'
import { ExportFile } from '../export-file.ts'
import type { StoreAccess } from '../store-access.ts'
import { watched } from '../store-export.ts'
import { version } from '../version.ts'
import { entryOf, entryOfFile, readSmall, syncTree, writePrivate } from './files.ts'
import {
  type BackupFile,
  manifestName,
  messagesName,
  type PrivateName,
  sealedSuffix,
  signatureName,
  signManifest,
} from './manifest.ts'
import { maxSealedBytes, type Sealer } from './seal.ts'

/** What goes into a backup beside the messages. */
export interface BackupParts {
  readonly key: PrivateKey
  readonly withKey: boolean
  readonly dataDir: string
  /** The settings file, wherever it is. */
  readonly configFile: string
  /** Absent: private files are kept as they are. */
  readonly sealer?: Sealer
}

export interface Created {
  readonly totals: ExportTotals
  readonly files: readonly BackupFile[]
}

/** Makes the backup `to`; undefined, and nothing is left, when the signal came first. Throws `cli/exists`. */
export async function createBackup(
  access: StoreAccess,
  to: string,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<Created | undefined> {
  if (existsSync(to)) throw new WaypostError('cli/exists', { path: to, what: 'name another folder with --to' })
  const work = await workFolder(`${to}.part-`)
  try {
    const totals = await writeMessages(access, work, signal)
    if (totals === undefined) return undefined
    const files = [await entryOfFile(work, messagesName), ...(await writePrivateFiles(work, parts))]
    await writeManifest(work, { totals, files }, parts.key)
    await syncTree(work)
    await rename(work, to)
    await syncFolder(path.dirname(to))
    return { totals, files }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** A new folder for its owner only. Throws `cli/cannot-write`. */
export async function workFolder(prefix: string): Promise<string> {
  try {
    return await mkdtemp(prefix)
  } catch (error) {
    throw new WaypostError('cli/cannot-write', { path: prefix, why: systemCode(error) }, { cause: error })
  }
}

async function writeMessages(
  access: StoreAccess,
  work: string,
  signal: AbortSignal,
): Promise<ExportTotals | undefined> {
  const header = { createdAt: Date.now(), writer: `waypost/${version}`, selection: {} }
  await using out = await ExportFile.create(path.join(work, messagesName), header)
  for await (const records of watched(access, {}, signal)) await out.add(records)
  if (signal.aborted) return undefined
  await out.finish()
  return out.totals
}

async function writePrivateFiles(work: string, { key, withKey, dataDir, configFile, sealer }: BackupParts) {
  const config = await readSmall(path.dirname(configFile), path.basename(configFile), maxSealedBytes)
  const contents: readonly (readonly [PrivateName, Buffer | undefined])[] = [
    // As the node writes it, wherever it has it from.
    ['node.key', withKey ? Buffer.from(`${Buffer.from(key.raw).toString('hex')}\n`) : undefined],
    ['rest.token', await readSmall(dataDir, 'rest.token', maxSealedBytes)],
    ['waypost.toml', config],
  ]
  const files: BackupFile[] = []
  for (const [name, content] of contents) {
    if (content === undefined) continue
    const stored = sealer === undefined ? name : name + sealedSuffix
    const bytes = sealer === undefined ? content : await sealer.seal(name, content)
    await writePrivate(path.join(work, stored), bytes)
    files.push(entryOf(stored, bytes))
  }
  return files
}

async function writeManifest(work: string, { totals, files }: Created, key: PrivateKey): Promise<void> {
  const { messages: count, bytes, oldest, newest } = totals
  const messages = { count, bytes, oldest, newest }
  const signed = await signManifest({ waypost: version, createdAt: new Date().toISOString(), messages, files }, key)
  await writePrivate(path.join(work, manifestName), signed.text)
  await writePrivate(path.join(work, signatureName), Buffer.from(`${signed.signature.toString('base64')}\n`))
}
