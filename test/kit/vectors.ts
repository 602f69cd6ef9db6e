/** Golden bytes and other vectors: data files under test/vectors, each with its source. */
import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Compiled tests run from dist/test; the vectors stay where they are. */
const folder = path.resolve(import.meta.dirname, '../../../test/vectors')

/** The vectors of `name`.json. Their shape is what the test says that it is; unsaid, it goes unchecked. */
export function readVectors<Shape = ReturnType<typeof JSON.parse>>(name: string): Shape {
  return JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8'))
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function bytesOf(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex')
}
