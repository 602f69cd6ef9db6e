import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import t from 'tap'
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts'
import { daemon } from '../../kit/daemon.ts'
import { freePort } from '../../kit/free-port.ts'
import { host } from '../../kit/host.ts'
import { namespaces } from '../../kit/namespaces.ts'
import { needs } from '../../kit/tools.ts'

const hosts = new URL('../../kit/hosts-process.js', import.meta.url).pathname
const protocol = '/libp2p/autonat/2/dial-request'

/** Message { dialRequest: { addrs, nonce: 1 } }, with its length before it. */
function request(...addresses: readonly string[]): Uint8Array {
  const addrs = addresses.map((address) => multiaddr(address).bytes).flatMap((bytes) => [0x0a, bytes.length, ...bytes])
  const inner = [...addrs, 0x11, 1, 0, 0, 0, 0, 0, 0, 0]
  return Uint8Array.of(inner.length + 2, 0x0a, inner.length, ...inner)
}

async function ask(connection: Connection, message: Uint8Array): Promise<string> {
  const stream = await connection.newStream(protocol)
  const parts: Uint8Array[] = []
  stream.addEventListener('message', ({ data }) => parts.push(data.subarray()))
  const ended = new Promise<string>((resolve) => {
    const end = () => resolve(stream.status === 'closed' ? Buffer.concat(parts).toString('hex') : stream.status)
    if (stream.status === 'open') stream.addEventListener('close', end)
    else end()
  })
  stream.addEventListener('remoteCloseWrite', () => void stream.close())
  // A refusal may be here before we have said a word.
  if (stream.writeStatus === 'writable') stream.send(message)
  return await ended
}

async function dials(metrics: Metrics): Promise<number> {
  return (await metrics.libp2p_total_dial_attempts_total.get()).values[0]?.value ?? 0
}

t.test('nobody is dialled who did not ask: an address of another is refused', async (t) => {
  const metrics = createMetrics()
  const server = await host(t, { metrics, autonat: true })
  const connection = await (await host(t)).libp2p.dial(server.addresses())
  // For each: Message { dialResponse: { status: E_DIAL_REFUSED (101), addrIdx, dialStatus: UNUSED } }.
  const answer = await ask(connection, request('/ip4/8.8.8.8/tcp/1', '/dns4/other.example/tcp/1'))
  t.equal(answer.match(/0865/g)?.length, 2, answer)
  t.equal(await dials(metrics), 0)
})

t.test('who asks again and again is refused, before his request is read', async (t) => {
  const metrics = createMetrics()
  const server = await host(t, { metrics, autonat: true })
  const connection = await (await host(t)).libp2p.dial(server.addresses())
  const answers: string[] = []
  for (let time = 0; time < 13; time++) answers.push(await ask(connection, request('/ip4/8.8.8.8/tcp/1')))
  t.same(new Set(answers.slice(0, 12)).size, 1)
  t.equal(answers[12], 'reset')
  const { values } = await metrics.waypost_autonat_requests_total.get()
  t.same(
    values.map(({ labels, value }) => [labels.outcome, value]),
    [
      ['allowed', 12],
      ['refused', 1],
    ],
  )
})

t.test('a node with a public address learns from a peer that it can be dialled', async (t) => {
  const nets = namespaces(
    t,
    ['one', 'peer'],
    [
      {
        ends: [
          ['one', '11.0.0.2/24'],
          ['peer', '11.0.0.1/24'],
        ],
      },
    ],
  )
  if (nets === undefined) return
  const flags = ['--listen-address=0.0.0.0', '--websocket-support=false', '--cluster-id=7']
  const peer = await daemon(t, { under: nets.inside('peer'), flags })
  const port = /tcp\/(\d+)/.exec(peer.tcp)?.[1]
  const staticnode = `--staticnode=/ip4/11.0.0.1/tcp/${port}/p2p/${peer.peerId}`
  const one = await daemon(t, { under: nets.inside('one'), flags: [...flags, staticnode] })
  t.ok(await one.line(({ msg }) => msg === 'peers can dial this node'))
})

t.test('an address that peers of eight networks cannot dial is announced no more', async (t) => {
  if (needs(t, 'iptables') === undefined) return
  const nets = namespaces(
    t,
    ['one', 'peers'],
    [
      {
        ends: [
          ['one', '11.0.0.2/24'],
          ['peers', '11.0.0.1/24'],
        ],
      },
    ],
  )
  if (nets === undefined) return
  nets.run('one', 'ip', 'route', 'add', 'default', 'via', '11.0.0.1')
  const theirs = Array.from({ length: 8 }, (_, index) => `${21 + index}.0.0.1`)
  for (const address of theirs) nets.run('peers', 'ip', 'address', 'add', `${address}/32`, 'dev', 'lo')
  const port = await freePort()
  const wall = ['-p', 'tcp', '--dport', String(port), '-j', 'REJECT', '--reject-with', 'tcp-reset']
  nets.run('one', 'iptables', '-A', 'INPUT', ...wall)
  const [program = '', ...args] = nets.inside('peers')
  const child = spawn(program, [...args, process.execPath, hosts, ...theirs])
  t.teardown(() => child.kill('SIGKILL'))
  const peers: string[] = []
  for await (const line of createInterface({ input: child.stdout })) if (peers.push(line) === theirs.length) break
  t.equal(peers.length, theirs.length)
  const one = await daemon(t, {
    under: nets.inside('one'),
    flags: [
      '--listen-address=0.0.0.0',
      `--tcp-port=${port}`,
      '--websocket-support=false',
      ...peers.map((peer) => `--staticnode=${peer}`),
    ],
  })
  t.ok(one.addresses.some((address) => address.startsWith('/ip4/11.0.0.2/')))
  await one.line(({ msg }) => msg === 'peers cannot dial this node')
  const news = await one.line(({ msg }) => msg === 'other addresses are announced')
  t.notOk((news.addresses as string[]).some((address) => address.startsWith('/ip4/11.0.0.2/')))
})
