/**
 * The stock stack: js-libp2p's own transports, secure channel and muxers, with the options that Waku needs.
 *
 * The only file that names them. Each piece of it can be replaced by one of our own: stack.ts.
 */
import type { Stream } from '@libp2p/interface'
import { mplex } from '@libp2p/mplex'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import type { Milliseconds } from '../../core/time.ts'
import { type HostLimits, MiB, mplexFrameBytes, muxerBytes } from '../limits.ts'
import { withEachStream } from './each-stream.ts'
import { endAfterData } from './end-after-data.ts'
import { narrowFirstWindow } from './first-window.ts'
import type { Stack, StackOptions } from './stack.ts'

/** A yamux peer is pinged to measure the way to it, with which its window grows. Whether it is there, keep-alive asks. */
const muxerPingInterval: Milliseconds = 5 * 60_000

/** Above it a WebSocket connection takes no more from its streams until its socket has sent what it has. */
const websocketBacklogBytes = MiB

export function stockStack({ limits, tls }: StackOptions): Stack {
  return {
    tcp: tcp(),
    websockets: webSockets({ maxBufferedAmount: websocketBacklogBytes, ...(tls && { https: { ...tls } }) }),
    muxers: [withEachStream(yamux(yamuxOptions(limits)), asNwakuSpeaks), mplex(mplexOptions(limits))],
    secureChannel: noise(),
  }
}

/** What a stream of yamux needs to get on with nwaku's. */
function asNwakuSpeaks(stream: Stream): void {
  narrowFirstWindow(stream)
  endAfterData(stream)
}

function streamOptions({ streamReadBytes, streamWriteBytes }: HostLimits) {
  return { maxReadBufferLength: streamReadBytes, maxWriteBufferLength: streamWriteBytes }
}

function yamuxOptions(limits: HostLimits) {
  return {
    keepAliveInterval: muxerPingInterval,
    maxInboundStreams: limits.streams,
    maxEarlyStreams: limits.streams,
    // A paused stream must hold what its window lets in, or its reader loses it.
    streamOptions: { ...streamOptions(limits), maxStreamWindowSize: limits.streamReadBytes },
  }
}

/**
 * Browsers of today speak mplex only. By default it closes the connection at the sixth stream that a peer opens within
 * a second, and a js-waku client opens that many when it connects. Here a guard counts streams, as for yamux.
 */
function mplexOptions(limits: HostLimits) {
  return {
    disconnectThreshold: Number.POSITIVE_INFINITY,
    maxEarlyStreams: limits.streams,
    maxMessageSize: mplexFrameBytes,
    maxUnprocessedMessageQueueSize: muxerBytes(limits),
    streamOptions: streamOptions(limits),
  }
}
