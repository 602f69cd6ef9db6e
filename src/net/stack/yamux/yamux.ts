/**
 * The muxer of our own, in place of `@libp2p/yamux` and for the same peers: less to do for each frame, and the bounds
 * inside that stand around the stock one (docs/decisions/0038-the-muxer.md).
 */
import { type MessageStream, type StreamMuxerFactory, serviceCapabilities } from '@libp2p/interface'
import { type YamuxLimits, type YamuxRefusal, YamuxSession, yamuxProtocol } from './session.ts'

export class Yamux implements StreamMuxerFactory {
  readonly [Symbol.toStringTag] = 'waypost/yamux'
  readonly [serviceCapabilities] = ['@libp2p/stream-multiplexing']
  readonly protocol = yamuxProtocol
  /** Told why a peer was parted from. */
  refused: (why: YamuxRefusal) => void = () => {}
  readonly #limits: YamuxLimits

  constructor(limits: YamuxLimits) {
    this.#limits = limits
  }

  createStreamMuxer(connection: MessageStream): YamuxSession {
    return new YamuxSession(connection, { limits: this.#limits, refused: (why) => this.refused(why) })
  }
}
