/** The version of this Waypost, as package.json has it. */
import { readFileSync } from 'node:fs'

/** Compiled, this file is three folders below it: dist/src/cli. */
const manifest = new URL('../../../package.json', import.meta.url)

export const version: string = JSON.parse(readFileSync(manifest, 'utf8')).version
