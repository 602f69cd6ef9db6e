/**
 * What stores hold from while this device was away, or did not get: asked for from where the last asking ended, with an
 * overlap, since envelopes come late and clocks differ. What was had before changes nothing.
 */
import { type Milliseconds, toNanoseconds } from '../../core/time.ts'
import type { Carried, Network, Topics } from '../network.ts'
import type { Listening } from '../transport/channels.ts'
import { Channels } from '../transport/channels.ts'
import type { Engine } from './engine.ts'

/** How far back is asked the first time: as long as a store of Status keeps messages. */
const furthest: Milliseconds = 30 * 24 * 60 * 60 * 1000

/** What is asked for once more. */
const overlap: Milliseconds = 10 * 60 * 1000

/** How far the clock of a sender may be ahead. */
const ahead: Milliseconds = 2 * 60 * 1000

export interface CatchUpParts {
  readonly engine: Engine
  readonly network: Network
  readonly take: (carried: Carried) => Promise<void>
}

export class CatchUp {
  readonly #parts: CatchUpParts
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(parts: CatchUpParts) {
    this.#parts = parts
  }

  /** On all channels, one asking at a time. Throws `messaging/no-network`. */
  all(): Promise<void> {
    this.#running ??= this.#all().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #all(): Promise<void> {
    await this.of(this.#parts.engine.channels.all)
  }

  /** On these channels. Throws `messaging/no-network`. */
  async of(listening: readonly Listening[]): Promise<void> {
    const { engine } = this.#parts
    const now = engine.clock()
    for (const [from, some] of await this.#byStart(listening, now)) {
      const channels = new Channels()
      for (const one of some) channels.add(one)
      for (const topics of channels.topics) await this.#ask(topics, from, now + ahead)
      if (this.#isStopped) return
      await engine.database.transaction(async (rows) => {
        for (const { channel } of some) rows.put(this.#row(channel.name), Buffer.from(String(Math.floor(now))))
      })
    }
  }

  #row(name: string): string {
    return `fetched/${this.#parts.engine.database.tag(name)}`
  }

  /** The channels by the time from which they are to be asked for. */
  async #byStart(listening: readonly Listening[], now: Milliseconds): Promise<Map<Milliseconds, Listening[]>> {
    const byStart = new Map<Milliseconds, Listening[]>()
    for (const one of listening) {
      const stored = await this.#parts.engine.database.get(this.#row(one.channel.name))
      const from = Math.max(now - furthest, stored === undefined ? 0 : Number(Buffer.from(stored)) - overlap)
      byStart.set(from, [...(byStart.get(from) ?? []), one])
    }
    return byStart
  }

  async #ask(topics: Topics, from: Milliseconds, to: Milliseconds): Promise<void> {
    for await (const carried of this.#parts.network.query(topics, toNanoseconds(from), toNanoseconds(to))) {
      if (this.#isStopped) return
      await this.#parts.take(carried)
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running?.catch(() => {})
  }
}
