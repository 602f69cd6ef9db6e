/**
 * Runs benches: `npm run bench` all of them, `npm run bench -- relay store` those named. What begins with a dash goes to
 * each. One after the other and each in a process of its own, which begins as the daemon does.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

/** The arguments with which a bench is part of all; alone it may take longer. */
const benches: Readonly<Record<string, readonly string[]>> = {
  relay: ['--quick'],
  'fan-out': [],
  store: [],
  startup: [],
  fleet: [],
  network: ['--nodes=12', '--churn=60', '--partition=60'],
  archive: ['--messages=30000'],
  sync: ['--messages=100000'],
  stack: [],
  messaging: [],
}

/** As `bin/waypost.js` starts the daemon: peers with a smaller heap would be what is measured. */
const heapFlags = ['--max-semi-space-size=64']
const env = { UV_THREADPOOL_SIZE: '16', ...process.env }

const given = process.argv.slice(2)
const options = given.filter((argument) => argument.startsWith('-'))
const named = given.filter((argument) => !argument.startsWith('-'))
const unknown = named.filter((name) => !(name in benches))
if (unknown.length > 0) throw new Error(`no bench ${unknown.join(', ')}: there are ${Object.keys(benches).join(', ')}`)

if (named.length > 0) for (const name of named) await run(name, options)
else {
  for (const [name, short] of Object.entries(benches)) await run(name, [...short, ...options])
  // Where the time goes is a part of the whole picture; in the same run it would spoil the other figures.
  await run('relay', ['--profile'])
}

async function run(name: string, more: readonly string[]): Promise<void> {
  console.log(`\n## ${[name, ...more].join(' ')}\n`)
  const script = path.join(import.meta.dirname, `${name}.js`)
  const child = spawn(process.execPath, [...heapFlags, script, ...more], { stdio: 'inherit', env })
  const [code] = await once(child, 'exit')
  if (code !== 0) process.exitCode = 1
}
