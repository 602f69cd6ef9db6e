/**
 * WebRTC-direct, which browsers speak to a node that has neither a name nor a certificate of an authority:
 * `@libp2p/webrtc` over `node-datachannel`, code of C++. Both are loaded when they are asked for, and not before.
 */
import type { PeerConnection } from 'node-datachannel'
import { messageOf, WaypostError } from '../../core/errors.ts'
import { type HostLimits, MiB } from '../limits.ts'
import type { Stack } from '../stack/stack.ts'
import type { WebRtcCertificate } from './certificate.ts'

/** Above it a stream takes no more until the peer has taken what it sent. */
const backlogBytes = MiB

/** The transport. Throws `net/no-webrtc` where this installation has none. */
export async function webRtcTransport(certificate: WebRtcCertificate, limits: HostLimits): Promise<Stack['tcp']> {
  const { webRTCDirect } = await load()
  return webRTCDirect({
    certificate,
    // By default it asks servers of four companies who we are, at every connection.
    rtcConfiguration: { iceServers: [] },
    maxEarlyStreams: limits.streams,
    dataChannel: { maxBufferedAmount: backlogBytes, ...streamBounds(limits) },
  })
}

/** Not among its options, but handed on to its streams. */
function streamBounds({ streamReadBytes, streamWriteBytes }: HostLimits): object {
  return { maxReadBufferLength: streamReadBytes, maxWriteBufferLength: streamWriteBytes }
}

/**
 * The native code writes to our output a line for each packet that a stranger garbled, until it has made a connection of
 * its own, which leads nowhere.
 */
function silence(connection: PeerConnection): void {
  const channel = connection.createDataChannel('')
  connection.setLocalDescription()
  // A channel that is left open keeps the process alive for good.
  channel.close()
  connection.close()
}

async function load(): Promise<typeof import('@libp2p/webrtc')> {
  try {
    const { PeerConnection } = await import('node-datachannel')
    silence(new PeerConnection('waypost', { iceServers: [], bindAddress: '127.0.0.1' }))
    return await import('@libp2p/webrtc')
  } catch (error) {
    throw new WaypostError('net/no-webrtc', { why: messageOf(error).split('\n', 1)[0] ?? '' }, { cause: error })
  }
}
