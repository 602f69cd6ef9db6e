/**
 * The log of one private group as a device keeps it: events from messages in, the group out.
 *
 * Every message carries a log, and whoever sends one chooses what is in it, so there are bounds. At one of them what no longer
 * says anything of the group makes room; of what does, so much is taken of one author, and a part of the log is left to admins.
 * Within the bounds the same events make the same log, in whatever order they come.
 */
import { hash as digest } from 'node:crypto'
import { RecentSet } from '../../core/recent-set.ts'
import type { Clock, Milliseconds } from '../../core/time.ts'
import { EventType, maxEvents } from '../application/group.ts'
import { type ClockFault, clockFault, nextClock } from '../clock.ts'
import { abridged } from './abridged.ts'
import { checkedGroupId, openEvent, type SignedEvent, unsignedEvent } from './event.ts'
import { type GroupState, replay } from './replay.ts'

const mebibyte = 1024 * 1024

/** Events of one author at the most, unless he is an admin. */
export const maxAuthorEvents = 64

/** Bytes of a log at the most. What counts of a group is less than a message, which carries it: 1 MiB. */
const maxLogBytes = 16 * mebibyte

/** Of both, what is left to admins. */
export const adminEvents = 256
const adminBytes = 4 * mebibyte

/** Refused events that are remembered, of each kind: those of two messages. */
const maxRefused = 2 * maxEvents

/** How long an event that found no room is refused without a look. */
const fullLifetime: Milliseconds = 10 * 60 * 1000

/** What came of an event: it is new, it was there, or why it is refused. */
export type EventVerdict = 'new' | 'known' | 'not an event' | 'refused before' | NoRoom | ClockFault

/** Too much of its author, or of all. */
export type NoRoom = 'author full' | 'log full'

export class GroupLog {
  readonly chatId: string
  readonly #clock: Clock | undefined
  readonly #events = new Map<string, SignedEvent>()
  readonly #countOf = new Map<string, number>()
  #bytes = 0
  /** Hashes of events as they came: what is known costs no signature. */
  readonly #taken = new Set<string>()
  /** Hashes of what is no event, or one that we have under another signature. */
  readonly #bad: RecentSet<string>
  /** Hashes of events for which there was no room. */
  #full: RecentSet<string>
  #state: GroupState | undefined
  /** Nothing came since room was made: a flood of what is refused asks for it once. */
  #isThin = false

  /** `events` are what an earlier log held; `clock` is a monotonic one. Throws `messaging/bad-group-id`. */
  constructor(chatId: string, events: Iterable<SignedEvent> = [], clock?: Clock) {
    this.chatId = checkedGroupId(chatId)
    this.#clock = clock
    this.#bad = this.#hashes(Number.POSITIVE_INFINITY)
    this.#full = this.#hashes(fullLifetime)
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
    const hash = hashOf(raw)
    if (this.#taken.has(hash)) return 'known'
    if (this.#bad.has(hash) || this.#full.has(hash)) return 'refused before'
    const event = unsignedEvent(raw)
    // Before the signature: what is ahead of the time may come often until it is not.
    const wrong = event && clockFault(event.clock, now)
    if (wrong !== undefined) return wrong
    const verdict = this.#place(openEvent(this.chatId, raw))
    if (isNoRoom(verdict)) this.#full.add(hash)
    else if (verdict !== 'new') this.#bad.add(hash)
    return verdict
  }

  #place(signed: SignedEvent | undefined): 'new' | 'known' | 'not an event' | NoRoom {
    if (signed === undefined) return 'not an event'
    if (this.#events.has(signed.key)) return 'known'
    if (!this.#isThin && this.#lackOf(signed) !== undefined) this.#keepWhatCounts()
    const lack = this.#lackOf(signed)
    if (lack === undefined) this.add(signed)
    return lack ?? 'new'
  }

  /** Adds an event of our own. */
  add(signed: SignedEvent): void {
    this.#hold(signed)
    this.#isThin = false
    this.#state = undefined
    // Whoever is an admin by it may have been refused as another.
    if (makesAdmins.has(signed.event.type)) this.#full = this.#hashes(fullLifetime)
  }

  /** Which room there is not for an event. */
  #lackOf({ from, raw }: SignedEvent): NoRoom | undefined {
    const [events, bytes] = [this.#events.size, this.#bytes + raw.length]
    const isOver = (this.#countOf.get(from) ?? 0) >= maxAuthorEvents
    if (!isOver && events < maxEvents - adminEvents && bytes <= maxLogBytes - adminBytes) return undefined
    if (!this.state.admins.has(from)) return isOver ? 'author full' : 'log full'
    return events >= maxEvents || bytes > maxLogBytes ? 'log full' : undefined
  }

  #hold(signed: SignedEvent): void {
    if (this.#events.has(signed.key)) return
    this.#events.set(signed.key, signed)
    this.#taken.add(hashOf(signed.raw))
    this.#countOf.set(signed.from, (this.#countOf.get(signed.from) ?? 0) + 1)
    this.#bytes += signed.raw.length
  }

  /**
   * Drops what is not allowed and what was overtaken: without it the group is the same. Should an event come late that makes it
   * count after all, it comes again with the logs of others.
   */
  #keepWhatCounts(): void {
    const all = [...this.#events.values()]
    const kept = new Set(abridged(this.state))
    this.#events.clear()
    this.#countOf.clear()
    this.#taken.clear()
    this.#bytes = 0
    for (const signed of all)
      if (kept.has(signed)) this.#hold(signed)
      else this.#full.add(hashOf(signed.raw))
    this.#isThin = true
    this.#state = undefined
  }

  /** The clock of the next event. */
  nextClock(now: Milliseconds): bigint {
    return nextClock(this.state.events.at(-1)?.event.clock ?? 0n, now)
  }

  #hashes(lifetime: Milliseconds): RecentSet<string> {
    return new RecentSet({ lifetime, most: maxRefused, clock: this.#clock })
  }
}

const makesAdmins: ReadonlySet<number> = new Set([EventType.created, EventType.adminsAdded])

function isNoRoom(verdict: EventVerdict): verdict is NoRoom {
  return verdict === 'author full' || verdict === 'log full'
}

function hashOf(raw: Uint8Array): string {
  return digest('sha256', raw, 'hex')
}
