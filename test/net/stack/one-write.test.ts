import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { MultiaddrConnection } from '@libp2p/interface'
import t from 'tap'
import { Uint8ArrayList } from 'uint8arraylist'
import { KiB, MiB } from '../../../src/net/limits.ts'
import { writeAtOnce } from '../../../src/net/stack/one-write.ts'
import { connected, countWrites, receivedBytes } from '../../kit/secured.ts'

const sizes = [2, 100 * KiB, 18, 200 * KiB, 16]
const length = sizes.reduce((sum, size) => sum + size, 0)

t.test('pieces that are sent together are one write of the socket, in their order', async (t) => {
  for (const isOurs of [false, true]) {
    const { dialled, accepted } = await connected(t)
    if (isOurs) writeAtOnce(dialled)
    const writes = countWrites(dialled)
    const pieces = sizes.map((size) => randomBytes(size))
    const arrived = receivedBytes(accepted, length)
    dialled.send(new Uint8ArrayList(...pieces))
    t.ok(Buffer.concat(pieces).equals(await arrived))
    if (isOurs) t.equal(writes(), 1)
    else t.ok(writes() > 1, `the stock connection writes ${writes()} times`)
  }
})

t.test('pieces that are sent together are one message of a WebSocket', async (t) => {
  for (const isOurs of [false, true]) {
    const { dialled, accepted } = await connected(t, 'ws')
    if (isOurs) writeAtOnce(dialled)
    const { websocket } = dialled as MultiaddrConnection & { websocket: WebSocket }
    const send = websocket.send.bind(websocket)
    let messages = 0
    websocket.send = (data) => {
      messages += 1
      send(data)
    }
    const arrived = receivedBytes(accepted, length)
    dialled.send(new Uint8ArrayList(...sizes.map((size) => new Uint8Array(size))))
    await arrived
    t.equal(messages, isOurs ? 1 : sizes.length)
  }
})

t.test('a peer that does not read fills the connection, which says when it has room again', async (t) => {
  const { dialled, accepted } = await connected(t)
  writeAtOnce(dialled)
  accepted.pause()
  const sent = createHash('sha256')
  let bytes = 0
  for (let isFull = false; !isFull; bytes += MiB) {
    const piece = randomBytes(MiB)
    sent.update(piece)
    isFull = !dialled.send(new Uint8ArrayList(piece.subarray(0, 10), piece.subarray(10)))
  }
  t.ok(bytes > MiB, 'what the system takes at once fills nothing')
  const drained = once(dialled, 'drain')
  const arrived = receivedBytes(accepted, bytes)
  accepted.resume()
  await drained
  t.equal(
    createHash('sha256')
      .update(await arrived)
      .digest('hex'),
    sent.digest('hex'),
  )
})
