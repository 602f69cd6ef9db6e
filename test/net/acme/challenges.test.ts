import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { Challenges } from '../../../src/net/acme/challenges.ts'

t.test(
  'connections that say nothing are closed, so that they do not keep the authority out',
  { timeout: 20_000 },
  async (t) => {
    const challenges = await Challenges.open({ address: '127.0.0.1', port: 0, timeout: 500 })
    t.teardown(() => challenges[Symbol.asyncDispose]())
    challenges.show('token', 'token.print')
    const idle = Array.from({ length: 64 }, () =>
      connect(challenges.port, '127.0.0.1')
        .on('error', () => {})
        .resume(),
    )
    t.teardown(() => {
      for (const socket of idle) socket.destroy()
    })
    await Promise.all(idle.map((socket) => once(socket, 'close')))
    const response = await fetch(`http://127.0.0.1:${challenges.port}/.well-known/acme-challenge/token`)
    t.equal(await response.text(), 'token.print')
  },
)
