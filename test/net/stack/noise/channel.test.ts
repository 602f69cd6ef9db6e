import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import type { MessageStream } from '@libp2p/interface'
import t from 'tap'
import { KiB, MiB } from '../../../../src/net/limits.ts'
import { writeAtOnce } from '../../../../src/net/stack/one-write.ts'
import { countWrites, type Kind, received, receivedBytes, secured } from '../../../kit/secured.ts'

/** Who dials and who listens. */
const pairs: readonly (readonly [Kind, Kind])[] = [
  ['ours', 'stock'],
  ['stock', 'ours'],
  ['ours', 'ours'],
]

t.test('what is sent within a tick is one write of the socket', async (t) => {
  for (const kind of ['stock', 'ours'] as const) {
    const { dialler, dialled, listener } = await secured(t, [kind, 'stock'])
    const arrived = receivedBytes(listener.connection, 100 * 1012)
    if (kind === 'ours') writeAtOnce(dialled)
    const writes = countWrites(dialled)
    for (let sent = 0; sent < 100; sent += 1) {
      dialler.connection.send(Buffer.alloc(12, sent))
      dialler.connection.send(Buffer.alloc(1000, sent))
    }
    await arrived
    if (kind === 'ours') t.equal(writes(), 1)
    else t.ok(writes() >= 400, `the stock channel writes ${writes()} times`)
  }
})

t.test('a tick of more than one write may hold is few writes, of full records', async (t) => {
  const { dialler, dialled, listener } = await secured(t, ['ours', 'stock'])
  const arrived = receivedBytes(listener.connection, MiB)
  writeAtOnce(dialled)
  const writes = countWrites(dialled)
  for (let sent = 0; sent < 1024; sent += 1) dialler.connection.send(Buffer.alloc(KiB))
  await arrived
  t.ok(writes() <= 5, `${writes()} writes`)
})

for (const pair of pairs) {
  const names = `${pair[0]} dials ${pair[1]}`

  t.test(`bytes arrive in order in both directions at once, whatever the pieces, when ${names}`, async (t) => {
    const { dialler, listener } = await secured(t, pair)
    const [there, back] = await Promise.all([
      transfer(dialler.connection, listener.connection, 8 * MiB),
      transfer(listener.connection, dialler.connection, 8 * MiB),
    ])
    t.equal(there.got, there.sent)
    t.equal(back.got, back.sent)
  })

  t.test(`the same over a WebSocket, when ${names}`, async (t) => {
    const { dialler, listener } = await secured(t, pair, 'ws')
    const [there, back] = await Promise.all([
      transfer(dialler.connection, listener.connection, 2 * MiB),
      transfer(listener.connection, dialler.connection, 2 * MiB),
    ])
    t.equal(there.got, there.sent)
    t.equal(back.got, back.sent)
  })

  t.test(`all that was sent before a close arrives, when ${names}`, async (t) => {
    const { dialler, listener } = await secured(t, pair)
    const whole = received(listener.connection)
    for (let sent = 0; sent < 100; sent += 1) dialler.connection.send(Buffer.alloc(KiB, sent))
    await dialler.connection.close()
    t.equal((await whole).length, 100 * KiB)
    t.equal(dialler.connection.status, 'closed')
    t.equal(listener.connection.status, 'closed')
    t.throws(() => dialler.connection.send(Buffer.from('late')))
  })

  t.test(`a peer that aborts is a reset at the other end, when ${names}`, async (t) => {
    const { dialler, listener } = await secured(t, pair)
    const ends = once(listener.connection, 'close')
    dialler.connection.abort(new Error('enough'))
    await ends
    t.equal(dialler.connection.status, 'aborted')
    t.not(listener.connection.status, 'open')
  })
}

t.test('what was sent arrives when the connection beneath is closed, as libp2p does it', async (t) => {
  const { dialler, listener, dialled } = await secured(t, ['ours', 'ours'])
  const whole = received(listener.connection)
  dialler.connection.send(Buffer.from('farewell'))
  const closing = dialled.close()
  t.throws(() => dialler.connection.send(Buffer.from('late')), { name: 'StreamStateError' }, 'who is late hears of it')
  await closing
  t.equal(String(await whole), 'farewell')
})

t.test('what waits for a peer that does not read arrives before the close, when it reads again', async (t) => {
  const { dialler, listener, accepted } = await secured(t, ['ours', 'ours'])
  accepted.pause()
  const sent = fill(dialler.connection)
  // The connection beneath is full: this stays in the channel.
  dialler.connection.send(Buffer.alloc(KiB, 7))
  const closing = dialler.connection.close({ signal: AbortSignal.timeout(60_000) })
  const whole = received(listener.connection)
  accepted.resume()
  await closing
  const got = await whole
  t.equal(got.length, sent + KiB)
  t.ok(got.subarray(sent).equals(Buffer.alloc(KiB, 7)))
})

t.test('what was not sent is dropped by an abort', async (t) => {
  const { dialler, listener, dialled } = await secured(t, ['ours', 'ours'])
  const writes = countWrites(dialled)
  const ends = once(listener.connection, 'close')
  dialler.connection.send(Buffer.from('never'))
  dialler.connection.abort(new Error('enough'))
  await ends
  t.equal(dialler.connection.writeBufferLength, 0)
  t.equal(writes(), 0)
})

t.test('a full connection says so, and says when it has room again', async (t) => {
  const { dialler, listener, accepted } = await secured(t, ['ours', 'ours'])
  t.equal(dialler.connection.send(Buffer.from('small')), true)
  accepted.pause()
  const sent = fill(dialler.connection)
  t.equal(dialler.connection.writableNeedsDrain, true)
  t.equal(dialler.connection.send(Buffer.alloc(KiB)), false)
  t.equal(dialler.connection.writeBufferLength, KiB, 'it waits and is counted')
  const arrived = receivedBytes(listener.connection, 5 + sent + KiB)
  const drained = once(dialler.connection, 'drain')
  accepted.resume()
  await Promise.all([drained, arrived])
  t.equal(dialler.connection.send(Buffer.from('small')), true)
})

t.test('what waits above the limit ends the connection', async (t) => {
  const { dialler, accepted } = await secured(t, ['ours', 'ours'])
  accepted.pause()
  fill(dialler.connection)
  dialler.connection.maxWriteBufferLength = MiB
  dialler.connection.send(Buffer.alloc(MiB))
  t.equal(dialler.connection.status, 'open', 'at the limit')
  dialler.connection.send(Buffer.alloc(1))
  t.equal(dialler.connection.status, 'aborted')
})

t.test('a paused channel is handed nothing, and the peer has to wait', async (t) => {
  const { dialler, listener } = await secured(t, ['ours', 'ours'])
  let got = 0
  listener.connection.addEventListener('message', ({ data }) => {
    got += data.byteLength
  })
  listener.connection.pause()
  const sent = fill(dialler.connection)
  await setImmediate()
  t.equal(got, 0)
  t.ok(sent > 0)
  const arrived = receivedBytes(listener.connection, sent)
  listener.connection.resume()
  await arrived
  t.equal(got, sent)
})

t.test('what nobody listens to is kept up to the limit', async (t) => {
  const { dialler, listener } = await secured(t, ['ours', 'ours'])
  listener.connection.maxReadBufferLength = 100 * KiB
  dialler.connection.send(Buffer.alloc(100 * KiB))
  while (listener.connection.readBufferLength < 100 * KiB) await setImmediate()
  t.equal(listener.connection.status, 'open')
  const ends = once(listener.connection, 'close')
  dialler.connection.send(Buffer.alloc(1))
  await ends
  t.equal(listener.connection.status, 'aborted')
})

t.test('a muxer is handed no more at once than a record holds', async (t) => {
  const { dialler, listener } = await secured(t, ['ours', 'ours'], 'ws')
  let largest = 0
  listener.connection.addEventListener('message', ({ data }) => {
    largest = Math.max(largest, data.byteLength)
  })
  const arrived = receivedBytes(listener.connection, MiB)
  dialler.connection.send(Buffer.alloc(MiB))
  await arrived
  t.ok(largest > 0 && largest <= 65_519, `${largest} bytes`)
})

/** Sends until the connection is full; how much that was. */
function fill(connection: MessageStream): number {
  let sent = 0
  for (let more = true; more; ) {
    more = connection.send(Buffer.alloc(256 * KiB))
    sent += 256 * KiB
  }
  return sent
}

/** Sends `length` random bytes in random pieces; the hash of what was sent, and of what came. */
async function transfer(from: MessageStream, to: MessageStream, length: number) {
  const bytes = randomBytes(length)
  const arrived = receivedBytes(to, length)
  for (let sent = 0; sent < length; ) {
    const piece = bytes.subarray(sent, sent + 1 + Math.floor(Math.random() ** 4 * 300 * KiB))
    sent += piece.length
    if (!from.send(piece)) await once(from, 'drain')
    else if (Math.random() < 0.1) await setImmediate()
  }
  return { sent: digest(bytes), got: digest(await arrived) }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
