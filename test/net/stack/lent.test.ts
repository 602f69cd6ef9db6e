import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { MessageStream } from '@libp2p/interface'
import t from 'tap'
import { KiB, MiB } from '../../../src/net/limits.ts'
import { giveBack, kept, lent } from '../../../src/net/stack/lent.ts'
import { writeAtOnce } from '../../../src/net/stack/one-write.ts'
import { secured } from '../../kit/secured.ts'

t.test('a buffer is given back when it is large and whole', async (t) => {
  for (const [bytes, left] of [
    [Buffer.alloc(16 * KiB), 0],
    [Buffer.alloc(16 * KiB - 1), 16 * KiB - 1],
    [Buffer.alloc(64 * KiB).subarray(1), 64 * KiB - 1],
    [new Uint8Array(new SharedArrayBuffer(64 * KiB)), 64 * KiB],
  ] as const) {
    giveBack(bytes)
    t.equal(bytes.length, left)
  }
})

t.test('what is kept outlives its buffer', async (t) => {
  const whole = randomBytes(64 * KiB)
  const part = kept(whole.subarray(10, 20))
  const expected = Buffer.from(part)
  giveBack(whole)
  t.equal(whole.length, 0)
  t.same(part, expected)
  const small = new Uint8Array(100)
  t.equal(kept(small), small, 'a small one is never given back')
})

for (const isBorrowed of [true, false]) {
  const reader = isBorrowed
    ? 'keeps nothing gets buffers that are gone afterwards'
    : 'may keep all has it all at the end'

  t.test(`over buffers that are given back every byte arrives, and a reader that ${reader}`, async (t) => {
    const { dialler, dialled, listener, accepted } = await secured(t, ['ours', 'ours'])
    for (const connection of [dialled, accepted]) writeAtOnce(connection)
    const { connection } = listener
    if (isBorrowed) lent.borrowed.add(connection)
    const sent = randomBytes(8 * MiB)
    const seen: Uint8Array[] = []
    const digest = createHash('sha256')
    let bytes = 0
    const arrived = Promise.withResolvers<void>()
    connection.addEventListener('message', ({ data }) => {
      for (const piece of data instanceof Uint8Array ? [data] : data) {
        digest.update(piece)
        seen.push(piece)
        bytes += piece.length
      }
      // What waits while it is paused is not given back before it was dispatched.
      connection.pause()
      setImmediate(() => connection.status === 'open' && connection.resume())
      if (bytes >= sent.length) arrived.resolve()
    })
    await sendAll(dialler.connection, sent)
    await arrived.promise
    t.equal(digest.digest('hex'), createHash('sha256').update(sent).digest('hex'))
    const left = seen.reduce((sum, { length }) => sum + length, 0)
    if (isBorrowed) t.ok(left < sent.length / 10, `${left} bytes are left`)
    else t.ok(Buffer.concat(seen).equals(sent))
  })
}

async function sendAll(connection: MessageStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += 100 * KiB) {
    if (!connection.send(bytes.subarray(at, at + 100 * KiB))) await once(connection, 'drain')
  }
}
