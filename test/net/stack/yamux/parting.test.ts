/** How a session parts from its peer, over the real secure channel. */
import { once } from 'node:events'
import t from 'tap'
import { hostLimits, KiB, MiB } from '../../../../src/net/limits.ts'
import { YamuxSession } from '../../../../src/net/stack/yamux/session.ts'
import { type Secured, secured } from '../../../kit/secured.ts'
import { yamuxFrame } from '../../../kit/yamux.ts'

const goodbye = yamuxFrame(3, 0, 0, 0)

function serve({ listener }: Secured): YamuxSession {
  return new YamuxSession(listener.connection, { limits: hostLimits(150 * KiB), refused: () => {} })
}

t.test('a peer that says goodbye is let go of, with what was sent to it', async (t) => {
  const ends = await secured(t, ['ours', 'ours'])
  const session = serve(ends)
  const closed = once(ends.listener.connection, 'close')
  ends.dialler.connection.send(goodbye)
  await closed
  t.equal(session.status, 'closed')
  t.equal(ends.listener.connection.status, 'closed')
})

t.test('a peer that says goodbye and reads nothing of what was sent to it is let go of too', async (t) => {
  const ends = await secured(t, ['ours', 'ours'])
  const session = serve(ends)
  const { connection } = ends.listener
  ends.dialled.pause()
  while (connection.send(Buffer.alloc(MiB))) await new Promise(setImmediate)
  const closed = once(connection, 'close')
  ends.dialler.connection.send(goodbye)
  await closed
  t.equal(session.status, 'closed')
  t.not(ends.accepted.status, 'open')
  t.not(ends.accepted.status, 'closing')
})
