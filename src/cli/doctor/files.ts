/** The files of a node: who may read them, whether the disk has room, whether the archive opens. */
import { stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import { openLevel } from '../../archive/level/level.ts'
import { isWaypostError, messageOf } from '../../core/errors.ts'
import { readNodeKey } from '../../net/identity.ts'
import { archiveFolder } from '../../node/archive.ts'
import { dataFolderAt } from '../../node/data-folder.ts'
import type { Settings } from '../../settings/table.ts'
import { showBytes } from '../snapshot.ts'
import { type Examined, type Finding, fail, ok, skip, warn } from './check.ts'

/** A file that others must not read, or at least not write. */
export interface Guarded {
  readonly what: string
  readonly file: string
  /** Bits that must not be set. */
  readonly forbidden: number
  /** What mends it. */
  readonly mode: string
}

const toOthers = 0o077
const writeToOthers = 0o022

export async function checkModes({ settings }: Examined): Promise<Finding[]> {
  const { path: data, keyFile, restTokenFile } = dataFolderAt(settings.dataDir)
  const { configFile, websocketSecureKeyPath } = settings
  const guarded: readonly (Guarded | undefined)[] = [
    { what: 'data folder', file: data, forbidden: writeToOthers, mode: '700' },
    { what: 'node key', file: keyFile, forbidden: toOthers, mode: '600' },
    { what: 'REST token', file: settings.restTokenFile ?? restTokenFile, forbidden: toOthers, mode: '600' },
    configFile === undefined
      ? undefined
      : { what: 'settings file', file: configFile, forbidden: writeToOthers, mode: '600' },
    websocketSecureKeyPath === undefined
      ? undefined
      : { what: 'key of the certificate', file: websocketSecureKeyPath, forbidden: 0o007, mode: '640' },
  ]
  const findings = await Promise.all(guarded.filter((one) => one !== undefined).map(checkMode))
  const wrong = findings.filter((finding) => finding !== undefined)
  return wrong.length > 0 ? wrong : [ok('nobody else can read keys or write settings')]
}

/** Undefined when it is as it should be, or not there. */
export async function checkMode({ what, file, forbidden, mode }: Guarded): Promise<Finding | undefined> {
  const found = await stat(file).catch(() => undefined)
  if (found === undefined) return undefined
  const bits = (found.mode & 0o777).toString(8)
  if ((found.mode & forbidden) !== 0)
    return fail(`${what} ${file} is open to other users (mode ${bits})`, `chmod ${mode} ${file}`)
  const owner = process.geteuid?.()
  if (owner === undefined || found.uid === owner) return undefined
  return warn(`${what} ${file} belongs to user ${found.uid}, not to this one (${owner})`, ownerAdvice(found.uid))
}

function ownerAdvice(uid: number): string {
  return `run waypost as that user: sudo -u '#${uid}' waypost doctor`
}

export async function checkKey({ settings }: Examined): Promise<Finding[]> {
  if (settings.nodekey !== undefined) return [ok('the key of the node is given by a setting')]
  const { keyFile } = dataFolderAt(settings.dataDir)
  try {
    const key = await readNodeKey(keyFile)
    return [ok(key === undefined ? 'there is no key yet; the first start makes one' : `there is a key: ${keyFile}`)]
  } catch (error) {
    return [fail(messageOf(error), 'waypost keys import --replace puts another one there')]
  }
}

/** Free bytes below which the node soon stops to store, and a share below which it is worth a look. */
const leastFree = 64 * 1024 ** 2
const scarceFree = 512 * 1024 ** 2
const scarceShare = 0.05

export async function checkDisk({ settings }: Examined): Promise<Finding[]> {
  const folder = await existing(folderOfArchive(settings))
  const { bavail, blocks, bsize } = await statfs(folder)
  const [free, size] = [bavail * bsize, blocks * bsize]
  const says = `${showBytes(free)} of ${showBytes(size)} free where the data is`
  const advice = 'make room, move --data-dir, or keep less: --store-message-retention-policy'
  if (free < leastFree) return [fail(says, advice)]
  if (free < scarceFree || free < size * scarceShare) return [warn(says, advice)]
  return [ok(says), ...roomForRetention(settings, size)]
}

/** A limit that the disk does not reach is no limit. */
function roomForRetention({ store, storeMessageRetentionPolicy: policies }: Settings, size: number): Finding[] {
  const wanted = policies.flatMap((policy) => (policy.by === 'size' ? [policy.bytes] : []))
  if (!store || wanted.length === 0 || Math.min(...wanted) < size) return []
  return [
    warn(
      `the retention policy keeps up to ${showBytes(Math.min(...wanted))}, the disk has ${showBytes(size)}`,
      'set --store-message-retention-policy to less than the disk has',
    ),
  ]
}

export async function checkDatabase({ settings, node }: Examined): Promise<Finding[]> {
  if (!settings.store) return [ok('this node keeps no messages (--store)')]
  if (settings.storeMessageDbUrl?.engine === 'postgres') return [ok('it is in PostgreSQL: see database')]
  const folder = folderOfArchive(settings)
  const found = await stat(folder).catch(() => undefined)
  if (found === undefined) return [ok('there is no archive yet; the first start makes one')]
  const owner = process.geteuid?.()
  // What is opened is written to: as another user the node could not open it afterwards.
  if (owner !== undefined && found.uid !== owner)
    return [skip(`not opened: ${folder} belongs to user ${found.uid}; ${ownerAdvice(found.uid)}`)]
  return [await openArchive(folder, node !== undefined)]
}

async function openArchive(folder: string, nodeRuns: boolean): Promise<Finding> {
  try {
    const backend = await openLevel({ folder })
    const { messages, bytes } = await backend.stat()
    await backend.close()
    return ok(`it opens: ${messages} messages, ${showBytes(bytes)}`)
  } catch (error) {
    if (isWaypostError(error, 'archive/locked') && nodeRuns) return ok('the running node has it open')
    const advice = isWaypostError(error, 'archive/locked')
      ? 'stop the process that has it open, or use another --data-dir'
      : 'restore it from a backup, or move the folder away to start anew'
    return fail(messageOf(error), advice)
  }
}

function folderOfArchive(settings: Settings): string {
  return archiveFolder(settings, dataFolderAt(settings.dataDir))
}

/** The nearest folder that is there. */
async function existing(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => undefined)
  return found?.isDirectory() || folder === path.dirname(folder) ? folder : await existing(path.dirname(folder))
}
