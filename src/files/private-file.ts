/** Reads files with secrets: those of their owner only, never through a link, and no more than they may hold. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { systemCode } from '../core/errors.ts'

/** Why a file is not read; `why` for a person: a kind of file, a mode, what the system said. */
export interface PrivateFileFault {
  readonly fault: 'not-a-file' | 'open-to-others' | 'too-long' | 'unreadable'
  readonly why: string
  readonly cause?: unknown
}

/** The text of `file`; undefined where there is none. `maxBytes`: no more is read. */
export async function readPrivateFile(
  file: string,
  maxBytes: number,
): Promise<{ readonly text: string } | PrivateFileFault | undefined> {
  let handle: FileHandle
  try {
    // A symbolic link is not followed: who can write to the folder could point it at any file. Nor is a pipe waited for.
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    return faultOf(systemCode(cause), cause)
  }
  try {
    return (await accessFault(handle)) ?? (await bounded(handle, maxBytes))
  } catch (cause) {
    return { fault: 'unreadable', why: systemCode(cause), cause }
  } finally {
    await handle.close()
  }
}

function faultOf(code: string, cause: unknown): PrivateFileFault | undefined {
  if (code === 'ENOENT') return undefined
  return code === 'ELOOP' ? { fault: 'not-a-file', why: 'a symbolic link' } : { fault: 'unreadable', why: code, cause }
}

async function accessFault(handle: FileHandle): Promise<PrivateFileFault | undefined> {
  const stat = await handle.stat()
  if (!stat.isFile()) return { fault: 'not-a-file', why: 'not a regular file' }
  const isOpen = process.platform !== 'win32' && (stat.mode & 0o077) !== 0
  return isOpen ? { fault: 'open-to-others', why: (stat.mode & 0o777).toString(8).padStart(4, '0') } : undefined
}

async function bounded(handle: FileHandle, maxBytes: number): Promise<{ readonly text: string } | PrivateFileFault> {
  const buffer = Buffer.alloc(maxBytes + 1)
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
  if (bytesRead > maxBytes) return { fault: 'too-long', why: `longer than ${maxBytes} bytes` }
  return { text: buffer.toString('utf8', 0, bytesRead) }
}
