/** A network that loses, repeats, delays and forgets, between a device and the real one. */
import { createHash } from 'node:crypto'
import type { Nanoseconds } from '../../src/core/time.ts'
import type { Carried, Network, NetworkEvents, Topics } from '../../src/messaging/network.ts'

/** What it does to messages, and how often, from 0 to 1. */
const chances = {
  /** A message that is pushed does not come. */
  lost: 0.1,
  /** A message that is pushed comes twice. */
  repeated: 0.2,
  /** A message that is pushed comes after others. */
  late: 0.5,
  /** A message is not in the store, whoever asks how often. */
  gap: 0.1,
  /** A message was taken, and is said not to have been. */
  unconfirmed: 0.1,
} as const

export type Trouble = keyof typeof chances

export const troubles = Object.keys(chances) as Trouble[]

/** Milliseconds by which a message is late at the most. */
const latest = 1500

export interface DisorderParts {
  readonly network: Network
  /** Told of each that it makes. */
  readonly made: (trouble: Trouble) => void
  /** What it throws when it says that nobody took a message. */
  readonly refusal: () => Error
}

export class Disorder implements Network {
  readonly #parts: DisorderParts
  /** Gaps in the store stay. */
  isCalm = false

  constructor(parts: DisorderParts) {
    this.#parts = parts
  }

  #happens(trouble: Trouble): boolean {
    return !this.isCalm && this.#made(trouble, Math.random())
  }

  #made(trouble: Trouble, chance: number): boolean {
    const isMade = chance < chances[trouble]
    if (isMade) this.#parts.made(trouble)
    return isMade
  }

  listen(events: NetworkEvents): void {
    const hand = (carried: Carried): void => {
      if (this.#happens('late')) setTimeout(() => events.message(carried), Math.random() * latest)
      else events.message(carried)
    }
    const message = (carried: Carried): void => {
      if (this.#happens('lost')) return
      hand(carried)
      if (this.#happens('repeated')) hand(carried)
    }
    this.#parts.network.listen({ message, online: () => events.online() })
  }

  follow(topics: readonly Topics[]): void {
    this.#parts.network.follow(topics)
  }

  async publish(pubsubTopic: string, encoded: Uint8Array): Promise<void> {
    await this.#parts.network.publish(pubsubTopic, encoded)
    if (this.#happens('unconfirmed')) throw this.#parts.refusal()
  }

  async *query(topics: Topics, from: Nanoseconds, to: Nanoseconds): AsyncGenerator<Carried> {
    for await (const carried of this.#parts.network.query(topics, from, to))
      if (!this.#made('gap', numberOf(carried))) yield carried
  }
}

/** From 0 up to 1, the same for a message each time. */
function numberOf({ message }: Carried): number {
  return createHash('sha256').update(message.payload).digest().readUInt32BE() / 2 ** 32
}
