/** The token of the REST API: given by a setting, else one in the data folder, made once, readable by its owner only. */
import { randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { systemCode, WaypostError } from '../core/errors.ts'

/** Bytes of randomness: nobody guesses 256 bits. */
const tokenBytes = 32

/** The token in `file`; when there is none, a new one. Throws `rest/bad-token-file`. */
export async function restToken(file: string): Promise<string> {
  try {
    const token = randomBytes(tokenBytes).toString('base64url')
    await writeFile(file, `${token}\n`, { mode: 0o600, flag: 'wx', flush: true })
    return token
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw unusable(file, systemCode(error))
    return await readToken(file)
  }
}

async function readToken(file: string): Promise<string> {
  const { mode } = await stat(file)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw unusable(file, `others may read it: chmod 600 ${file}`)
  const token = (await readFile(file, 'utf8')).trim()
  if (!/^[\x21-\x7e]{16,256}$/.test(token)) throw unusable(file, 'it holds no token of 16 to 256 characters: delete it')
  return token
}

function unusable(file: string, why: string): WaypostError {
  return new WaypostError('rest/bad-token-file', { file, why })
}
