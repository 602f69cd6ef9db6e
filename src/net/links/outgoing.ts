/**
 * What waits for one peer on one stream. Frames that come within one turn (`turn.ts`) leave in one write; a peer that
 * reads slowly loses frames, or its stream, and makes nobody else wait.
 *
 * Three ranks, each in its order: control before messages, since a mesh that is not told of a change gets the wrong ones;
 * messages before answers, since what is new is what the network is for, and answers can be asked for again.
 */
import type { Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import type { Milliseconds } from '../../core/time.ts'
import type { Turn } from './turn.ts'

/** In the order in which they leave. */
export const ranks = ['control', 'message', 'answer'] as const
export type Rank = (typeof ranks)[number]

/** Bytes that go out in one write: one record of the secure channel. */
const batchBytes = 64 * 1024

/** Bytes of a frame from which it is written alone: beside others it would be cut in two. */
const aloneBytes = 16 * 1024

export interface OutgoingLimits {
  /** Bytes and frames that wait in one rank. */
  readonly bytes: number
  readonly frames: number
}

export interface OutgoingEvents {
  /** Frames were dropped since there was no room for them. */
  dropped(frames: number): void
  /** The stream took a write no more. Comes once. */
  failed(error: unknown): void
}

/** Frames in order, from `first` on. */
interface Lane {
  frames: Uint8Array[]
  first: number
  bytes: number
}

export class Outgoing {
  readonly #limits: OutgoingLimits
  readonly #turn: Turn
  readonly #events: OutgoingEvents
  readonly #lanes: Readonly<Record<Rank, Lane>> = { control: newLane(), message: newLane(), answer: newLane() }
  #stream: Stream | undefined
  #flushing = false
  readonly #flush = (): void => {
    this.#flushing = false
    this.#write()
  }
  readonly #flushSoon = (): void => {
    if (this.#flushing || this.#stream === undefined) return
    this.#flushing = true
    this.#turn.atEnd(this.#flush)
  }
  /** Since when the stream has taken nothing while something waits. */
  #blockedSince: Milliseconds | undefined

  constructor(limits: OutgoingLimits, turn: Turn, events: OutgoingEvents) {
    this.#limits = limits
    this.#turn = turn
    this.#events = events
  }

  /** Bytes that wait. */
  get bytes(): number {
    return ranks.reduce((sum, rank) => sum + this.#lanes[rank].bytes, 0)
  }

  /** Those of them that wait for this peer alone: messages are the same bytes for all, and go when the newest come. */
  get ownBytes(): number {
    return this.#lanes.control.bytes + this.#lanes.answer.bytes
  }

  /** Writes to `stream` from now on, first `greeting`; what waited comes after it. */
  attach(stream: Stream, greeting: Uint8Array | undefined): void {
    this.#stream = stream
    this.#blockedSince = undefined
    // A muxer may ask for more while a stream of its own is out of window.
    stream.addEventListener('drain', this.#moved)
    stream.addEventListener('idle', this.#moved)
    if (greeting !== undefined) stream.send(greeting)
    this.#flushSoon()
  }

  /** Drops what waits. Frames that come while there is no stream wait for the next. */
  detach(): void {
    this.#stream = undefined
    for (const rank of ranks) clear(this.#lanes[rank])
  }

  /** Queues `frame`. It may be given to any number of peers: it is never written to. */
  put(frame: Uint8Array, rank: Rank): void {
    const lane = this.#lanes[rank]
    if (!this.#fits(lane, frame) && !this.#makeRoom(lane, frame, rank)) return
    lane.frames.push(frame)
    lane.bytes += frame.length
    this.#flushSoon()
  }

  /** For how long the peer has taken nothing of what waits. */
  blockedFor(now: Milliseconds): Milliseconds {
    if (this.#stream === undefined || this.#hasRoom(this.#stream)) this.#blockedSince = undefined
    else this.#blockedSince ??= now
    return this.#blockedSince === undefined ? 0 : now - this.#blockedSince
  }

  readonly #moved = (): void => {
    this.#blockedSince = undefined
    this.#flushSoon()
  }

  #fits({ frames, first, bytes }: Lane, frame: Uint8Array): boolean {
    return frames.length - first < this.#limits.frames && bytes + frame.length <= this.#limits.bytes
  }

  /** Of messages the oldest go: the newest are wanted most. Of the others the newest: they build on those before. */
  #makeRoom(lane: Lane, frame: Uint8Array, rank: Rank): boolean {
    let dropped = 0
    if (rank === 'message') while (!this.#fits(lane, frame) && takeFirst(lane) !== undefined) dropped += 1
    const fits = this.#fits(lane, frame)
    this.#events.dropped(fits ? dropped : dropped + 1)
    return fits
  }

  /** Writes while there is room. What still waits does so for `drain`. */
  #write(): void {
    const stream = this.#stream
    try {
      while (stream !== undefined && stream === this.#stream && this.#hasRoom(stream)) {
        const batch = this.#take()
        if (batch === undefined) return
        stream.send(batch)
      }
    } catch (error) {
      this.#events.failed(error)
    }
  }

  #hasRoom({ writableNeedsDrain, writeBufferLength }: Stream): boolean {
    return !writableNeedsDrain && writeBufferLength === 0
  }

  /** The next frames, without a copy: the secure channel makes the only one. */
  #take(): Uint8Array | Uint8ArrayList | undefined {
    const batch: Uint8Array[] = []
    let bytes = 0
    for (const rank of ranks) {
      const lane = this.#lanes[rank]
      for (let next = lane.frames[lane.first]; next !== undefined; next = lane.frames[lane.first]) {
        if (bytes > 0 && (next.length >= aloneBytes || bytes + next.length > batchBytes)) return joined(batch)
        takeFirst(lane)
        batch.push(next)
        bytes += next.length
        if (next.length >= aloneBytes) return next
      }
    }
    return joined(batch)
  }
}

function newLane(): Lane {
  return { frames: [], first: 0, bytes: 0 }
}

function clear(lane: Lane): void {
  lane.frames.length = 0
  lane.first = 0
  lane.bytes = 0
}

/** Frames that were taken out are forgotten together: half of the list at a time. */
function takeFirst(lane: Lane): Uint8Array | undefined {
  const frame = lane.frames[lane.first]
  if (frame === undefined) return undefined
  lane.first += 1
  lane.bytes -= frame.length
  if (lane.first === lane.frames.length) clear(lane)
  else if (lane.first >= 32 && lane.first * 2 >= lane.frames.length) {
    lane.frames = lane.frames.slice(lane.first)
    lane.first = 0
  }
  return frame
}

function joined(frames: readonly Uint8Array[]): Uint8Array | Uint8ArrayList | undefined {
  return frames.length < 2 ? frames[0] : new Uint8ArrayList(...frames)
}
