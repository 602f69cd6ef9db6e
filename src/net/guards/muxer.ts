/**
 * What the stock muxers leave open on a connection whose peer has an identity: how many streams, how fast they come, how
 * long a frame may be, and how much may wait for a peer that does not read.
 */
import type { MessageStream, Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import type { HostLimits } from '../limits.ts'
import { Pace } from '../pace.ts'
import { beforeInbound } from '../stack/inbound-streams.ts'
import type { Stack } from '../stack/stack.ts'
import { Yamux } from '../stack/yamux/yamux.ts'
import type { Budget } from './budget.ts'
import { YamuxFrames } from './yamux-frames.ts'

type MuxerFactory = Stack['muxers'][number]

/** What closed a connection: frames above the window, or streams that came too fast. */
export type MuxerRefusal = 'frame' | 'streams'

export interface MuxerGuard {
  readonly limits: HostLimits
  readonly budget: Budget
  readonly refused: (why: MuxerRefusal) => void
}

/** The muxer that `factory` makes, with `guard` on each connection. Our own has its bounds inside, and tells of them. */
export function guardMuxer(factory: MuxerFactory, guard: MuxerGuard): MuxerFactory {
  return (components) => guardMuxers(factory(components), guard)
}

/** The same maker of muxers, with `guard` on each connection; `bound` is called with each muxer, before its streams come. */
export function guardMuxers(
  muxers: StreamMuxerFactory,
  guard: MuxerGuard,
  bound?: (muxer: StreamMuxer) => void,
): StreamMuxerFactory {
  const { limits, budget } = guard
  const own = muxers instanceof Yamux
  if (own) muxers.refused = guard.refused
  const createStreamMuxer = muxers.createStreamMuxer.bind(muxers)
  muxers.createStreamMuxer = (connection) => {
    connection.maxWriteBufferLength = limits.connectionWriteBytes
    if (!own && muxers.protocol.startsWith('/yamux/')) boundFrames(connection, guard)
    const muxer = createStreamMuxer(connection)
    bound?.(muxer)
    if (!own) boundStreams(muxer, connection, guard)
    budget.watch(connection, muxer)
    return muxer
  }
  return muxers
}

/** To be called before the muxer listens, so that it never sees the frame that is too long. */
function boundFrames(connection: MessageStream, { limits, refused }: MuxerGuard): void {
  const frames = new YamuxFrames(limits.streamReadBytes)
  connection.addEventListener('message', (event) => {
    if (frames.accept(event.data)) return
    event.stopImmediatePropagation()
    refused('frame')
    connection.abort(new Error('a yamux frame above the window'))
  })
}

/** A stream too many is reset; streams that come too fast end the connection. */
function boundStreams(muxer: StreamMuxer, connection: MessageStream, { limits, refused }: MuxerGuard): void {
  const pace = new Pace(limits.streamsPerSecond)
  beforeInbound(muxer, (stream) => {
    if (!pace.keeps()) {
      if (connection.status === 'open') refused('streams')
      connection.abort(new Error('streams opened too fast'))
      return false
    }
    if (inbound(muxer.streams) <= limits.streams) return true
    stream.abort(new Error('too many open streams'))
    return false
  })
}

function inbound(streams: readonly Stream[]): number {
  return streams.reduce((count, { direction }) => (direction === 'inbound' ? count + 1 : count), 0)
}
