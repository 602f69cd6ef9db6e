/** Our muxer and the stock one, through all of libp2p: negotiation, protocols, streams and their ends. */
import { once } from 'node:events'
import type { Stream } from '@libp2p/interface'
import t, { type Test } from 'tap'
import { MiB } from '../../../../src/net/limits.ts'
import { connect, host } from '../../../kit/host.ts'

const protocol = '/waypost/test/1.0.0'
const stock = new Set(['muxer'] as const)
const own = new Set<never>()

const pairings = [
  { id: 'ours to ours', dials: own, listens: own },
  { id: 'ours to stock', dials: own, listens: stock },
  { id: 'stock to ours', dials: stock, listens: own },
] as const

type Pairing = (typeof pairings)[number]

/** What opens a stream to a host that serves it by `serve`. */
async function opener(t: Test, pairing: Pairing, serve: (stream: Stream) => void): Promise<() => Promise<Stream>> {
  const [client, server] = await Promise.all([host(t, { stock: pairing.dials }), host(t, { stock: pairing.listens })])
  await server.libp2p.handle(protocol, serve, { maxInboundStreams: 100 })
  await connect(client, server)
  return () => client.libp2p.dialProtocol(server.libp2p.peerId, protocol, { maxOutboundStreams: 100 })
}

/** Sends back what comes, no faster than the peer takes it. */
async function echo(stream: Stream): Promise<void> {
  for await (const bytes of stream) if (!stream.send(bytes.subarray())) await stream.onDrain()
  await stream.close()
}

/** All that comes, to its end. */
async function everything(stream: Stream): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const bytes of stream) chunks.push(bytes.subarray())
  return Buffer.concat(chunks)
}

for (const pairing of pairings) {
  t.test(`what is sent comes back whole, on many streams at once: ${pairing.id}`, async (t) => {
    const open = await opener(t, pairing, (stream) => void echo(stream).catch(() => {}))
    const sizes = [
      0,
      1,
      5000,
      65_507,
      65_508,
      262_144,
      3 * MiB,
      ...Array.from({ length: 20 }, (_, index) => index * 999),
    ]
    const echoed = sizes.map(async (size) => {
      const stream = await open()
      const sent = Buffer.alloc(size, size % 251)
      const answer = everything(stream)
      if (!stream.send(sent)) await stream.onDrain().catch(() => {})
      await stream.close()
      return sent.equals(await answer)
    })
    t.same(
      await Promise.all(echoed),
      sizes.map(() => true),
    )
  })

  t.test(`a reset is heard at the other side, and others go on: ${pairing.id}`, async (t) => {
    const served: Stream[] = []
    const open = await opener(t, pairing, (stream) => {
      served.push(stream)
      void echo(stream).catch(() => {})
    })
    const [goes, stays] = [await open(), await open()]
    goes.send(Buffer.from('a'))
    await once(goes, 'message')
    const heard = served.map((stream) => once(stream, 'close'))
    goes.abort(new Error('enough'))
    const [{ error }] = await Promise.race(heard)
    t.match(error, { name: 'StreamResetError' })
    stays.send(Buffer.from('b'))
    t.equal((await once(stays, 'message'))[0].data.byteLength, 1)
  })

  t.test(`a paused reader makes its writer wait, and takes all in the end: ${pairing.id}`, async (t) => {
    const size = 2 * MiB
    let held = 0
    const open = await opener(t, pairing, (stream) => {
      stream.pause()
      // There is no event for what a paused stream holds.
      const watch = setInterval(() => {
        held = Math.max(held, stream.readBufferLength)
        if (held < 200_000) return
        clearInterval(watch)
        stream.resume()
        void echo(stream).catch(() => {})
      }, 1)
      t.teardown(() => clearInterval(watch))
    })
    const stream = await open()
    t.notOk(stream.send(Buffer.alloc(size, 1)))
    const answer = everything(stream)
    await stream.close()
    t.equal((await answer).length, size)
    t.ok(held <= 262_144, `${held} bytes were held`)
  })
}
