/**
 * Keeps within 256,000 bytes of the window that a yamux peer grants with a new stream.
 *
 * The specification says 262,144 (https://github.com/hashicorp/yamux/blob/master/spec.md, "flow control"), but until
 * July 2026 nim-libp2p, and so nwaku, granted 256,000 and reset whoever sent more.
 */
import type { Stream, StreamMuxer } from '@libp2p/interface'
import { beforeInbound } from './inbound-streams.ts'
import type { Stack } from './stock.ts'

const specified = 262_144
const granted = 256_000

/** The muxer that `factory` makes, with less of the first window used. */
export function withNarrowFirstWindow(factory: Stack['muxers'][number]): Stack['muxers'][number] {
  return (components) => {
    const muxers = factory(components)
    const createStreamMuxer = muxers.createStreamMuxer.bind(muxers)
    muxers.createStreamMuxer = (connection) => narrowed(createStreamMuxer(connection))
    return muxers
  }
}

function narrowed(muxer: StreamMuxer): StreamMuxer {
  const createStream = muxer.createStream.bind(muxer)
  muxer.createStream = async (options) => narrow(await createStream(options))
  beforeInbound(muxer, (stream) => {
    narrow(stream)
    return true
  })
  return muxer
}

/** The stock stream counts in this field what it may still send. */
function narrow(stream: Stream): Stream {
  const counted = stream as Stream & { sendWindowCapacity?: number }
  if (counted.sendWindowCapacity !== undefined) counted.sendWindowCapacity -= specified - granted
  return stream
}
