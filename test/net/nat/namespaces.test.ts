/** A node at home: a router in a network of its own, asked as nodes ask any router. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import t from 'tap'
import { daemon } from '../../kit/daemon.ts'
import { namespaces } from '../../kit/namespaces.ts'

const script = new URL('../../kit/router-process.js', import.meta.url).pathname

t.test('a node finds the router of its network, has its ports mapped, and takes them back when it stops', async (t) => {
  const nets = namespaces(
    t,
    ['home', 'router'],
    [
      {
        ends: [
          ['home', '192.168.7.2/24'],
          ['router', '192.168.7.1/24'],
        ],
      },
    ],
  )
  if (nets === undefined) return
  nets.run('home', 'ip', 'route', 'add', 'default', 'via', '192.168.7.1')
  nets.run('router', 'ip', 'route', 'add', 'default', 'via', '192.168.7.2')
  const [program = '', ...args] = nets.inside('router')
  const child = spawn(program, [...args, process.execPath, script, '192.168.7.1', '8.8.4.4'])
  t.teardown(() => child.kill('SIGKILL'))
  const asked: string[] = []
  const ended = Promise.withResolvers<void>()
  const ready = Promise.withResolvers<void>()
  child.once('close', () => ended.resolve())
  createInterface({ input: child.stdout }).on('line', (line) => {
    asked.push(line)
    ready.resolve()
  })
  await Promise.race([ready.promise, ended.promise])
  const node = await daemon(t, { under: nets.inside('home'), flags: ['--listen-address=0.0.0.0', '--nat=any'] })
  const { ports } = await node.line(({ msg }) => msg === 'ports are mapped by the router')
  t.equal(Object.keys(ports as object).length, 2, 'TCP and WebSocket')
  t.notOk(
    node.addresses.some((address) => address.includes('8.8.4.4')),
    'nobody has seen it there',
  )
  await node.stop()
  child.kill()
  await ended.promise
  t.same(asked, [
    'ready',
    'GetExternalIPAddress',
    'AddPortMapping',
    'AddPortMapping',
    'DeletePortMapping',
    'DeletePortMapping',
  ])
})
