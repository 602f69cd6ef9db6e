/** The process ends when it is told to, whoever is connecting meanwhile. */
import { once } from 'node:events'
import { connect } from 'node:net'
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
