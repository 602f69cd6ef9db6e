/**
 * The file in which an account lies encrypted by a password: scrypt makes a key of the password, AES-256-GCM encrypts by it.
 * JSON, so that a person sees what it is; the words are within the ciphertext only.
 *
 * What scrypt costs stands in the file, so that it can grow with machines, and is bounded when the file is read: who
 * puts another file there must not make us take gigabytes.
 */
import { createHash, randomBytes, type ScryptOptions, scrypt } from 'node:crypto'
import { systemCode, WaypostError } from '../../core/errors.ts'
import { type PrivateFileFault, readPrivateFile } from '../../files/private-file.ts'
import { replaceFile, writeNewFile } from '../../files/whole-file.ts'
import { gcmKeyBytes, openGcm, sealGcm } from '../aes-gcm.ts'
import { Account } from './account.ts'

/** What scrypt takes: 128 * N * r bytes of memory, p times. N is a power of 2. */
export interface ScryptCost {
  readonly N: number
  readonly r: number
  readonly p: number
}

/** 128 MiB and about half a second, as OWASP's password storage advice has it. */
export const defaultCost: ScryptCost = { N: 2 ** 17, r: 8, p: 1 }

/** Memory that a file may make scrypt take: four times that of the default. */
const maxScryptBytes = 512 * 1024 * 1024
const maxRounds = 8
const maxBlock = 32
const saltBytes = 16

/** Bytes of a key file. Ours have some 500. */
export const maxKeyFileBytes = 4096

const format = 'waypost-account'
const version = 1

/** What stands in the file before the ciphertext, and is bound to it. */
interface Header extends ScryptCost {
  readonly salt: string
}

/** The text of a key file. Takes as long as `cost` says. */
export async function sealAccount(account: Account, password: string, cost: ScryptCost = defaultCost): Promise<string> {
  const { N, r, p } = cost
  const header: Header = { N, r, p, salt: randomBytes(saltBytes).toString('base64') }
  const secret = JSON.stringify({ mnemonic: account.mnemonic(), installation: account.installation })
  const ciphertext = Buffer.from(sealGcm(await keyOf(password, header), Buffer.from(secret))).toString('base64')
  const checksum = checksumOf(header, ciphertext)
  return `${JSON.stringify({ format, version, scrypt: header, ciphertext, checksum }, undefined, 2)}\n`
}

/** The account in the text of a key file. Throws `key-file/malformed`, `key-file/wrong-password`. */
export async function openAccount(text: string, password: string): Promise<Account> {
  const { header, ciphertext } = readFields(text)
  const secret = openGcm(await keyOf(password, header), Buffer.from(ciphertext, 'base64'))
  if (secret === undefined) throw new WaypostError('key-file/wrong-password', {})
  const { mnemonic, installation } = objectOf(parse(Buffer.from(secret).toString()))
  if (typeof mnemonic !== 'string' || typeof installation !== 'string') throw malformed('it holds no account')
  return Account.restore(mnemonic, installation)
}

/** How a file comes to stand where nothing stood, or in place of the one there. */
export type Placement = 'new' | 'replace'

/** Puts `account` into `file`, encrypted by `password`. Throws `key-file/exists`, `key-file/unwritable`. */
export async function writeKeyFile(
  file: string,
  account: Account,
  password: string,
  placement: Placement = 'new',
  cost: ScryptCost = defaultCost,
): Promise<void> {
  const text = await sealAccount(account, password, cost)
  if (!(await placed(file, text, placement))) throw new WaypostError('key-file/exists', { file })
}

/** False, with nothing changed, where a new file is wanted and one is there. */
async function placed(file: string, text: string, placement: Placement): Promise<boolean> {
  try {
    if (placement === 'new') return await writeNewFile(file, text)
    await replaceFile(file, text)
    return true
  } catch (error) {
    throw new WaypostError('key-file/unwritable', { file, why: systemCode(error) }, { cause: error })
  }
}

/**
 * The account in `file`; undefined where there is no such file.
 * Throws `key-file/unreadable`, `key-file/malformed`, `key-file/wrong-password`.
 */
export async function readKeyFile(file: string, password: string): Promise<Account | undefined> {
  const read = await readPrivateFile(file, maxKeyFileBytes)
  if (read === undefined) return undefined
  if ('text' in read) return await openAccount(read.text, password)
  throw new WaypostError('key-file/unreadable', { file, why: saidOf(read) }, { cause: read.cause })
}

function saidOf({ fault, why }: PrivateFileFault): string {
  if (fault === 'open-to-others') return `others may read it (mode ${why}): set it to 600`
  return fault === 'unreadable' ? why : `it is ${why}`
}

/** The cost and the salt are in the key; a file in which they were exchanged opens no more. */
function keyOf(password: string, { N, r, p, salt }: Header): Promise<Buffer> {
  const options: ScryptOptions = { N, r, p, maxmem: maxScryptBytes + 1024 * 1024 }
  return new Promise((resolve, reject) =>
    // Normalised, so that a password typed on another keyboard is the same one.
    scrypt(password.normalize('NFKC'), Buffer.from(salt, 'base64'), gcmKeyBytes, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    ),
  )
}

/** Tells a damaged file from a wrong password. It says nothing of the password. */
function checksumOf({ N, r, p, salt }: Header, ciphertext: string): string {
  return createHash('sha256')
    .update(JSON.stringify([format, version, N, r, p, salt, ciphertext]))
    .digest('hex')
}

function readFields(text: string): { header: Header; ciphertext: string } {
  const file = objectOf(parse(text))
  if (file.format !== format) throw malformed('it is no key file of Waypost')
  if (file.version !== version) throw malformed(`its version is not ${version}: a later release wrote it`)
  const header = readHeader(objectOf(file.scrypt))
  const { ciphertext, checksum } = file
  if (typeof ciphertext !== 'string' || checksum !== checksumOf(header, ciphertext)) throw malformed('it is damaged')
  return { header, ciphertext }
}

function readHeader({ N, r, p, salt }: Readonly<Record<string, unknown>>): Header {
  const [cpu, block, rounds] = [positive(N), positive(r), positive(p)]
  if (cpu < 2 || (cpu & (cpu - 1)) !== 0) throw malformed('N of scrypt is no power of 2')
  if (block > maxBlock || 128 * cpu * block > maxScryptBytes || rounds > maxRounds)
    throw malformed('it asks for too much memory or time')
  if (cpu >= 2 ** (16 * block)) throw malformed('N and r of scrypt do not fit')
  if (typeof salt !== 'string') throw malformed('it has no salt')
  return { N: cpu, r: block, p: rounds, salt }
}

function positive(value: unknown): number {
  const isSound = typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 31
  if (!isSound) throw malformed('a parameter of scrypt is no number')
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The cause would carry a piece of the text.
    throw malformed('it is not JSON')
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw malformed('a part is missing')
  return value as Readonly<Record<string, unknown>>
}

function malformed(why: string): WaypostError {
  return new WaypostError('key-file/malformed', { why })
}
