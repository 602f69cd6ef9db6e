/** Pictures that go out from files, and what came and is put into files. */
import { mkdir, open, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { systemCode, WaypostError } from '../../core/errors.ts'
import type { ImageFormatName, Message } from '../../messaging/chats/message.ts'

/** Bytes of a picture that we send. What is said with it and around it makes up the rest of the 8 MiB that peers put together. */
const maxImageBytes = 7 * 1024 * 1024

export interface Picture {
  readonly bytes: Uint8Array
  readonly format: ImageFormatName
}

/** The picture in a file. Throws `cli/no-such-file`, `cli/bad-usage`. */
export async function readPicture(file: string): Promise<Picture> {
  const bytes = await readBounded(file)
  const format = formatOf(bytes)
  if (format === undefined) throw badUsage(`${file} is not a picture that peers show: png, jpeg, webp or gif`)
  return { bytes, format }
}

async function readBounded(file: string): Promise<Buffer> {
  try {
    await using handle = await open(file, 'r')
    const { size } = await handle.stat()
    if (size > maxImageBytes) throw badUsage(`${file} has ${size} bytes; a picture has ${maxImageBytes} at the most`)
    const buffer = Buffer.alloc(size)
    const { bytesRead } = await handle.read(buffer, 0, size, 0)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    if (error instanceof WaypostError) throw error
    throw new WaypostError('cli/no-such-file', { path: file, why: systemCode(error) }, { cause: error })
  }
}

/** How files of each format begin: hexadecimal digits, a dot for what may be anything. */
const beginnings: Readonly<Record<ImageFormatName, RegExp>> = {
  png: /^89504e470d0a1a0a/,
  jpeg: /^ffd8ff/,
  gif: /^47494638(37|39)61/,
  webp: /^52494646.{8}57454250/,
}

function formatOf(bytes: Buffer): ImageFormatName | undefined {
  const start = bytes.toString('hex', 0, 12)
  const names = Object.keys(beginnings) as ImageFormatName[]
  return names.find((name) => beginnings[name].test(start))
}

/** Puts the picture or sound of a message into a file in `folder`, by the id of the message; undefined where it has none. */
export async function saveMedia({ id, image, audio }: Message, folder: string): Promise<string | undefined> {
  const media = image ?? audio
  if (media === undefined) return undefined
  const file = path.join(path.resolve(folder), `${id}.${media.format === 'unknown' ? 'bin' : media.format}`)
  try {
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, media.bytes, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const why = systemCode(error)
    // It was saved before: an id is the hash of what was said.
    if (why !== 'EEXIST') throw new WaypostError('cli/cannot-write', { path: file, why }, { cause: error })
  }
  return file
}

function badUsage(why: string): WaypostError {
  return new WaypostError('cli/bad-usage', { why })
}
