/**
 * A stream as go-libp2p opens one: the negotiation of its protocol, what there is to say and the end of it leave together,
 * before the other side has said a word.
 */

import type { MessageStream, Stream, StreamMuxer } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { frame } from '../../src/net/frames.ts'
import type { Owner } from './owner.ts'

/** Dials `address` and says `bytes` by `protocol`, in one write. The stream reads on; what it reads first is the negotiation. */
export async function sayEagerly(t: Owner, address: Multiaddr, protocol: string, bytes: Uint8Array): Promise<Stream> {
  const { muxer, connection } = await rawConnection(t, address)
  const release = holdBack(connection)
  const stream = await muxer.createStream()
  stream.send(Buffer.concat([line('/multistream/1.0.0'), line(protocol), bytes]))
  await stream.close()
  release()
  return stream
}

/** multistream-select: https://github.com/multiformats/multistream-select#wire-format */
function line(text: string): Uint8Array {
  return frame(Buffer.from(`${text}\n`))
}

/** A connection under libp2p's hands: its muxer, and what that writes to. */
async function rawConnection(t: Owner, address: Multiaddr): Promise<{ muxer: StreamMuxer; connection: MessageStream }> {
  const found = Promise.withResolvers<{ muxer: StreamMuxer; connection: MessageStream }>()
  const factory = yamux()()
  const libp2p = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      () => ({
        protocol: factory.protocol,
        createStreamMuxer(connection) {
          const muxer = factory.createStreamMuxer(connection)
          found.resolve({ muxer, connection })
          return muxer
        },
      }),
    ],
    connectionGater: { denyDialMultiaddr: () => false },
  })
  t.teardown(() => libp2p.stop())
  const connection = await libp2p.dial(address)
  // The other side has upgraded the connection too once it answers: js-libp2p resets an eager stream that comes before.
  const ping = await connection.newStream('/ipfs/ping/1.0.0')
  await ping.close()
  return found.promise
}

/** Keeps what is written to `connection` until it is told to let it go, as one. */
function holdBack(connection: MessageStream): () => void {
  const send = connection.send.bind(connection)
  const held: Uint8Array[] = []
  connection.send = (bytes) => {
    held.push(bytes.slice())
    return true
  }
  return () => {
    connection.send = send
    send(Buffer.concat(held))
  }
}
