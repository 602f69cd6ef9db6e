/**
 * The page's side of WebRTC-direct: plain js-libp2p as a browser runs it, with no transport but that. The test says what
 * to ask and reads the answer; only text passes between the two.
 */
import { identify } from '@libp2p/identify'
import type { Libp2p, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { webRTCDirect } from '@libp2p/webrtc'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

let node: Libp2p

/** Dials, and gives who answered, and by which muxer. */
async function dial(address: string): Promise<{ peer: string; muxer: string | undefined }> {
  node = await createLibp2p({
    transports: [webRTCDirect({ rtcConfiguration: { iceServers: [] } })],
    connectionEncrypters: [noise()],
    services: { identify: identify() },
    connectionGater: { denyDialMultiaddr: () => false },
  })
  const { remotePeer, multiplexer } = await node.dial(multiaddr(address))
  return { peer: remotePeer.toString(), muxer: multiplexer }
}

/** Sends a frame, in hexadecimal, on a stream of its own, and gives the body of the one that comes back. */
async function ask(address: string, protocol: string, frame: string): Promise<string> {
  const stream = await node.dialProtocol(multiaddr(address), protocol)
  const answer = bodyOf(stream)
  stream.send(Uint8Array.from(frame.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16)))
  return await answer
}

/** Sends what WebRTC-direct does not allow, and settles when the node has parted from us. */
async function attack(address: string, protocol: string, kind: 'text' | 'announcement'): Promise<void> {
  const stream = await node.dialProtocol(multiaddr(address), protocol)
  const closed = new Promise((resolve) => node.addEventListener('connection:close', resolve, { once: true }))
  const { channel } = stream as unknown as { channel: { send(message: string | Uint8Array): void } }
  // 65,537 bytes are announced, and none comes.
  channel.send(kind === 'text' ? 'text' : Uint8Array.of(0x81, 0x80, 0x04))
  await closed
}

function bodyOf(stream: Stream): Promise<string> {
  let bytes = new Uint8Array()
  return new Promise((resolve, reject) => {
    stream.addEventListener('message', ({ data }) => {
      bytes = Uint8Array.of(...bytes, ...data.subarray())
      const body = completeBody(bytes)
      if (body !== undefined) resolve(Array.from(body, (byte) => byte.toString(16).padStart(2, '0')).join(''))
    })
    stream.addEventListener('close', ({ error }) => reject(error ?? new Error('closed without an answer')))
  })
}

/** What follows the length, when it is all there. */
function completeBody(bytes: Uint8Array): Uint8Array | undefined {
  const last = bytes.findIndex((byte) => byte < 0x80)
  if (last < 0) return undefined
  const length = bytes.subarray(0, last + 1).reduceRight((sum, byte) => sum * 128 + (byte & 0x7f), 0)
  return bytes.length < last + 1 + length ? undefined : bytes.subarray(last + 1)
}

const app = { dial, ask, attack }

export type WebRtcApp = typeof app

Object.assign(globalThis, { app })
