/**
 * A part of the node that cannot be opened now and then, since what it needs is somebody else's: the node runs without
 * it, says so in health, and opens it when that is free (one service that fails never takes the node down).
 */
import { messageOf } from '../core/errors.ts'
import { type Milliseconds, type Schedule, systemSchedule } from '../core/time.ts'
import { backoff } from '../net/backoff.ts'
import type { Log } from '../telemetry/log.ts'

/** Waits after an attempt in vain. */
const waits: { readonly first: Milliseconds; readonly most: Milliseconds } = { first: 2000, most: 60_000 }

export interface RetriedParts<Part extends AsyncDisposable> {
  readonly open: () => Promise<Part>
  /** Told of the first failure, once. */
  readonly failed: () => void
  readonly log: Log
  readonly schedule?: Schedule
}

export class Retried<Part extends AsyncDisposable> implements AsyncDisposable {
  readonly #parts: RetriedParts<Part>
  #part: Part | undefined
  #trouble: string | undefined
  #failures = 0
  #isStopped = false
  #cancel = () => {}
  #opening: Promise<void> = Promise.resolve()

  private constructor(parts: RetriedParts<Part>) {
    this.#parts = parts
  }

  /** Open, or with a trouble and to be opened later. */
  static async open<Part extends AsyncDisposable>(parts: RetriedParts<Part>): Promise<Retried<Part>> {
    const retried = new Retried(parts)
    retried.#try()
    await retried.#opening
    return retried
  }

  get part(): Part | undefined {
    return this.#part
  }

  /** Why it is not open. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    await this.#opening
    await this.#part?.[Symbol.asyncDispose]()
  }

  #try(): void {
    const { open } = this.#parts
    this.#opening = open().then(
      (part) => {
        this.#part = part
        this.#trouble = undefined
      },
      (error: unknown) => this.#failed(messageOf(error)),
    )
  }

  #failed(reason: string): void {
    const { failed, log, schedule = systemSchedule } = this.#parts
    this.#trouble = reason
    if (this.#failures === 0) {
      failed()
      log.warn({ reason }, 'not open, will be tried again')
    }
    this.#failures += 1
    if (!this.#isStopped) this.#cancel = schedule(() => this.#try(), backoff(this.#failures - 1, waits))
  }
}
