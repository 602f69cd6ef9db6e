/** The password of a backup: from a file, or asked for on the terminal; never an argument, which others can see. */
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { systemCode, WaypostError } from '../../core/errors.ts'

/** Characters that a new password has at the least. */
const leastCharacters = 8

/** Bytes of a password file at the most. */
const maxPasswordBytes = 4096

export interface PasswordOptions {
  readonly passwordFile?: string
  readonly askPassword?: boolean
}

/** The password that the options give; undefined when they give none. Throws `cli/bad-usage`, `cli/no-such-file`. */
export async function passwordOf({ passwordFile, askPassword }: PasswordOptions): Promise<string | undefined> {
  if (passwordFile !== undefined) return await fromFile(passwordFile)
  return askPassword === true ? await ask('Password of the backup: ') : undefined
}

/** A password for a new backup: asked for twice. */
export async function newPassword(options: PasswordOptions): Promise<string | undefined> {
  const password = await passwordOf(options)
  if (password === undefined) return undefined
  if (password.length < leastCharacters) throw badUsage(`a password has ${leastCharacters} characters or more`)
  if (options.passwordFile === undefined && (await ask('Once more: ')) !== password)
    throw badUsage('the two passwords are not the same')
  return password
}

async function fromFile(file: string): Promise<string> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw new WaypostError('cli/no-such-file', { path: file, why: systemCode(error) }, { cause: error })
  })
  try {
    const stat = await handle.stat()
    if (process.platform !== 'win32' && stat.isFile() && (stat.mode & 0o077) !== 0)
      throw new WaypostError('backup/open-password-file', { file })
    const buffer = Buffer.alloc(maxPasswordBytes)
    const { bytesRead } = await handle.read(buffer, 0, maxPasswordBytes)
    const password = buffer.toString('utf8', 0, bytesRead).replace(/\r?\n$/, '')
    if (password === '') throw badUsage(`the password file ${file} is empty`)
    return password
  } finally {
    await handle.close()
  }
}

async function ask(question: string): Promise<string> {
  if (process.stdin.isTTY !== true) throw badUsage('there is no terminal to ask for the password: take --password-file')
  process.stderr.write(question)
  // What is typed is not shown.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  lines.once('line', resolve)
  lines.once('close', () => reject(badUsage('no password was given')))
  try {
    return await promise
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

function badUsage(why: string): WaypostError {
  return new WaypostError('cli/bad-usage', { why })
}
