/**
 * One allowance for all that connections hold in memory for their peers: received and not yet taken by a protocol, sent
 * and not yet taken by the peer.
 *
 * Limits for each stream alone multiply to far more than a machine has. So they are generous, and what counts is the
 * sum: when it is above the allowance, the connection that holds most is closed.
 */
import type { MessageStream, StreamMuxer } from '@libp2p/interface'
import type { Milliseconds } from '../../core/time.ts'
import { heldOf } from './held.ts'

/** How often the sum is taken. In between it may grow by what the network and the archive can deliver. */
const auditInterval: Milliseconds = 250

/** One that holds memory for a peer. */
export interface Holder {
  heldBytes(): number
  close(reason: Error): void
}

export class Budget implements Disposable {
  readonly #limit: number
  readonly #closed: () => void
  readonly #holders = new Set<Holder>()
  #audit: NodeJS.Timeout | undefined

  /** `limit`: bytes of all holders together. `closed` counts. */
  constructor(limit: number, closed: () => void) {
    this.#limit = limit
    this.#closed = closed
  }

  /** Counts `connection` until it closes; with `muxer`, its streams too. */
  watch(connection: MessageStream, muxer?: StreamMuxer): void {
    const holder = holderOf(connection, muxer)
    this.#holders.add(holder)
    this.#audit ??= setInterval(() => this.#sumUp(), auditInterval).unref()
    connection.addEventListener('close', () => this.#forget(holder), { once: true })
  }

  [Symbol.dispose](): void {
    this.#holders.clear()
    this.#rest()
  }

  #forget(holder: Holder): void {
    this.#holders.delete(holder)
    if (this.#holders.size === 0) this.#rest()
  }

  #rest(): void {
    clearInterval(this.#audit)
    this.#audit = undefined
  }

  #sumUp(): void {
    const sums = [...this.#holders].map((holder) => ({ holder, bytes: holder.heldBytes() }))
    let total = sums.reduce((sum, { bytes }) => sum + bytes, 0)
    if (total <= this.#limit) return
    for (const { holder, bytes } of sums.sort((one, other) => other.bytes - one.bytes)) {
      if (total <= this.#limit) return
      total -= bytes
      this.#closed()
      holder.close(new Error('connections hold more memory than all may'))
    }
  }
}

function holderOf(connection: MessageStream, muxer: StreamMuxer | undefined): Holder {
  return {
    heldBytes: () => (muxer?.streams ?? []).reduce((sum, stream) => sum + buffered(stream), buffered(connection)),
    close: (reason) => connection.abort(reason),
  }
}

function buffered(stream: MessageStream): number {
  return stream.readBufferLength + stream.writeBufferLength + unsent(stream) + heldOf(stream)
}

/** What the socket under a stock connection holds, or the channel under a stream of WebRTC. */
function unsent(stream: MessageStream): number {
  const { socket, websocket, channel } = stream as {
    socket?: { writableLength: number }
    websocket?: { bufferedAmount: number }
    channel?: { bufferedAmount: number }
  }
  return socket?.writableLength ?? websocket?.bufferedAmount ?? channel?.bufferedAmount ?? 0
}
