/**
 * The way out of a session: whose turn it is when the connection takes no more at once. One frame of each stream that
 * waits, and round again, so that a stream with much to send keeps none of the others waiting for longer than a frame.
 */
import type { MessageStream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/** One that waits for its turn. */
export interface Sender {
  /** Sends one frame; true when there is more that may be sent. */
  sendFrame(): boolean
}

export class Outlet {
  readonly #connection: Pick<MessageStream, 'send'>
  /** In the order of their turns. */
  readonly #waiting = new Set<Sender>()
  #full = false
  /** Waiting writers are being told of the room there is: it is for all of them. */
  #telling = false

  constructor(connection: Pick<MessageStream, 'send'>) {
    this.#connection = connection
  }

  /** True when the connection takes no more for now. What is written all the same waits in its memory. */
  get full(): boolean {
    return this.#full
  }

  /** True when a frame may be written out of turn. */
  get idle(): boolean {
    return !this.#full && !this.#telling && this.#waiting.size === 0
  }

  /** False when the connection takes no more for now. One that is closing takes nothing, and says so to all when it is closed. */
  write(frame: Uint8Array | Uint8ArrayList): boolean {
    try {
      if (!this.#connection.send(frame)) this.#full = true
    } catch {
      this.#full = true
    }
    return !this.#full
  }

  /** Has `sender` send as soon as there is room and it is its turn. */
  enqueue(sender: Sender): void {
    this.#waiting.add(sender)
    this.#takeTurns()
  }

  leave(sender: Sender): void {
    this.#waiting.delete(sender)
  }

  /** The connection takes more. `tell` has everybody write what there is to say; then they take turns. */
  drained(tell: () => void): void {
    this.#full = false
    this.#telling = true
    tell()
    this.#telling = false
    this.#takeTurns()
  }

  #takeTurns(): void {
    if (this.#full || this.#telling) return
    // A set goes on to what is added while it is gone through: the one that had its turn comes last.
    for (const sender of this.#waiting) {
      this.#waiting.delete(sender)
      if (sender.sendFrame()) this.#waiting.add(sender)
      if (this.#full) return
    }
  }
}
