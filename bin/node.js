#!/usr/bin/env node
/** Runs a script under a fit Node, whatever Node runs this: `node bin/node.js script.js ...`. npm scripts go through it. */
import { handOver } from './hand-over.js'
import { advice, findNode } from './runtime.js'

const node = findNode()
if (node === undefined) {
  console.error(advice())
  process.exitCode = 78
} else {
  handOver(node, process.argv.slice(2))
}
