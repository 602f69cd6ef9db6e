/** What only its owner is to know: from a file, or asked for on the terminal; never an argument, which others can see. */
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { systemCode, WaypostError } from '../core/errors.ts'

/** Characters that a new password has at the least. */
const leastCharacters = 8

/** Bytes of a password file at the most. */
const maxPasswordBytes = 4096

/** The password in a file. Throws `cli/bad-usage`, `cli/no-such-file`, `backup/open-password-file`. */
export async function passwordIn(file: string): Promise<string> {
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

/** Asks on the terminal, and does not show what is typed. `instead`: what to do where there is no terminal. */
export async function askSecret(question: string, instead: string): Promise<string> {
  if (process.stdin.isTTY !== true) throw badUsage(instead)
  process.stderr.write(question)
  // What is typed is not shown.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  lines.once('line', resolve)
  lines.once('close', () => reject(badUsage('nothing was given')))
  try {
    return await promise
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

/** What is to be used from now on: long enough, and typed twice where it was asked for. Throws `cli/bad-usage`. */
export async function asNew(password: string, again: (() => Promise<string>) | undefined): Promise<string> {
  if (password.length < leastCharacters) throw badUsage(`a password has ${leastCharacters} characters or more`)
  if (again !== undefined && (await again()) !== password) throw badUsage('the two passwords are not the same')
  return password
}

function badUsage(why: string): WaypostError {
  return new WaypostError('cli/bad-usage', { why })
}
