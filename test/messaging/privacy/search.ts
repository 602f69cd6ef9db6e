/** Looks for what nobody but the two ends is to know, in each form in which it may have got somewhere. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { compress, keyOfUser, uncompress } from '../../../src/messaging/keys.ts'

/** Something that is looked for, and the bytes that would betray it. */
export interface Needle {
  readonly what: string
  readonly forms: readonly Buffer[]
}

/** A text: as it is, in hexadecimal, and in base64 at whatever place of a longer one it stands. */
export function textNeedle(what: string, text: string): Needle {
  return bytesNeedle(what, Buffer.from(text))
}

export function bytesNeedle(what: string, bytes: Buffer): Needle {
  const digits = bytes.toString('hex')
  const written = [digits, digits.toUpperCase(), ...base64Forms(bytes)]
  return { what, forms: [bytes, ...written.map((text) => Buffer.from(text))] }
}

/** The public key of a user, of 33 and of 65 bytes. */
export function keyNeedles(what: string, userId: string): Needle[] {
  const key = keyOfUser(userId)
  return [
    bytesNeedle(`${what}, 33 bytes`, Buffer.from(compress(key))),
    bytesNeedle(`${what}, 65 bytes`, Buffer.from(uncompress(key))),
  ]
}

/** Base64 groups three bytes: what stands around the text changes the letters at its ends, and these are left out. */
function base64Forms(bytes: Buffer): string[] {
  const shifted = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const whole = Math.floor((before + bytes.length) / 3) * 4
    return text.slice(before === 0 ? 0 : 4, whole)
  })
  return shifted.flatMap((text) => [text, text.replaceAll('+', '-').replaceAll('/', '_')])
}

/** What of `needles` is somewhere in `hay`. */
export function found(hay: readonly Uint8Array[], needles: readonly Needle[]): string[] {
  const all = Buffer.concat(hay)
  return needles.filter(({ forms }) => forms.some((form) => all.includes(form))).map(({ what }) => what)
}

/** Every file under a folder, and its name. */
export async function filesUnder(folder: string): Promise<Buffer[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => path.join(parentPath, name))
  const contents = await Promise.all(files.map((file) => readFile(file)))
  return [...contents, Buffer.from(files.join('\n'))]
}
