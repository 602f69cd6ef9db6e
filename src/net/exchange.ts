/**
 * One request and one response on a stream of its own. Every request/response protocol of ours goes through here:
 * limits, time, quota, metrics and the debug line live in this file and nowhere else.
 *
 * What real clients do, and this obeys (reference: @waku/sdk, nwaku, go-waku): they open streams early and leave them
 * idle, so an idle stream is kept; they half-close after the request and read until end of stream, so our side is
 * closed after the answer; some never read the answer, so a failure to write it is nobody's fault. One that neither
 * half-closes nor goes away after its answer is reset, since a stream open on one side still counts.
 */
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { type ErrorCode, isWaypostError, messageOf, WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Turns } from '../core/turns.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type Chunk, FrameReader, frame } from './frames.ts'
import { countHeld } from './guards/held.ts'
import type { Quota } from './quota.ts'
import { onEnd } from './stream-end.ts'

/** The part of libp2p that an exchange needs. */
export type Switch = Pick<Libp2p, 'handle' | 'unhandle' | 'dialProtocol'>

/** What bounds one exchange. */
export interface ExchangeLimits {
  /** Bytes of a request's body. */
  readonly requestBytes: number
  /** From the first byte of a request to its last. */
  readonly requestTimeout: Milliseconds
  /** From the answer made to the answer taken by the peer; and then, again, until the peer closes its side too. */
  readonly answerTimeout: Milliseconds
  /** Streams that one connection may hold open at once; clients keep several idle ones. */
  readonly inboundStreams: number
}

/** What an exchange serves: how to read, answer and refuse. It sees no stream and no frame. */
export interface ExchangeService<Request> {
  readonly protocol: string
  /** For the log. */
  readonly name: string
  readonly limits: ExchangeLimits
  /** Reads a request. Throws `wire/malformed` when it is none. */
  decode(body: Uint8Array): Request
  /** Answers it: the body of the response. May throw; the peer is then told by `refuse`. */
  answer(request: Request, from: string): Uint8Array | Promise<Uint8Array>
  /**
   * The body that tells a peer why it gets no answer; undefined resets the stream. `request` is the body as far as it
   * was received whole, so that its id can be echoed.
   */
  refuse(error: WaypostError, request: Uint8Array | undefined): Uint8Array | undefined
  /** For a service whose answers take long to make: each waits for its turn. */
  readonly turns?: Turns
  /** Told how long it took from the answer made to the answer taken. */
  taken?(elapsed: Milliseconds): void
}

export interface ExchangeParts {
  readonly libp2p: Switch
  readonly quota: Quota
  readonly metrics: Metrics
  readonly log: Log
}

/** Serves `service` until it is disposed of. */
export async function serveExchange<Request>(
  service: ExchangeService<Request>,
  { libp2p, quota, metrics, log }: ExchangeParts,
): Promise<AsyncDisposable> {
  const { protocol, limits } = service
  const serve = (stream: Stream, connection: Connection): void => {
    new Exchange(service, { quota, metrics, log }, stream, connection.remotePeer.toString()).open()
  }
  await libp2p.handle(protocol, serve, { maxInboundStreams: limits.inboundStreams, runOnLimitedConnection: true })
  return { [Symbol.asyncDispose]: () => libp2p.unhandle(protocol) }
}

type Reason = 'decode' | 'too_large' | 'timeout' | 'closed' | 'internal'

const reasonOf: Partial<Record<ErrorCode, Reason>> = {
  'wire/malformed': 'decode',
  'wire/too-large': 'too_large',
  'wire/timed-out': 'timeout',
  'wire/closed-early': 'closed',
}

/** One inbound stream: waits for a request, answers it, closes. */
class Exchange<Request> {
  readonly #service: ExchangeService<Request>
  readonly #parts: Omit<ExchangeParts, 'libp2p'>
  readonly #stream: Stream
  readonly #peer: string
  readonly #reader: FrameReader
  #timer: NodeJS.Timeout | undefined
  #taken = false

  constructor(service: ExchangeService<Request>, parts: Omit<ExchangeParts, 'libp2p'>, stream: Stream, peer: string) {
    this.#service = service
    this.#parts = parts
    this.#stream = stream
    this.#peer = peer
    this.#reader = new FrameReader(service.limits.requestBytes)
  }

  open(): void {
    countHeld(this.#stream, () => this.#reader.heldBytes)
    this.#stream.addEventListener('close', () => clearTimeout(this.#timer))
    this.#stream.addEventListener('message', ({ data }) => this.#received(data))
    onEnd(this.#stream, () => this.#ended())
  }

  #received(data: Chunk): void {
    // Whatever follows the one request is not read, nor what a reset stream had still to say.
    if (this.#taken || this.#stream.status !== 'open') return
    this.#timer ??= setTimeout(() => this.#timedOut(), this.#service.limits.requestTimeout)
    try {
      const [body] = this.#reader.push(data)
      if (body !== undefined) this.#take(() => this.#serve(body))
    } catch (error) {
      this.#take(() => this.#refuse(asError(error), undefined))
    }
  }

  /** The request is there, or will never be: from here on the time limit is that of the answer. */
  #take(serve: () => Promise<void>): void {
    this.#taken = true
    clearTimeout(this.#timer)
    serve().catch((error) => this.#fail(asError(error)))
  }

  /** The peer writes no more. Without a request that is the end of an idle stream, which is normal. */
  #ended(): void {
    if (this.#taken) return
    if (this.#reader.incomplete) this.#fail(new WaypostError('wire/closed-early', { received: this.#reader.heldBytes }))
    else this.#stream.close().catch(() => this.#stream.abort(new Error('idle stream ended')))
  }

  #timedOut(): void {
    const { protocol, limits } = this.#service
    this.#fail(new WaypostError('wire/timed-out', { protocol, limit: limits.requestTimeout }))
  }

  async #serve(body: Uint8Array): Promise<void> {
    const { name, protocol, turns } = this.#service
    const { quota, metrics } = this.#parts
    const started = performance.now()
    metrics.waku_service_network_bytes_total.inc({ service: protocol, direction: 'in' }, body.length)
    if (!quota.take(this.#peer) || turns?.hasRoom(this.#peer) === false) {
      metrics.waku_service_requests_total.inc({ service: protocol, state: 'rejected' })
      return this.#refuse(new WaypostError('wire/rate-limited', { protocol }), body)
    }
    metrics.waku_service_requests_total.inc({ service: protocol, state: 'served' })
    const reply = () => this.#reply(body)
    const { taken } = await (turns === undefined ? reply() : turns.take(this.#peer, reply))
    await taken
    const elapsed = performance.now() - started
    metrics.waku_service_request_handling_duration_seconds.observe({ service: protocol }, elapsed / 1000)
    this.#parts.log.debug({ service: name, peer: this.#peer, bytes: body.length, ms: elapsed }, 'request served')
  }

  /** Makes and sends the answer. `taken` ends when the peer has it, which no other waits for. */
  async #reply(body: Uint8Array): Promise<{ readonly taken?: Promise<void> }> {
    // Who waited and has gone is not answered.
    if (this.#stream.status !== 'open') return {}
    try {
      return { taken: this.#answer(await this.#service.answer(this.#service.decode(body), this.#peer)) }
    } catch (error) {
      return { taken: this.#refuse(asError(error), body) }
    }
  }

  async #refuse(error: WaypostError, request: Uint8Array | undefined): Promise<void> {
    const answer = this.#service.refuse(error, request)
    if (answer === undefined) return this.#fail(error)
    this.#count(error)
    await this.#answer(answer)
  }

  /** Writes the answer and closes our side. A peer that does not take it in time is reset. */
  async #answer(body: Uint8Array): Promise<void> {
    const { name, protocol, limits } = this.#service
    const started = performance.now()
    try {
      this.#stream.send(frame(body))
      this.#parts.metrics.waku_service_network_bytes_total.inc({ service: protocol, direction: 'out' }, body.length)
      await this.#stream.close({ signal: AbortSignal.timeout(limits.answerTimeout) })
      this.#service.taken?.(performance.now() - started)
      this.#linger()
    } catch (error) {
      // The peer has gone or does not read: its right (filter clients never read the answer to an unsubscribe).
      this.#parts.log.debug({ service: name, peer: this.#peer, reason: messageOf(error) }, 'answer not taken')
      this.#stream.abort(asError(error))
    }
  }

  /** Our side is closed; the peer gets its time to close the other. */
  #linger(): void {
    if (this.#stream.status !== 'open') return
    const reset = (): void => this.#stream.abort(new Error('stream kept open after its answer'))
    this.#timer = setTimeout(reset, this.#service.limits.answerTimeout)
  }

  #fail(error: WaypostError): void {
    this.#taken = true
    clearTimeout(this.#timer)
    this.#count(error)
    this.#stream.abort(error)
  }

  #count(error: WaypostError): void {
    const { name, protocol: service } = this.#service
    const reason = error.code === 'internal/bug' ? 'internal' : reasonOf[error.code]
    if (reason !== undefined) this.#parts.metrics.waypost_service_errors_total.inc({ service, reason })
    this.#parts.log.debug(
      { service: name, peer: this.#peer, code: error.code, reason: error.message },
      'request refused',
    )
  }
}

/** What we ask of others. */
export interface RequestOptions {
  /** Bytes of the response's body. */
  readonly responseBytes: number
  /** For the whole exchange, the dial included. */
  readonly timeout: Milliseconds
  readonly signal?: AbortSignal
}

/**
 * Sends one request to `peer`, at any of the addresses given, and returns the body of its response.
 * Throws `wire/timed-out`, `wire/closed-early`, `wire/too-large`, `wire/malformed`, or what the dial threw.
 */
export async function request(
  libp2p: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId | Multiaddr | Multiaddr[],
  protocol: string,
  body: Uint8Array,
  { responseBytes, timeout, signal }: RequestOptions,
): Promise<Uint8Array> {
  const timed = AbortSignal.timeout(timeout)
  const either = signal === undefined ? timed : AbortSignal.any([signal, timed])
  try {
    const stream = await libp2p.dialProtocol(peer, protocol, { signal: either, runOnLimitedConnection: true })
    return await converse(stream, body, responseBytes, either)
  } catch (error) {
    if (timed.aborted) throw new WaypostError('wire/timed-out', { protocol, limit: timeout }, { cause: error })
    throw error
  }
}

async function converse(stream: Stream, body: Uint8Array, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  // Stands until both sides are closed: a node that answers and keeps its side open is reset when time is up.
  const stop = (): void => stream.abort(asError(signal.reason))
  signal.addEventListener('abort', stop, { once: true })
  stream.addEventListener('close', () => signal.removeEventListener('abort', stop), { once: true })
  try {
    stream.send(frame(body))
    // The response may come, or the stream fail, before our side is closed: whichever is first decides.
    stream.close({ signal }).catch((error) => stream.abort(asError(error)))
    return await firstFrame(stream, limit)
  } catch (error) {
    stream.abort(asError(error))
    throw signal.aborted ? signal.reason : error
  }
}

function firstFrame(stream: Stream, limit: number): Promise<Uint8Array> {
  const reader = new FrameReader(limit)
  return new Promise((resolve, reject) => {
    let done = false
    const early = (): void => reject(new WaypostError('wire/closed-early', { received: reader.heldBytes }))
    stream.addEventListener('message', ({ data }) => {
      // Whatever follows the one response is not kept.
      if (done) return
      try {
        const [body] = reader.push(data)
        if (body === undefined) return
        resolve(body)
      } catch (error) {
        reject(error)
      }
      done = true
    })
    onEnd(stream, early)
    stream.addEventListener('close', ({ error }) => (error === undefined ? queueMicrotask(early) : reject(error)))
  })
}

function asError(error: unknown): WaypostError {
  return isWaypostError(error) ? error : new WaypostError('internal/bug', { why: messageOf(error) }, { cause: error })
}
