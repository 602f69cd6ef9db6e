import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { enrFromText } from '../../src/net/discovery/enr.ts'
import { readRecord } from '../../src/net/discovery/node-record.ts'
import { startNode, type WaypostNode } from '../../src/node/node.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { silentLog } from '../../src/telemetry/log.ts'

const loopback = [
  '--listen-address=127.0.0.1',
  '--tcp-port=0',
  '--rest-port=0',
  '--websocket-support',
  '--websocket-port=0',
  '--nat=none',
]
const everything = ['--relay', '--store', '--filter', '--lightpush']

/** A node in this process, with what `argv` asks for. */
function start(folder: string, argv: readonly string[] = everything) {
  const { settings } = resolveSettings({ argv: [...loopback, `--data-dir=${folder}`, ...argv] })
  return startNode({ settings, version: '1.2.3', log: silentLog() })
}

async function healthOf(node: WaypostNode): Promise<{ nodeHealth: string; protocolsHealth: object[] }> {
  const response = await fetch(`${node.restUrl}/health`)
  return (await response.json()) as Awaited<ReturnType<typeof healthOf>>
}

/** A folder of this test that does not exist yet. */
function freshFolder(t: Test): string {
  return path.join(t.testdir(), 'data')
}

t.test('a node starts on an empty folder, serves, and stops', async (t) => {
  const folder = freshFolder(t)
  const node = await start(folder)
  const health = await healthOf(node)
  t.match(health, { nodeHealth: 'READY', protocolsHealth: [{ Relay: 'NOT_READY', desc: 'No connected peers' }] })
  t.match(
    health.protocolsHealth.find((entry: object) => 'Store' in entry),
    { Store: 'READY' },
  )
  const info = await (await fetch(`${node.restUrl}/info`)).json()
  t.same(info, { listenAddresses: node.addresses, enrUri: node.enr })
  t.equal((await fetch(`${node.restUrl}/readyz`)).status, 200)
  t.match(await (await fetch(`${node.restUrl}/metrics`)).text(), /waku_version\{version="1.2.3"} 1/)
  await node[Symbol.asyncDispose]()
  await t.rejects(fetch(`${node.restUrl}/health`), 'nothing listens any more')
})

t.test('the record tells who the node is and what it serves', async (t) => {
  await using node = await start(freshFolder(t), ['--relay', '--filter', '--cluster-id=7', '--num-shards-in-network=3'])
  const record = readRecord(enrFromText(node.enr))
  t.equal(record.peerId.toString(), node.peerId)
  t.same([...record.capabilities], ['relay', 'filter'])
  t.same(record.shards, { cluster: 7, shards: [0, 1, 2] })
  t.ok(
    record.addresses.some((address) => address.toString().includes('/ws/')),
    'browsers find the way',
  )
})

t.test('identity and messages stay where they are over a restart', async (t) => {
  const folder = freshFolder(t)
  const first = await start(folder)
  await first[Symbol.asyncDispose]()
  await using second = await start(folder)
  t.equal(second.peerId, first.peerId)
})

t.test('what this machine cannot give is one clear error, and what was opened is undone', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const folder = freshFolder(t)
  await t.rejects(start(folder, [...everything, `--tcp-port=${port}`]), { code: 'net/address-in-use' })
  await t.rejects(start(folder, [...everything, `--rest-port=${port}`]), { code: 'listen/failed' })
  const node = await start(folder)
  t.ok(existsSync(path.join(folder, 'node.key')), 'the folder is free again')
  await t.rejects(start(folder), { code: 'archive/locked' }, 'another node has it')
  await node[Symbol.asyncDispose]()
})

t.test('a folder that cannot be used, and a key that is none, are refused', async (t) => {
  const base = t.testdir({ file: 'not a folder' })
  await t.rejects(start(path.join(base, 'file')), { code: 'data/unwritable' })
  const folder = path.join(base, 'data')
  await mkdir(folder)
  await writeFile(path.join(folder, 'node.key'), 'no key', { mode: 0o600 })
  await t.rejects(start(folder), { code: 'identity/bad-key' })
})

t.test('a node that does not relay serves what it can', async (t) => {
  await using node = await start(freshFolder(t), ['--relay=false', '--lightpush', '--store'])
  const { protocolsHealth } = await healthOf(node)
  t.match(protocolsHealth[0], { Relay: 'NOT_MOUNTED' })
})
