/** When nothing more will be read from a stream. */
import type { Stream } from '@libp2p/interface'

/**
 * Calls `ended` once all that the peer has said was handed to the listener for messages, which has to be there already.
 *
 * A muxer may announce the end before it hands over the data that came in the same frame. And a peer that negotiates,
 * speaks and ends in one flight, as go-libp2p does, has ended before anybody listened, while its data still waits for the
 * listener: either way the data comes in this turn of the event loop, before the microtask.
 */
export function onEnd(stream: Stream, ended: () => void): void {
  if (stream.readableEnded) queueMicrotask(ended)
  else stream.addEventListener('end', () => queueMicrotask(ended))
}
