/**
 * A connection in memory: two ends, bytes in order, cut as one likes, and no more under way than it takes. Both ends are
 * what a secure channel hands to a muxer.
 */
import {
  type Logger,
  type MessageStream,
  type MessageStreamEvents,
  StreamAbortEvent,
  StreamCloseEvent,
  StreamMessageEvent,
  StreamResetEvent,
  TypedEventEmitter,
} from '@libp2p/interface'

export interface WireOptions {
  /** Bytes of the next piece that is delivered; all of it unless given. */
  readonly cut?: () => number
  /** Bytes under way at which an end takes no more. */
  readonly capacity?: number
  /** Sees all bytes when they are delivered. */
  readonly see?: (from: 0 | 1, bytes: Uint8Array) => void
}

const nothing = (): void => {}
const silent: Logger = Object.assign((): void => {}, {
  error: nothing,
  trace: nothing,
  enabled: false,
  newScope: (): Logger => silent,
})

export class WireEnd extends TypedEventEmitter<MessageStreamEvents> {
  readonly log = silent
  readonly direction: 'inbound' | 'outbound'
  readonly timeline = { open: 0 }
  status: 'open' | 'closed' | 'aborted' | 'reset' = 'open'
  other!: WireEnd
  readonly #side: 0 | 1
  readonly #options: WireOptions
  #waiting: Uint8Array[] = []
  #bytes = 0
  #full = false
  #pumping = false

  constructor(side: 0 | 1, options: WireOptions) {
    super()
    this.#side = side
    this.direction = side === 0 ? 'outbound' : 'inbound'
    this.#options = options
  }

  send(data: Uint8Array | Iterable<Uint8Array>): boolean {
    if (this.status !== 'open') throw new Error('the wire is cut')
    for (const part of data instanceof Uint8Array ? [data] : data) {
      this.#waiting.push(part)
      this.#bytes += part.length
    }
    this.#full ||= this.#bytes >= (this.#options.capacity ?? Number.POSITIVE_INFINITY)
    if (!this.#pumping) setImmediate(() => this.#pump())
    this.#pumping = true
    return !this.#full
  }

  async close(): Promise<void> {
    while (this.#bytes > 0 && this.status === 'open') await new Promise(setImmediate)
    this.#end('closed', new StreamCloseEvent())
    this.other.#end('closed', new StreamCloseEvent())
  }

  abort(error: Error): void {
    if (this.status !== 'open') return
    // What is under way still arrives, as it may.
    this.#deliver(Number.POSITIVE_INFINITY)
    this.#end('aborted', new StreamAbortEvent(error))
    this.other.#end('reset', new StreamResetEvent(new Error('reset')))
  }

  #end(status: 'closed' | 'aborted' | 'reset', event: StreamCloseEvent): void {
    if (this.status !== 'open') return
    this.status = status
    this.dispatchEvent(event)
  }

  #pump(): void {
    this.#pumping = false
    if (this.status !== 'open') return
    this.#deliver(this.#options.cut?.() ?? Number.POSITIVE_INFINITY)
    if (this.#bytes > 0 && !this.#pumping) {
      this.#pumping = true
      setImmediate(() => this.#pump())
    }
    if (!this.#full || this.#bytes > 0) return
    this.#full = false
    this.safeDispatchEvent('drain')
  }

  #deliver(length: number): void {
    const piece = this.#take(length)
    if (piece.length === 0 || this.other.status !== 'open') return
    this.#options.see?.(this.#side, piece)
    this.other.dispatchEvent(new StreamMessageEvent(piece))
  }

  /** The first `length` bytes that wait, or all. */
  #take(length: number): Buffer {
    const parts: Uint8Array[] = []
    let missing = length
    for (let part = this.#waiting.shift(); part !== undefined; part = this.#waiting.shift()) {
      parts.push(part.subarray(0, missing))
      if (part.length > missing) this.#waiting.unshift(part.subarray(missing))
      missing -= Math.min(missing, part.length)
      if (missing === 0) break
    }
    const taken = Buffer.concat(parts)
    this.#bytes -= taken.length
    return taken
  }
}

/** Both ends; the first is the one that dialled. */
export function wire(options: WireOptions = {}): [WireEnd, WireEnd] {
  const one = new WireEnd(0, options)
  const other = new WireEnd(1, options)
  one.other = other
  other.other = one
  return [one, other]
}

/** An end as what muxers take. They use no more of it than there is. */
export function asConnection(end: WireEnd): MessageStream {
  return end as unknown as MessageStream
}
