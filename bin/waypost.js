#!/usr/bin/env node
/** The launcher: finds a fit Node, whatever Node runs this, and hands over to Waypost with the right heap flags. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { handOver } from './hand-over.js'
import { advice, findNode } from './runtime.js'

/**
 * A young generation of 64 MiB: on a busy relay the default of 16 MiB fills many times a second, and each time what is
 * still in flight is copied (docs/decisions/0001-runtime-from-npm.md has the figures).
 */
const heapFlags = ['--max-semi-space-size=64']

/**
 * Threads that read and write for the archive. Each read of a slow disk holds one; with the four that Node has, a commit
 * would stand behind the pages of a few clients.
 */
const threads = '16'

/** sysexits.h: something is wrong with the installation, and trying again will not help. */
const misconfigured = 78

process.env.UV_THREADPOOL_SIZE ??= threads

const program = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url))
const node = findNode()

if (node === undefined) refuse(advice())
else if (!existsSync(program)) refuse('waypost is not built yet: run `npm run build`.')
else handOver(node, heapFlags.concat(program, process.argv.slice(2)))

function refuse(why) {
  console.error(why)
  process.exitCode = misconfigured
}
