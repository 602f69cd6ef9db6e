/** Streams that end before their handler runs: libp2p looks up what it knows of the peer in between. */
import { once } from 'node:events'
import type { Libp2p, Stream } from '@libp2p/interface'

export interface Late extends Pick<Libp2p, 'handle' | 'unhandle'> {
  /** The first stream, once its handler has run. */
  readonly handled: Promise<Stream>
}

/** `libp2p` as it is, but for the first stream of each protocol: its handler runs when it has ended. */
export function late(libp2p: Pick<Libp2p, 'handle' | 'unhandle'>): Late {
  const { promise: handled, resolve } = Promise.withResolvers<Stream>()
  return {
    handled,
    unhandle: (protocol) => libp2p.unhandle(protocol),
    handle(protocol, handler, options) {
      let isFirst = true
      const afterEnd: typeof handler = async (stream, connection) => {
        const waits = isFirst
        isFirst = false
        if (waits && stream.status === 'open') await once(stream, 'close')
        await handler(stream, connection)
        if (waits) resolve(stream)
      }
      return libp2p.handle(protocol, afterEnd, options)
    },
  }
}

/** How often somebody aborts `stream` from now on. */
export function abortsOf(stream: Stream): { count: number } {
  const aborts = { count: 0 }
  const abort = stream.abort.bind(stream)
  stream.abort = (error) => {
    aborts.count += 1
    abort(error)
  }
  return aborts
}
