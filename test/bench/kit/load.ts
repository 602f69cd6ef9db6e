/**
 * Sends messages through something and follows each until all its copies have come back, in this process: so a time is
 * of one clock, and what is missing is known.
 */
import { randomBytes } from 'node:crypto'

/** How long nothing may come back before what is out counts as lost. */
const patience = 5000

export interface LoadOptions {
  /** Hands one payload to whoever publishes it. */
  readonly send: (payload: Uint8Array) => void
  readonly payloadBytes: number
  /** How many copies of each message come back. */
  readonly copies: number
}

/** How long a run lasts: whichever comes first. */
export interface Extent {
  readonly messages?: number
  readonly milliseconds: number
}

/** What one run of a load was. Times in ms from `send` to each copy. */
export interface Outcome {
  readonly messages: number
  readonly seconds: number
  readonly times: readonly number[]
  /** Copies that never came, and copies too many. */
  readonly lost: number
  readonly repeated: number
}

export class Load {
  readonly #options: LoadOptions
  readonly #noise: Uint8Array
  /** Copies still to come, by the number of the message. */
  readonly #out = new Map<number, number>()
  #number = 0
  #run = newRun(() => {})

  constructor(options: LoadOptions) {
    this.#options = options
    this.#noise = randomBytes(options.payloadBytes)
  }

  /** When a payload was sent, by `performance.now` of this process. */
  static sentAt(payload: Uint8Array): number {
    return new DataView(payload.buffer, payload.byteOffset).getFloat64(4)
  }

  /** To be called with the payload of each copy that comes back. */
  received(payload: Uint8Array): void {
    const head = new DataView(payload.buffer, payload.byteOffset)
    const number = head.getUint32(0)
    const missing = this.#out.get(number)
    if (missing === undefined) {
      this.#run.repeated += 1
      return
    }
    this.#run.lastBack = performance.now()
    this.#run.times.push(this.#run.lastBack - Load.sentAt(payload))
    if (missing > 1) this.#out.set(number, missing - 1)
    else this.#back(number)
  }

  /** Keeps `window` messages under way: all that passes, and nothing piles up. Ends at `messages` or `milliseconds`. */
  saturate(window: number, { messages = Number.POSITIVE_INFINITY, milliseconds }: Extent): Promise<Outcome> {
    const end = performance.now() + milliseconds
    const outcome = this.#begin(() => {
      if (this.#run.sent < messages && performance.now() < end) this.#send()
      else this.#run.sending = false
    })
    for (let under = 0; under < window; under += 1) this.#send()
    return outcome
  }

  /** Sends `perSecond` for `milliseconds`, whatever comes back. */
  pace(perSecond: number, milliseconds: number): Promise<Outcome> {
    const outcome = this.#begin(() => {})
    const { started } = this.#run
    const tick = setInterval(() => {
      const elapsed = Math.min(milliseconds, performance.now() - started)
      const due = (elapsed / 1000) * perSecond
      while (this.#run.sent < due) this.#send()
      if (elapsed < milliseconds) return
      clearInterval(tick)
      this.#run.sending = false
      this.#endWhenAllAreBack()
    }, 1)
    return outcome
  }

  async #begin(onBack: () => void): Promise<Outcome> {
    const run = newRun(onBack)
    this.#run = run
    const watch = setInterval(() => performance.now() - run.lastBack > patience && run.end.resolve(), patience / 10)
    await run.end.promise
    clearInterval(watch)
    const lost = [...this.#out.values()].reduce((sum, copies) => sum + copies, 0)
    this.#out.clear()
    const { sent: messages, times, repeated } = run
    return { messages, seconds: (run.lastBack - run.started) / 1000, times, lost, repeated }
  }

  #send(): void {
    const { send, copies } = this.#options
    const payload = Buffer.from(this.#noise)
    payload.writeUInt32BE(this.#number, 0)
    payload.writeDoubleBE(performance.now(), 4)
    this.#out.set(this.#number, copies)
    this.#number += 1
    this.#run.sent += 1
    send(payload)
  }

  #back(number: number): void {
    this.#out.delete(number)
    this.#run.onBack()
    this.#endWhenAllAreBack()
  }

  #endWhenAllAreBack(): void {
    if (!this.#run.sending && this.#out.size === 0) this.#run.end.resolve()
  }
}

/** One run, as it goes. `onBack` is called when all copies of a message are back. */
function newRun(onBack: () => void) {
  const now = performance.now()
  return {
    onBack,
    sending: true,
    started: now,
    lastBack: now,
    sent: 0,
    repeated: 0,
    times: [] as number[],
    end: Promise.withResolvers<void>(),
  }
}
