/** waypost store: figures, export and import of a running node and of a closed one. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { progressLine } from '../../src/cli/progress.ts'
import { decodeMessage } from '../../src/core/message.ts'
import { newNodeKey, writeNodeKey } from '../../src/net/identity.ts'
import type { WaypostNode } from '../../src/node/node.ts'
import { exportOf, read, recordOf } from '../archive/export/kit.ts'
import { envelopes, hashes } from '../archive/kit.ts'
import { waypost } from '../kit/cli.ts'
import { launcher } from '../kit/daemon.ts'
import { environment } from '../kit/environment.ts'
import { standIn } from '../kit/nwaku-rest.ts'
import { startedNode } from '../kit/rest.ts'
import { closedFolder, json, keepAll, recordsOf, traffic } from './store-kit.ts'

async function exported({ restUrl }: WaypostNode) {
  const response = await fetch(`${restUrl}/admin/v1/store/export`)
  return read(Buffer.from(await response.arrayBuffer())).records
}

t.test('a node under traffic is exported, and another has all that was stored when that began', async (t) => {
  const root = t.testdir()
  const first = await startedNode(t, path.join(root, 'first'), ['--relay', '--store', ...keepAll])
  const second = await startedNode(t, path.join(root, 'second'), ['--relay', '--store', ...keepAll])
  const publishing = traffic(first.restUrl ?? '')
  await publishing.until(100)
  const before = [...publishing.acknowledged]
  const file = path.join(root, 'all.waypost')
  const out = await waypost(t, ['store', 'export', '--rest-url', first.restUrl ?? '', '--to', file, '--json'])
  t.match(out, { code: 0, stderr: '' })
  await publishing.stop()
  t.ok(publishing.acknowledged.length > before.length, 'it was published meanwhile')
  const into = await waypost(t, ['store', 'import', '--rest-url', second.restUrl ?? '', file, '--json'])
  t.match(json(into), { stored: json(out).messages, present: 0, refused: {} })
  const records = await recordsOf(file)
  t.same(await exported(second), records, 'each message is the same, byte for byte, in the same order')
  const payloads = new Set(records.map(({ bytes }) => Buffer.from(decodeMessage(bytes).payload).toString('base64')))
  t.same(
    before.filter((payload) => !payloads.has(payload)),
    [],
  )
})

t.test('a closed node is exported from its folder, and its old messages are not deleted meanwhile', async (t) => {
  const root = t.testdir()
  // Fifty years older than what retention keeps unless it is told otherwise.
  const stored = envelopes(700)
  const folder = await closedFolder(t, stored)
  const file = path.join(root, 'all')
  const config = path.join(root, 'node.toml')
  await writeFile(config, 'rest-port = 2\n')
  const out = await waypost(t, ['store', 'export', '--data-dir', folder, '--config-file', config, '--to', file])
  t.match(out, { code: 0, stderr: /^waypost: no node answers at http:\/\/127.0.0.1:2: using the data folder/ })
  t.match(out.stdout, /^messages +700/m)
  t.same(hashes(await recordsOf(file)), hashes(stored))
  const other = await closedFolder(t, stored.slice(0, 5), 'other')
  const third = await closedFolder(t, stored, 'third')
  const [stats, text, lines] = await Promise.all([
    waypost(t, ['store', 'stats', '--offline', '--data-dir', folder, '--json']),
    waypost(t, ['store', 'stats', '--offline', '--data-dir', other]),
    waypost(t, ['store', 'export', '--offline', '--data-dir', third, '--to=-', '--jsonl']),
  ])
  t.match(json(stats), { state: 'closed', running: false, messages: 700, oldest: 0, newest: 699, retention: 'time:2d' })
  t.match(text.stdout, /^messages +5, /m)
  t.equal(lines.stdout.trim().split('\n').length, 700)
  t.match(lines.stdout, `"messageHash":"0x${stored[0]?.hash}"`)
})

t.test('what is refused is counted and named, and old messages are warned of', async (t) => {
  const root = t.testdir()
  const [good, bad] = envelopes(2).map(recordOf)
  await writeFile(path.join(root, 'file'), exportOf([good!, { ...bad!, hash: '0'.repeat(64) }]))
  const args = ['store', 'import', '--offline', '--data-dir', path.join(root, 'data'), path.join(root, 'file')]
  const ended = await waypost(t, args)
  t.equal(ended.code, 1)
  t.match(ended.stdout, /^refused +1, wrong-hash: 1$/m)
  t.match(ended.stdout, `0x${'0'.repeat(64)} wrong-hash`)
  t.match(ended.stderr, /older than the node keeps messages \(time:2d\)/)
})

t.test('a pipe carries an export from a node to another', async (t) => {
  const root = t.testdir()
  const folder = await closedFolder(t, envelopes(500))
  const start = (...args: string[]) =>
    spawn(process.execPath, [launcher, 'store', ...args, '--offline'], { env: environment() })
  const out = start('export', '--data-dir', folder, '--to=-')
  const into = start('import', '--data-dir', path.join(root, 'copy'), '-', '--json')
  t.teardown(() => [out, into].map((child) => child.kill('SIGKILL')))
  out.stdout.pipe(into.stdin)
  let said = ''
  into.stdout.on('data', (chunk) => (said += chunk))
  t.same(await once(into, 'close'), [0, null])
  t.match(JSON.parse(said), { stored: 500 })
})

t.test('the archive of another node is never taken for that of this folder', async (t) => {
  const root = t.testdir()
  const running = await startedNode(t, path.join(root, 'data'), ['--store', ...keepAll])
  const folder = path.join(root, 'other')
  await mkdir(folder)
  await writeNodeKey(path.join(folder, 'node.key'), await newNodeKey())
  const config = path.join(root, 'node.toml')
  const { port } = new URL(running.restUrl ?? '')
  await writeFile(config, `rest-port = ${port}\ndata-dir = ${JSON.stringify(folder)}\n`)
  const ended = await waypost(t, ['store', 'stats', '--config-file', config])
  t.match(ended, { code: 64, stderr: `is ${running.peerId}, the data folder ${folder} is of 16Uiu2` })
})

t.test('what is missing is said with what to do', async (t) => {
  const root = t.testdir()
  const { url } = await standIn(t, ({ url }) => (url === '/health' ? [200, '{}'] : undefined))
  await startedNode(t, path.join(root, 'data'), ['--store', ...keepAll])
  const stats = (...args: string[]) => waypost(t, ['store', 'stats', ...args])
  const [none, off, nobody, locked] = await Promise.all([
    stats('--offline', '--data-dir', path.join(root, 'none')),
    stats('--rest-url', url),
    stats('--rest-url=http://127.0.0.1:2'),
    stats('--offline', '--data-dir', path.join(root, 'data')),
  ])
  t.match(none, { code: 66, stderr: /there is no archive: name its node with --data-dir/ })
  t.match(off, { code: 1, stderr: /--rest-admin=true/ })
  t.match(nobody, { code: 69 })
  t.match(locked, { code: 75, stderr: /in use by another process/ })
})

t.test('an archive of nwaku is imported, with the settings that named it', async (t) => {
  const root = t.testdir()
  const file = path.join(root, 'store.sqlite3')
  const stored = envelopes(30)
  {
    using database = new DatabaseSync(file)
    database.exec(
      'CREATE TABLE message (pubsubTopic BLOB, contentTopic BLOB, payload BLOB, version INTEGER, timestamp INTEGER, meta BLOB, messageHash BLOB PRIMARY KEY)',
    )
    const insert = database.prepare('INSERT INTO message VALUES (?, ?, ?, 0, ?, NULL, ?)')
    for (const { pubsubTopic, message, hash } of stored) {
      const said = Buffer.from(hash, 'hex')
      const topics = [Buffer.from(pubsubTopic), Buffer.from(message.contentTopic)] as const
      insert.run(...topics, message.payload, (message.timestamp ?? 0n) + 1n, said)
    }
  }
  const config = path.join(root, 'node.toml')
  await writeFile(config, `store = true\nstore-message-db-url = "sqlite://${file}"\nrest-port = 2\n`)
  const data = path.join(root, 'data')
  const args = ['store', 'import', '--config-file', config, '--data-dir', data, '--from-sqlite', file, '--json']
  // Each is a nanosecond later than its hash says.
  t.match(json(await waypost(t, args)), { stored: 0, refused: { 'other-hash': 30 } })
  t.match(json(await waypost(t, [...args, '--other-hashes'])), { stored: 30, refused: {} })
})

t.test('progress is a bar where the end is known', async (t) => {
  const done = { messages: 500, bytes: 1024 * 1024, total: 1000 }
  t.equal(
    progressLine('exporting', done, 1000),
    'exporting  [############------------] 50%  500 messages  1.0 MiB  1.0 MiB/s  1 s left',
  )
  t.equal(progressLine('importing', { messages: 5, bytes: 10 }, 1000), 'importing  5 messages  10 B  10 B/s')
})
