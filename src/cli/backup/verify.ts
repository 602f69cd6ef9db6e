/** Checks a backup: signature, digests, each message, the key. Reads it whole, changes nothing. */
import { createHash } from 'node:crypto'
import { lstat } from 'node:fs/promises'
import path from 'node:path'
import { ExportDecoder } from '../../archive/export/decoder.ts'
import type { ExportRecord } from '../../archive/export/format.ts'
import { openEnvelope } from '../../core/envelope.ts'
import { isWaypostError, messageOf, systemCode, WaypostError } from '../../core/errors.ts'
import { fileBytes } from '../export-file.ts'
import { Progress } from '../progress.ts'
import { checkEntry, damaged, entryOf, readSmall } from './files.ts'
import {
  type BackupFile,
  type Manifest,
  manifestName,
  maxManifestBytes,
  messagesName,
  openManifest,
  type PrivateName,
  sealedSuffix,
  signatureName,
} from './manifest.ts'
import { maxSealedBytes, type Sealer } from './seal.ts'

export interface VerifyOptions {
  /** Whose backup it has to be; anybody's unless given. */
  readonly peerId?: string
  /** Opens sealed files; without it they are checked from outside only. */
  readonly sealer?: Sealer
}

/** A backup that was checked. */
export interface Verified {
  readonly manifest: Manifest
  /** Private files, opened; those that are sealed are missing without a password. */
  readonly opened: ReadonlyMap<PrivateName, Buffer>
  readonly sealed: boolean
}

/** Throws `backup/damaged`, `backup/newer`, `backup/other-node`, `backup/cannot-open`, `export/damaged`, `cli/no-such-file`. */
export async function verifyBackup(folder: string, { peerId, sealer }: VerifyOptions): Promise<Verified> {
  const manifest = await readManifest(folder)
  if (peerId !== undefined && manifest.peerId !== peerId)
    throw new WaypostError('backup/other-node', { found: manifest.peerId, wanted: peerId })
  const opened = await openPrivateFiles(folder, manifest, sealer)
  await checkKey(opened.get('node.key'), manifest.peerId)
  await checkMessages(folder, manifest)
  return { manifest, opened, sealed: manifest.files.some(({ name }) => name.endsWith(sealedSuffix)) }
}

/** The manifest, signed by the peer that it names. */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readSmall(folder, manifestName, maxManifestBytes)
  const signature = await readSmall(folder, signatureName, maxManifestBytes)
  if (text === undefined)
    throw new WaypostError('cli/no-such-file', { path: path.join(folder, manifestName), why: 'there is no backup' })
  if (signature === undefined) throw damaged(signatureName, 'it is missing')
  return await openManifest({ text, signature: fromBase64(signature.toString('latin1').trim()) })
}

/** Of one signature there is one text: what stands behind it would not be looked at. */
function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw damaged(signatureName, 'it is no base64')
  return bytes
}

async function openPrivateFiles(folder: string, { files }: Manifest, sealer: Sealer | undefined) {
  const opened = new Map<PrivateName, Buffer>()
  for (const said of files.filter(({ name }) => name !== messagesName)) {
    const content = await readSmall(folder, said.name, maxSealedBytes)
    if (content === undefined) throw damaged(said.name, 'it is missing')
    checkEntry(said, entryOf(said.name, content))
    const isSealed = said.name.endsWith(sealedSuffix)
    // A manifest names no others.
    const name = (isSealed ? said.name.slice(0, -sealedSuffix.length) : said.name) as PrivateName
    if (!isSealed) opened.set(name, content)
    else if (sealer !== undefined) opened.set(name, await sealer.open(name, content))
  }
  return opened
}

async function checkKey(key: Buffer | undefined, peerId: string): Promise<void> {
  if (key === undefined) return
  const { nodeKeyFromHex } = await import('../../net/identity.ts')
  const { peerIdFromPrivateKey } = await import('@libp2p/peer-id')
  const found = peerIdFromPrivateKey(nodeKeyFromHex(key.toString('latin1'), 'the backup')).toString()
  if (found !== peerId) throw damaged('node.key', 'it is the key of another node')
}

async function checkMessages(folder: string, { files, messages }: Manifest): Promise<void> {
  const file = path.join(folder, messagesName)
  // A manifest without this file is none.
  const said = files.find(({ name }) => name === messagesName)!
  await checkRegular(file)
  const decoder = new ExportDecoder()
  checkEntry(said, await readMessages(file, decoder, messages.count))
  const { totals } = decoder.state
  if (totals.messages !== messages.count || totals.bytes !== messages.bytes)
    throw damaged(messagesName, 'it holds other messages than the manifest says')
}

async function readMessages(file: string, decoder: ExportDecoder, total: number): Promise<BackupFile> {
  const hash = createHash('sha256')
  let size = 0
  using progress = new Progress('checking')
  for await (const piece of fileBytes(file)) {
    hash.update(piece)
    size += piece.length
    for (const part of decoder.push(piece)) if (part.is === 'records') part.records.forEach(checkRecord)
    const { messages, bytes } = decoder.state.totals
    progress.update({ messages, bytes, total })
  }
  decoder.end()
  return { name: messagesName, size, sha256: hash.digest('hex') }
}

async function checkRegular(file: string): Promise<void> {
  try {
    if (!(await lstat(file)).isFile()) throw damaged(messagesName, 'it is no file')
  } catch (error) {
    throw isWaypostError(error) ? error : damaged(messagesName, systemCode(error))
  }
}

function checkRecord({ pubsubTopic, bytes, hash, timestamp }: ExportRecord): void {
  try {
    const found = openEnvelope(pubsubTopic, bytes, 0)
    if (found.hash === hash && found.message.timestamp === timestamp) return
  } catch (error) {
    throw damaged(messagesName, `message ${hash}: ${messageOf(error)}`)
  }
  throw damaged(messagesName, `message ${hash} is not what its hash says`)
}
