/**
 * Several rounds on one stream: each side speaks in turn, one frame at a time, until one of them has nothing more to
 * say. Who takes its turn sees no stream and no frame; limits, time, quota, metrics and the debug line live here.
 */
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { isWaypostError, messageOf, WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type Chunk, FrameReader, frame } from './frames.ts'
import { countHeld } from './guards/held.ts'
import type { Quota } from './quota.ts'
import { onEnd } from './stream-end.ts'

/** What bounds one dialogue. */
export interface DialogueLimits {
  /** Bytes of one turn of the other side. */
  readonly frameBytes: number
  /** Turns of the other side. */
  readonly rounds: number
  /** From our turn to theirs. */
  readonly roundTimeout: Milliseconds
  /** From the first turn to the last. */
  readonly timeout: Milliseconds
  /** Streams that one connection may hold open at once. */
  readonly inboundStreams: number
  /** Dialogues that others have begun, at once. */
  readonly sessions: number
}

/** What we say after their turn: nothing more, or this; `last`: it asks for no answer. */
export type Reply = undefined | { readonly body: Uint8Array; readonly last: boolean }

/** Takes our turns with one peer. Throws `wire/malformed` for what is none. */
export type Speaker = (body: Uint8Array) => Promise<Reply>

export interface DialogueService {
  readonly protocol: string
  /** For the log. */
  readonly name: string
  readonly limits: DialogueLimits
  /** Begins a dialogue that `peer` has opened; disposed of when it has ended, well or not. */
  open(peer: string): { readonly speak: Speaker } & Disposable
}

export interface DialogueParts {
  readonly libp2p: Pick<Libp2p, 'handle' | 'unhandle'>
  readonly quota: Quota
  readonly metrics: Metrics
  readonly log: Log
}

/** What went over a stream. */
export interface DialogueReport {
  readonly rounds: number
  readonly receivedBytes: number
  readonly sentBytes: number
}

/** Serves `service` until it is disposed of, which resets the dialogues under way. */
export async function serveDialogues(service: DialogueService, parts: DialogueParts): Promise<AsyncDisposable> {
  const { libp2p } = parts
  const { protocol, limits } = service
  const running = new Set<Stream>()
  const serve = (stream: Stream, { remotePeer }: Connection): void => {
    // It may have ended before its handler ran: then nothing tells of its end any more.
    if (stream.status !== 'open') return
    if (running.size < limits.sessions) {
      running.add(stream)
      stream.addEventListener('close', () => running.delete(stream))
      void answer(service, parts, stream, remotePeer.toString())
    } else stream.abort(new Error('too many at once'))
  }
  await libp2p.handle(protocol, serve, { maxInboundStreams: limits.inboundStreams })
  return {
    async [Symbol.asyncDispose]() {
      await libp2p.unhandle(protocol)
      for (const stream of running) stream.abort(new Error('this service has ended'))
    },
  }
}

async function answer(service: DialogueService, parts: DialogueParts, stream: Stream, peer: string): Promise<void> {
  const { protocol, name, limits } = service
  const { quota, metrics, log } = parts
  const granted = quota.take(peer)
  metrics.waku_service_requests_total.inc({ service: protocol, state: granted ? 'served' : 'rejected' })
  if (!granted) {
    stream.abort(new WaypostError('wire/rate-limited', { protocol }))
    return
  }
  const started = performance.now()
  try {
    using session = service.open(peer)
    const { rounds, receivedBytes, sentBytes } = await talk(stream, protocol, session.speak, limits, undefined)
    const ms = performance.now() - started
    metrics.waku_service_network_bytes_total.inc({ service: protocol, direction: 'in' }, receivedBytes)
    metrics.waku_service_network_bytes_total.inc({ service: protocol, direction: 'out' }, sentBytes)
    metrics.waku_service_request_handling_duration_seconds.observe({ service: protocol }, ms / 1000)
    log.debug({ service: name, peer, rounds, receivedBytes, sentBytes, ms }, 'dialogue served')
  } catch (error) {
    const code = isWaypostError(error) ? error.code : 'internal/bug'
    metrics.waypost_service_errors_total.inc({ service: protocol, reason: reasons[code] ?? 'internal' })
    log.debug({ service: name, peer, code, reason: messageOf(error) }, 'dialogue ended early')
  }
}

const reasons: Partial<Record<string, 'decode' | 'too_large' | 'timeout' | 'closed'>> = {
  'wire/malformed': 'decode',
  'wire/too-large': 'too_large',
  'wire/timed-out': 'timeout',
  'wire/closed-early': 'closed',
}

/**
 * Opens a dialogue with `peer`; `first` is our first turn. Throws `wire/timed-out`, `wire/closed-early`,
 * `wire/too-large`, `wire/malformed`, or what the dial threw.
 */
export async function openDialogue(
  libp2p: Pick<Libp2p, 'dialProtocol'>,
  peer: PeerId,
  protocol: string,
  first: Uint8Array,
  speak: Speaker,
  limits: DialogueLimits,
  signal?: AbortSignal,
): Promise<DialogueReport> {
  const timed = AbortSignal.timeout(limits.roundTimeout)
  const either = signal === undefined ? timed : AbortSignal.any([signal, timed])
  const stream = await libp2p.dialProtocol(peer, protocol, { signal: either })
  return talk(stream, protocol, speak, limits, first, signal)
}

/** Takes turns until one side is done. Closes the stream, or resets it with what went wrong. */
async function talk(
  stream: Stream,
  protocol: string,
  speak: Speaker,
  limits: DialogueLimits,
  first: Uint8Array | undefined,
  signal?: AbortSignal,
): Promise<DialogueReport> {
  const { frameBytes, roundTimeout, timeout } = limits
  const turns = new Turns(stream, frameBytes)
  const ended = signal === undefined ? [] : [signal]
  const whole = AbortSignal.any([AbortSignal.timeout(timeout), ...ended])
  let rounds = 0
  let sentBytes = 0
  const say = (body: Uint8Array): void => {
    stream.send(frame(body))
    sentBytes += body.length
  }
  try {
    if (first !== undefined) say(first)
    for (;;) {
      const body = await turns.next(AbortSignal.any([whole, AbortSignal.timeout(roundTimeout)]), protocol, roundTimeout)
      // nwaku ends a dialogue by closing, too.
      if (body === undefined) break
      rounds += 1
      if (rounds > limits.rounds) throw new WaypostError('wire/endless', { protocol, limit: limits.rounds })
      const reply = await speak(body)
      if (reply !== undefined) say(reply.body)
      if (reply === undefined || reply.last) break
    }
    await stream.close({ signal: AbortSignal.timeout(roundTimeout) })
    return { rounds, receivedBytes: turns.receivedBytes, sentBytes }
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(messageOf(error)))
    throw error
  }
}

/** The turns of the other side: one frame at a time. Who speaks out of turn is reset. */
class Turns {
  receivedBytes = 0
  readonly #reader: FrameReader
  #frame: Uint8Array | undefined
  #ended: { readonly error?: unknown } | undefined
  #wake = () => {}

  constructor(stream: Stream, frameBytes: number) {
    this.#reader = new FrameReader(frameBytes)
    countHeld(stream, () => this.#reader.heldBytes + (this.#frame?.length ?? 0))
    stream.addEventListener('message', ({ data }) => this.#received(data))
    stream.addEventListener('close', ({ error }) => this.#end(error))
    onEnd(stream, () => this.#end())
  }

  /** The next turn; undefined when the other side has closed between two. */
  async next(signal: AbortSignal, protocol: string, limit: Milliseconds): Promise<Uint8Array | undefined> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    signal.addEventListener('abort', () => resolve(), { once: true })
    if (this.#frame === undefined && this.#ended === undefined && !signal.aborted) await promise
    const body = this.#frame
    this.#frame = undefined
    if (body !== undefined) return body
    if (this.#ended?.error !== undefined) throw this.#ended.error
    if (this.#ended === undefined) throw new WaypostError('wire/timed-out', { protocol, limit })
    if (this.#reader.incomplete) throw new WaypostError('wire/closed-early', { received: this.#reader.heldBytes })
    return undefined
  }

  #received(data: Chunk): void {
    if (this.#ended !== undefined) return
    try {
      for (const body of this.#reader.push(data)) {
        if (this.#frame !== undefined)
          throw new WaypostError('wire/malformed', { what: 'dialogue', why: 'out of turn' })
        this.#frame = body
        this.receivedBytes += body.length
      }
    } catch (error) {
      this.#end(error)
    }
    this.#wake()
  }

  #end(error?: unknown): void {
    this.#ended ??= { error }
    this.#wake()
  }
}
