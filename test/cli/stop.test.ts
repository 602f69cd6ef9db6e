/** The process ends when it is told to, whoever is connecting meanwhile. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { daemon } from '../kit/daemon.ts'

t.test('a node that is stopped while strangers come and go ends all the same', async (t) => {
  for (let round = 0; round < 3; round++) {
    const node = await daemon(t)
    const ports = node.addresses.map((address) => Number(/\/tcp\/(\d+)/.exec(address)?.[1]))
    for (const port of [...ports, ...ports]) {
      const socket = connect({ host: '127.0.0.1', port })
      await once(socket, 'connect')
      socket.destroy()
    }
    t.equal(await node.stop(), 0)
  }
})

/** As root on Linux: a mount of its own for one file, then the program in place of the shell. */
const withResolver = (file: string) => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  `mount --bind ${file} /etc/resolv.conf && exec "$@"`,
  'sh',
]

t.test('a node ends with exit code 0 while a name server keeps it waiting', { timeout: 120_000 }, async (t) => {
  if (process.getuid?.() !== 0) return t.plan(0, 'needs root')
  // It hears questions, and answers none.
  const silent = createSocket('udp4').bind(53, '127.7.7.7')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const folder = t.testdir({ resolv: 'nameserver 127.7.7.7\noptions timeout:12 attempts:1\n' })
  const node = await daemon(t, {
    under: withResolver(path.join(folder, 'resolv')),
    flags: [`--staticnode=/dns4/node.example/tcp/60000/p2p/16Uiu2HAmUUxsDi7csbZHhZz9NNy9f87WcdWkPUZ6L2jTApcXSZ1L`],
  })
  await once(silent, 'message')
  t.equal(await node.stop(), 0)
  t.ok(node.lines.some(({ msg }) => msg === 'stopped'))
})
