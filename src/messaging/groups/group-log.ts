/** The log of one private group as a device keeps it: events from messages in, the group out. */
import { hash as digest } from 'node:crypto'
import type { Milliseconds } from '../../core/time.ts'
import { maxEvents } from '../application/group.ts'
import { type ClockFault, clockFault, nextClock } from '../clock.ts'
import { checkedGroupId, openEvent, type SignedEvent } from './event.ts'
import { type GroupState, replay } from './replay.ts'

/** What came of an event: it is new, it was there, or why it is refused. */
export type EventVerdict = 'new' | 'known' | 'not an event' | 'log full' | ClockFault

export class GroupLog {
  readonly chatId: string
  readonly #events = new Map<string, SignedEvent>()
  /** Hashes of events as they came. Every message carries the log: what is known costs no signature. */
  readonly #taken = new Set<string>()
  #state: GroupState | undefined

  /** `events` are what an earlier log held. Throws `messaging/bad-group-id`. */
  constructor(chatId: string, events: Iterable<SignedEvent> = []) {
    this.chatId = checkedGroupId(chatId)
    for (const signed of events) this.#hold(signed)
  }

  /** The group as its events make it. */
  get state(): GroupState {
    this.#state ??= replay(this.chatId, this.#events.values())
    return this.#state
  }

  /** All events held, those that do not count included: an earlier one may still come that makes them count. */
  get events(): IterableIterator<SignedEvent> {
    return this.#events.values()
  }

  /** Takes an event as it stands in a message. */
  take(raw: Uint8Array, now: Milliseconds): EventVerdict {
    if (this.#taken.has(hashOf(raw))) return 'known'
    const signed = openEvent(this.chatId, raw)
    if (signed === undefined) return 'not an event'
    if (this.#events.has(signed.key)) return 'known'
    const wrong = clockFault(signed.event.clock, now)
    if (wrong !== undefined) return wrong
    if (this.#events.size >= maxEvents) this.#keepWhatCounts()
    if (this.#events.size >= maxEvents) return 'log full'
    this.add(signed)
    return 'new'
  }

  /** Adds an event of our own. */
  add(signed: SignedEvent): void {
    this.#hold(signed)
    this.#state = undefined
  }

  #hold(signed: SignedEvent): void {
    this.#events.set(signed.key, signed)
    this.#taken.add(hashOf(signed.raw))
  }

  /** Makes room: whoever signs events that are not allowed must not fill the log. */
  #keepWhatCounts(): void {
    const { events } = this.state
    this.#events.clear()
    this.#taken.clear()
    for (const signed of events) this.#hold(signed)
  }

  /** The clock of the next event. */
  nextClock(now: Milliseconds): bigint {
    return nextClock(this.state.events.at(-1)?.event.clock ?? 0n, now)
  }
}

function hashOf(raw: Uint8Array): string {
  return digest('sha256', raw, 'hex')
}
