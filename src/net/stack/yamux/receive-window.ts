/**
 * What the peer may send on one stream. What it may still send, what it has announced and what nobody has taken yet are
 * never more together than the window: that bounds what a stream holds in memory.
 *
 * A stream whose reader takes all at once gets twice the window after each window's worth, up to the largest; one that
 * is paused begins at the first window again. No round trip is measured: a peer that answers pings late would look as if
 * it were far away, and get the largest window with that.
 */
import { firstWindow } from './frame.ts'

export class ReceiveWindow {
  readonly #largest: number
  #size = firstWindow
  /** Bytes that the peer may still announce. */
  #granted = firstWindow
  /** Bytes that it has announced, and that nobody has taken. */
  #untaken = 0
  /** Bytes taken since the window grew, or the reader paused. */
  #taken = 0

  /** `largest`: bytes, at least the first window, which is the specification's. */
  constructor(largest: number) {
    this.#largest = Math.max(largest, firstWindow)
  }

  /** Counts a data frame by its header; false when it is longer than what was granted. */
  announce(length: number): boolean {
    if (length > this.#granted) return false
    this.#granted -= length
    this.#untaken += length
    return true
  }

  /** The reader has taken `length` bytes, or nobody ever will. */
  take(length: number): void {
    this.#untaken -= length
    this.#taken += length
    if (this.#taken < this.#size || this.#size === this.#largest) return
    this.#size = Math.min(this.#size * 2, this.#largest)
    this.#taken = 0
  }

  /** The reader has put back what it took. */
  putBack(length: number): void {
    this.#untaken += length
  }

  /** The reader does not keep up. */
  pause(): void {
    this.#size = firstWindow
    this.#taken = 0
  }

  /** Bytes to grant now: none until half of the window is used. They count as granted. */
  grant(): number {
    const due = this.#size - this.#granted - this.#untaken
    if (due < this.#size / 2) return 0
    this.#granted += due
    return due
  }
}
