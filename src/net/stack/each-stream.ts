/** Every stream of a muxer, whoever opens it, before anybody uses it. */
import type { Stream, StreamMuxer } from '@libp2p/interface'
import { beforeInbound } from './inbound-streams.ts'
import type { Stack } from './stack.ts'

type MuxerFactory = Stack['muxers'][number]

/** The muxer that `factory` makes; `change` is called with each of its streams. */
export function withEachStream(factory: MuxerFactory, change: (stream: Stream) => void): MuxerFactory {
  return (components) => {
    const muxers = factory(components)
    const createStreamMuxer = muxers.createStreamMuxer.bind(muxers)
    muxers.createStreamMuxer = (connection) => changed(createStreamMuxer(connection), change)
    return muxers
  }
}

function changed(muxer: StreamMuxer, change: (stream: Stream) => void): StreamMuxer {
  const createStream = muxer.createStream.bind(muxer)
  muxer.createStream = async (options) => {
    const stream = await createStream(options)
    change(stream)
    return stream
  }
  beforeInbound(muxer, (stream) => {
    change(stream)
    return true
  })
  return muxer
}
