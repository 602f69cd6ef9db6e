/**
 * The manifest of a backup: what is in it, and the digest of each file, signed with the key of the node. The peer id in
 * it holds the public key, so nothing else is needed to check it; whose backup it ought to be, only the reader knows.
 */
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { WaypostError } from '../../core/errors.ts'
import type { Nanoseconds } from '../../core/time.ts'

export const manifestName = 'manifest.json'
export const signatureName = 'manifest.sig'
export const messagesName = 'messages.waypost'

/** What is sealed when there is a password, by the name in the data folder. */
export const privateNames = ['node.key', 'rest.token', 'waypost.toml'] as const
export type PrivateName = (typeof privateNames)[number]

export const sealedSuffix = '.sealed'

/** No other file is in a backup: a name from a manifest is never a path. */
const knownNames = new Set<string>([messagesName, ...privateNames, ...privateNames.map((name) => name + sealedSuffix)])

export const manifestFormat = 1

/** Bytes of a manifest at the most: a handful of files. */
export const maxManifestBytes = 64 * 1024

export interface BackupFile {
  readonly name: string
  readonly size: number
  /** Hexadecimal. */
  readonly sha256: string
}

export interface Manifest {
  readonly waypost: string
  /** ISO 8601. */
  readonly createdAt: string
  readonly peerId: string
  readonly messages: {
    readonly count: number
    readonly bytes: number
    readonly oldest?: Nanoseconds
    readonly newest?: Nanoseconds
  }
  readonly files: readonly BackupFile[]
}

export interface SignedManifest {
  readonly text: Buffer
  readonly signature: Buffer
}

/** In front of what is signed, so that no signature of the node's for another purpose fits. */
const domain = Buffer.from('waypost backup manifest\n')

export async function signManifest(manifest: Omit<Manifest, 'peerId'>, key: PrivateKey): Promise<SignedManifest> {
  const peerId = peerIdFromPrivateKey(key).toString()
  const { messages } = manifest
  const told = {
    format: manifestFormat,
    ...manifest,
    peerId,
    // As text: most readers of JSON cut integers of 19 digits.
    messages: { ...messages, oldest: messages.oldest?.toString(), newest: messages.newest?.toString() },
  }
  const text = Buffer.from(`${JSON.stringify(told, undefined, 2)}\n`)
  return { text, signature: Buffer.from(await key.sign(Buffer.concat([domain, text]))) }
}

/** The manifest, when its signature is that of its peer. Throws `backup/damaged` and `backup/newer`. */
export async function openManifest({ text, signature }: SignedManifest): Promise<Manifest> {
  const { format, ...manifest } = parse(text)
  if (format > manifestFormat) throw new WaypostError('backup/newer', { found: format, known: manifestFormat })
  if (!(await isSigned(manifest.peerId, text, signature))) throw damaged('it is not signed by the peer that it names')
  return manifest
}

async function isSigned(peerId: string, text: Buffer, signature: Buffer): Promise<boolean> {
  try {
    const { publicKey } = peerIdFromString(peerId)
    return publicKey !== undefined && (await publicKey.verify(Buffer.concat([domain, text]), signature))
  } catch {
    return false
  }
}

type Fields = Readonly<Record<string, unknown>>

function parse(text: Buffer): Manifest & { readonly format: number } {
  try {
    const { format, waypost, createdAt, peerId, messages, files } = fieldsOf(JSON.parse(text.toString()))
    const { count, bytes, oldest, newest } = fieldsOf(messages)
    if (!Array.isArray(files)) throw damaged('it names no files')
    const told = { count: wholeNumber(count), bytes: wholeNumber(bytes), oldest: time(oldest), newest: time(newest) }
    const names = { waypost: word(waypost), createdAt: word(createdAt), peerId: word(peerId) }
    return { format: wholeNumber(format), ...names, messages: told, files: filesOf(files) }
  } catch (error) {
    if (error instanceof WaypostError) throw error
    throw damaged('it is no JSON')
  }
}

function filesOf(files: readonly unknown[]): BackupFile[] {
  const read = files.map((file) => {
    const { name, size, sha256 } = fieldsOf(file)
    return { name: word(name), size: wholeNumber(size), sha256: word(sha256) }
  })
  const names = new Set(read.map(({ name }) => name))
  if (names.size !== read.length || !names.has(messagesName)) throw damaged('a file is missing in it, or named twice')
  const strange = read.find(({ name }) => !knownNames.has(name))
  if (strange !== undefined) throw damaged('it names a file that is none of a backup')
  return read
}

function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw damaged('a part of it is missing')
  return value as Fields
}

function word(value: unknown): string {
  if (typeof value !== 'string' || !/^[\x20-\x7e]{1,200}$/.test(value)) throw damaged('a text in it is missing')
  return value
}

function wholeNumber(value: unknown): number {
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw damaged('a number in it is missing')
  return Number(value)
}

function time(value: unknown): Nanoseconds | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || !/^-?\d{1,19}$/.test(value)) throw damaged('a time in it is none')
  return BigInt(value)
}

function damaged(why: string): WaypostError {
  return new WaypostError('backup/damaged', { name: manifestName, why })
}
