/**
 * Group commit: messages that come within a few milliseconds are written and synced to disk together, and acknowledged
 * together. One sync costs as much as hundreds of messages.
 */
import type { Envelope } from '../core/envelope.ts'
import type { MessageHash } from '../core/hash.ts'
import type { Milliseconds } from '../core/time.ts'

/** Bounds of one group and of all that wait. */
export interface CommitLimits {
  /** How long the first message of a group waits for others. */
  readonly gather: Milliseconds
  readonly groupMessages: number
  readonly groupBytes: number
  readonly pendingMessages: number
  readonly pendingBytes: number
}

/** 5 ms is half of what a publisher notices; 16 MiB waiting is what a slow disk may cost in memory. */
export const defaultCommitLimits: CommitLimits = {
  gather: 5,
  groupMessages: 500,
  groupBytes: 1024 * 1024,
  pendingMessages: 10_000,
  pendingBytes: 16 * 1024 * 1024,
}

interface Group {
  readonly envelopes: Envelope[]
  bytes: number
  readonly since: Milliseconds
  readonly full: PromiseWithResolvers<void>
  readonly done: PromiseWithResolvers<void>
}

/** Writes a group: resolves when it is on disk. `since` is when its first message came, by `performance.now`. */
export type WriteGroup = (envelopes: readonly Envelope[], since: Milliseconds) => Promise<void>

export class GroupCommit {
  readonly #write: WriteGroup
  readonly #limits: CommitLimits
  readonly #groups: Group[] = []
  readonly #pending = new Map<MessageHash, Promise<void>>()
  #bytes = 0
  #running: Promise<void> | undefined

  constructor(write: WriteGroup, limits: CommitLimits = defaultCommitLimits) {
    this.#write = write
    this.#limits = limits
  }

  /** Messages that wait, or are being written. */
  get waiting(): number {
    return this.#pending.size
  }

  /**
   * Puts `envelope` into the next group. The promise is of its commit, and safe to ignore; a message that waits already
   * is not written twice. Undefined when too much waits.
   */
  add(envelope: Envelope): Promise<void> | undefined {
    const pending = this.#pending.get(envelope.hash)
    if (pending !== undefined) return pending
    if (this.#pending.size >= this.#limits.pendingMessages) return undefined
    if (this.#pending.size > 0 && this.#bytes + envelope.bytes.length > this.#limits.pendingBytes) return undefined
    return this.#append(envelope)
  }

  /** Resolves when nothing waits any more, whatever became of it. */
  async flush(): Promise<void> {
    this.#groups.at(-1)?.full.resolve()
    await this.#running
  }

  #append(envelope: Envelope): Promise<void> {
    const group = this.#openGroup()
    group.envelopes.push(envelope)
    group.bytes += envelope.bytes.length
    this.#bytes += envelope.bytes.length
    this.#pending.set(envelope.hash, group.done.promise)
    if (this.#isFull(group)) group.full.resolve()
    this.#running ??= this.#run()
    return group.done.promise
  }

  #openGroup(): Group {
    const last = this.#groups.at(-1)
    if (last !== undefined && !this.#isFull(last)) return last
    const group: Group = {
      envelopes: [],
      bytes: 0,
      since: performance.now(),
      full: Promise.withResolvers(),
      done: Promise.withResolvers(),
    }
    // Gossip does not look at the outcome.
    group.done.promise.catch(() => {})
    this.#groups.push(group)
    return group
  }

  #isFull({ envelopes, bytes }: Group): boolean {
    return envelopes.length >= this.#limits.groupMessages || bytes >= this.#limits.groupBytes
  }

  /** Commits group after group; while one is synced the next is prepared. */
  async #run(): Promise<void> {
    let previous: Promise<void> | undefined
    for (;;) {
      const group = this.#groups[0]
      if (group === undefined && previous === undefined) break
      if (group !== undefined) await this.#gathered(group)
      const current = this.#groups.shift()
      const committed = current && this.#commit(current)
      await previous
      previous = committed
    }
    this.#running = undefined
  }

  /** Resolves when the group is full or its first message has waited long enough. */
  async #gathered({ since, full }: Group): Promise<void> {
    const timer = setTimeout(full.resolve, Math.max(0, since + this.#limits.gather - performance.now()))
    await full.promise
    clearTimeout(timer)
  }

  async #commit({ envelopes, bytes, since, done }: Group): Promise<void> {
    try {
      await this.#write(envelopes, since)
      done.resolve()
    } catch (error) {
      done.reject(error)
    } finally {
      for (const { hash } of envelopes) this.#pending.delete(hash)
      this.#bytes -= bytes
    }
  }
}
