/**
 * The places of cursors that this node gave out. A client comes back with one at once, and mostly to the same node; looking
 * for a hash takes a look into each partition from the newest on. A hash covers its timestamp, so a place is never wrong.
 */
import type { MessageHash } from '../../core/hash.ts'
import type { Clock, Milliseconds } from '../../core/time.ts'
import { cursorGrace, type Place } from '../backend.ts'

/** Some 250 bytes each. */
const maxCursors = 10_000

export class Cursors {
  readonly #clock: Clock
  /** The oldest first. */
  readonly #given = new Map<MessageHash, { readonly place: Place; readonly at: Milliseconds }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  give(place: Place): void {
    this.#given.delete(place.hash)
    this.#given.set(place.hash, { place, at: this.#clock() })
    if (this.#given.size <= maxCursors) return
    const [oldest] = this.#given.keys()
    if (oldest !== undefined) this.#given.delete(oldest)
  }

  /** For as long as the place of a deleted message counts. */
  placeOf(hash: MessageHash): Place | undefined {
    const given = this.#given.get(hash)
    return given !== undefined && this.#clock() - given.at < cursorGrace ? given.place : undefined
  }

  clear(): void {
    this.#given.clear()
  }
}
