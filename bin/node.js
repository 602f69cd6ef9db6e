#!/usr/bin/env node
/** Runs a script under a fit Node, whatever Node runs this: `node bin/node.js script.js ...`. npm scripts go through it. */
import { spawn } from 'node:child_process'
import { advice, findNode } from './runtime.js'

const node = findNode()
if (node === undefined) {
  console.error(advice())
  process.exitCode = 78
} else {
  const child = spawn(node, process.argv.slice(2), { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? code : 1
  })
}
