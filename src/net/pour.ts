/**
 * Many messages to one peer on one stream, as fast as the peer takes them and no faster: nothing is dropped, and nothing
 * waits in memory but what the stream itself buffers. Nothing is sent back.
 */
import { once } from 'node:events'
import type { Libp2p, PeerId, Stream } from '@libp2p/interface'
import { messageOf, WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import { frame } from './frames.ts'

export interface PourLimits {
  /** How long the peer may take nothing. */
  readonly stall: Milliseconds
  /** For all of it. */
  readonly timeout: Milliseconds
}

/** What was handed over. */
export interface Poured {
  readonly messages: number
  readonly bytes: number
}

/**
 * Sends `bodies` to `peer`, each as a frame. Throws `wire/timed-out`, `push/unreachable`, or what `bodies` throws;
 * `sent` is told of each frame.
 */
export async function pour(
  libp2p: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId,
  protocol: string,
  bodies: AsyncIterable<Uint8Array>,
  { stall, timeout }: PourLimits,
  signal?: AbortSignal,
): Promise<Poured> {
  const whole = AbortSignal.any([AbortSignal.timeout(timeout), ...(signal === undefined ? [] : [signal])])
  let stream: Stream | undefined
  let messages = 0
  let bytes = 0
  try {
    for await (const body of bodies) {
      stream ??= await open(libp2p, peer, protocol, stall)
      if (!stream.send(frame(body))) await drained(stream, protocol, stall, whole)
      messages += 1
      bytes += body.length
    }
    await stream?.close({ signal: AbortSignal.any([whole, AbortSignal.timeout(stall)]) })
    return { messages, bytes }
  } catch (error) {
    stream?.abort(error instanceof Error ? error : new Error(messageOf(error)))
    throw error
  }
}

async function open(
  libp2p: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId,
  protocol: string,
  timeout: Milliseconds,
): Promise<Stream> {
  try {
    const stream = await libp2p.dialProtocol(peer, protocol, { signal: AbortSignal.timeout(timeout) })
    stream.closeRead().catch(() => {})
    return stream
  } catch (error) {
    throw new WaypostError('push/unreachable', { why: messageOf(error) }, { cause: error })
  }
}

/** The streams' own `onDrain` waits the first time only: it keeps the promise that was kept then. */
async function drained(stream: Stream, protocol: string, stall: Milliseconds, whole: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([whole, AbortSignal.timeout(stall)])
  const heard = new AbortController()
  const signal = AbortSignal.any([limit, heard.signal])
  try {
    if (stream.status !== 'open') throw new Error(`a stream that is ${stream.status}`)
    const [event] = await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })])
    if (event.type === 'close') throw event.error ?? new Error('the stream was closed')
  } catch (error) {
    if (limit.aborted) throw new WaypostError('wire/timed-out', { protocol, limit: stall }, { cause: error })
    throw new WaypostError('push/unreachable', { why: messageOf(error) }, { cause: error })
  } finally {
    heard.abort()
  }
}
