/** Daemons that begin with one address: they become a network, and stay one when some of them die. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Daemon, daemon } from '../kit/daemon.ts'
import { until } from '../kit/until.ts'

const flags = [
  '--cluster-id=66',
  '--num-shards-in-network=1',
  '--discv5-discovery=true',
  '--discv5-udp-port=0',
  '--rest-auth=none',
  '--rest-admin=true',
  '--websocket-support=false',
]

async function folder(t: Test): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'waypost-network-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  return made
}

/** Full ids of the peers that a node is connected with. */
async function peersOf({ restUrl }: Daemon): Promise<string[]> {
  const response = await fetch(`${restUrl}/admin/v1/peers/connected`)
  const peers = (await response.json()) as { multiaddr: string }[]
  return peers.map(({ multiaddr }) => multiaddr.split('/p2p/')[1] ?? '')
}

/** Peers in the mesh of the only shard: a message of one who has just come may be gone before he is in it. */
async function meshOf({ restUrl }: Daemon): Promise<number> {
  const response = await fetch(`${restUrl}/admin/v1/peers/mesh`)
  const meshes = (await response.json()) as { peers: unknown[] }[]
  return meshes.reduce((sum, { peers }) => sum + peers.length, 0)
}

const knowAll = (daemons: readonly Daemon[]): Promise<void> =>
  until(async () => {
    const peers = await Promise.all(daemons.map(peersOf))
    return daemons.every((one, index) =>
      daemons.every((other) => one === other || peers[index]?.includes(other.peerId)),
    )
  })

t.test('nodes that are given one address find each other, and a message reaches all of them', async (t) => {
  const first = await daemon(t, { flags })
  const bootstrap = `--discv5-bootstrap-node=${first.enr}`
  const others = await Promise.all([1, 2, 3].map(() => daemon(t, { flags: [...flags, bootstrap] })))
  const all = [first, ...others]
  await knowAll(all)
  await until(async () => (await Promise.all(all.map(meshOf))).every((peers) => peers === 3))
  const contentTopic = '/test/1/network/proto'
  const message = { payload: 'aGVsbG8=', contentTopic, timestamp: Date.now() * 1e6 }
  const body = JSON.stringify(message)
  const topic = encodeURIComponent('/waku/2/rs/66/0')
  const headers = { 'content-type': 'application/json' }
  const sent = await fetch(`${first.restUrl}/relay/v1/messages/${topic}`, { method: 'POST', headers, body })
  t.equal(sent.status, 200)
  await until(async () => {
    const stores = await Promise.all(
      all.map(async ({ restUrl }) => await (await fetch(`${restUrl}/store/v3/messages?includeData=true`)).text()),
    )
    return stores.every((store) => store.includes(contentTopic))
  })
})

t.test('a node that was killed is back among its peers with no address to begin with', async (t) => {
  const dataDir = await folder(t)
  const first = await daemon(t, { flags })
  const second = await daemon(t, { flags: [...flags, `--discv5-bootstrap-node=${first.enr}`] })
  const alone = [...flags, '--peer-persistence=true', '--discv5-discovery=false']
  const killed = await daemon(t, { flags: [...alone, `--staticnode=${second.tcp}`], dataDir })
  await until(async () => (await peersOf(killed)).includes(second.peerId))
  // What was met is on disk after three seconds.
  await pause(4000)
  await killed.stop('SIGKILL')
  const again = await daemon(t, { flags: alone, dataDir })
  t.equal(again.peerId, killed.peerId)
  await until(async () => (await peersOf(again)).includes(second.peerId))

  const forgetful = await daemon(t, { flags: [...flags, '--discv5-discovery=false'], dataDir: await folder(t) })
  await pause(1000)
  t.same(await peersOf(forgetful), [], 'who has neither an address nor a memory knows nobody')
})
