/** What keeps a node from starting is told in one line, and nothing of it is left behind. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { daemon, launcher, loopbackFlags } from '../kit/daemon.ts'

interface Failure {
  readonly code: number | null
  readonly errors: readonly string[]
  readonly output: string
}

/** Starts a node that is expected to fail; gives what it said. */
async function failedStart(dataDir: string, flags: readonly string[] = []): Promise<Failure> {
  const child = spawn(process.execPath, [launcher, 'run', `--data-dir=${dataDir}`, ...loopbackFlags, ...flags])
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (errors += chunk))
  await once(child, 'close')
  return { code: child.exitCode, errors: errors.trimEnd().split('\n'), output }
}

/** A port of loopback that is taken until the test ends. */
async function takenPort(t: Test): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Checks that it failed with one line that has all of `words`. */
function check(t: Test, failure: Failure, ...words: readonly (string | number)[]): void {
  t.not(failure.code, 0)
  t.equal(failure.errors.length, 1, failure.errors.join('\n'))
  for (const word of words) t.match(failure.errors[0], String(word))
  t.notMatch(failure.output, 'Node setup complete')
}

t.test('a port in use is named, whatever it is for, and a node can start on the same folder', async (t) => {
  const dataDir = path.join(t.testdir(), 'data')
  const port = await takenPort(t)
  for (const flag of ['--tcp-port', '--websocket-port', '--rest-port', '--metrics-server-port']) {
    const failure = await failedStart(dataDir, ['--metrics-server=true', '--metrics-server-port=0', `${flag}=${port}`])
    check(t, failure, 'in use', port)
  }
  await daemon(t, { dataDir })
})

t.test('a data folder that cannot be is named', async (t) => {
  const file = path.join(t.testdir({ taken: '' }), 'taken')
  check(t, await failedStart(path.join(file, 'data')), path.join(file, 'data'))
})

t.test('a data folder that another node holds is named, and the other node goes on', async (t) => {
  const dataDir = path.join(t.testdir(), 'data')
  const first = await daemon(t, { dataDir })
  check(t, await failedStart(dataDir), dataDir)
  t.equal((await fetch(`${first.restUrl}/readyz`)).status, 200)
  t.equal(await first.stop(), 0)
  const second = await daemon(t, { dataDir })
  t.equal(second.peerId, first.peerId)
})

t.test('a key file that holds no key is named, and left as it is', async (t) => {
  const dataDir = t.testdir({ 'node.key': 'no key at all\n' })
  check(t, await failedStart(dataDir), path.join(dataDir, 'node.key'))
})

t.test('a certificate that cannot be read is named', async (t) => {
  const dataDir = t.testdir()
  const [key, certificate] = [path.join(dataDir, 'key.pem'), path.join(dataDir, 'certificate.pem')]
  const secure = ['--websocket-secure-support=true', `--websocket-secure-key-path=${key}`]
  const failure = await failedStart(dataDir, [...secure, `--websocket-secure-cert-path=${certificate}`])
  check(t, failure, 'pem')
})
