/**
 * A file with an export, written as the messages come. It is whole when its footer is there; one that is not whole is
 * good up to its last chunk, and is continued from there.
 */
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import { ExportDecoder } from '../archive/export/decoder.ts'
import { ExportEncoder } from '../archive/export/encoder.ts'
import type { ExportHeader, ExportRecord, ExportTotals } from '../archive/export/format.ts'
import { isWaypostError, systemCode, WaypostError } from '../core/errors.ts'
import { syncFolder } from '../files/whole-file.ts'
import { openNewFile } from './new-file.ts'

export class ExportFile implements AsyncDisposable {
  readonly #handle: FileHandle
  readonly #file: string
  readonly #encoder: ExportEncoder
  #end: number
  /** The last message in it; what is added stands behind. */
  readonly last: ExportRecord | undefined

  private constructor(handle: FileHandle, file: string, encoder: ExportEncoder, begun?: Begun) {
    this.#handle = handle
    this.#file = file
    this.#encoder = encoder
    this.#end = begun?.end ?? 0
    this.last = begun?.last
  }

  /** A new file, readable by its owner only. Throws `cli/exists` and `cli/cannot-write`. */
  static async create(file: string, header: ExportHeader, { replace = false } = {}): Promise<ExportFile> {
    const what = 'name another, or continue it with --resume'
    const handle = replace ? await openOld(file, 'w') : await openNewFile(file, { what })
    const created = new ExportFile(handle, file, new ExportEncoder({ compress: true }))
    await created.#write(created.#encoder.header(header))
    return created
  }

  /** The file that `begun` tells of, cut behind what is good in it. */
  static async reopen(file: string, begun: Begun): Promise<ExportFile> {
    const handle = await openOld(file, 'r+')
    await handle.truncate(begun.end)
    return new ExportFile(handle, file, new ExportEncoder({ compress: true, from: begun.decoder.state }), begun)
  }

  get totals(): ExportTotals {
    return this.#encoder.totals
  }

  async add(records: readonly ExportRecord[]): Promise<void> {
    for (const chunk of this.#encoder.add(records)) await this.#write(chunk)
  }

  /** Writes the footer, and waits until all is on disk. */
  async finish(): Promise<void> {
    for (const chunk of this.#encoder.end()) await this.#write(chunk)
    await this.#handle.sync()
    await syncFolder(path.dirname(this.#file))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close()
  }

  async #write(chunk: Buffer): Promise<void> {
    try {
      await this.#handle.write(chunk, 0, chunk.length, this.#end)
      this.#end += chunk.length
    } catch (error) {
      throw new WaypostError('cli/cannot-write', { path: this.#file, why: systemCode(error) }, { cause: error })
    }
  }
}

/** What is good in a file that was not finished. */
export interface Begun {
  readonly decoder: ExportDecoder
  readonly header: ExportHeader
  readonly last: ExportRecord | undefined
  /** Bytes that are good. */
  readonly end: number
}

/**
 * Reads a file that may have been cut off; undefined when it ends before its header does. Throws `cli/no-such-file`,
 * `export/newer`, and `export/damaged` for a file that is no export.
 */
export async function readBegun(file: string): Promise<Begun | undefined> {
  const decoder = new ExportDecoder()
  let header: ExportHeader | undefined
  let last: ExportRecord | undefined
  let end = 0
  try {
    for await (const piece of fileBytes(file))
      for (const part of decoder.push(piece)) {
        if (part.is === 'header') header = part.header
        if (part.is === 'records') last = part.records.at(-1) ?? last
        end = part.end
      }
  } catch (error) {
    // What follows is not good: it is written anew. Without a header it is somebody's file, which is not ours to cut.
    if (!isWaypostError(error, 'export/damaged') || header === undefined) throw error
  }
  return header && { decoder, header, last, end }
}

/** The bytes of a file. Throws `cli/no-such-file`. */
export async function* fileBytes(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: 256 * 1024 })
  } catch (error) {
    if (isWaypostError(error)) throw error
    throw new WaypostError('cli/no-such-file', { path: file, why: systemCode(error) }, { cause: error })
  }
}

async function openOld(file: string, flags: 'w' | 'r+'): Promise<FileHandle> {
  try {
    return await open(file, flags, 0o600)
  } catch (error) {
    throw new WaypostError('cli/cannot-write', { path: file, why: systemCode(error) }, { cause: error })
  }
}
