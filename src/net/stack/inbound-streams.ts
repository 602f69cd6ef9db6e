/**
 * A look at each stream that a peer opens, before libp2p sees it.
 *
 * A listener of one's own would not do: a muxer with a listener for streams no longer keeps those that come before
 * libp2p listens.
 */
import type { Stream, StreamMuxer, StreamMuxerEvents } from '@libp2p/interface'

type StreamListener = (event: StreamMuxerEvents['stream']) => void

/** Calls `look` with each inbound stream of `muxer`; libp2p is handed those for which it returns true. */
export function beforeInbound(muxer: StreamMuxer, look: (stream: Stream) => boolean): void {
  const add = muxer.addEventListener.bind(muxer) as (type: string, listener: unknown, options?: unknown) => void
  const looking =
    (listener: StreamListener): StreamListener =>
    (event) => {
      if (look(event.detail)) listener(event)
    }
  const addEventListener = (type: string, listener: StreamListener, options?: unknown): void =>
    add(type, type === 'stream' ? looking(listener) : listener, options)
  Object.assign(muxer, { addEventListener })
}
