/** The network of a command, which has to know whether what it said was taken: the library tries again later, a command ends. */
import { WaypostError } from '../../core/errors.ts'
import type { Nanoseconds } from '../../core/time.ts'
import type { Carried, Network, NetworkEvents, Topics } from '../../messaging/network.ts'

export class WatchedNetwork implements Network {
  readonly #network: Network
  readonly #online = Promise.withResolvers<void>()
  #refusal: unknown

  constructor(network: Network) {
    this.#network = network
  }

  /** Resolves when a node is reached and has been asked to push what is followed. */
  get online(): Promise<void> {
    return this.#online.promise
  }

  /** Throws what the last message met, where no node took it. */
  throwIfRefused(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  listen(events: NetworkEvents): void {
    const online = (): void => {
      events.online()
      this.#online.resolve()
    }
    this.#network.listen({ message: (carried) => events.message(carried), online })
  }

  follow(topics: readonly Topics[]): void {
    this.#network.follow(topics)
  }

  async publish(pubsubTopic: string, encoded: Uint8Array): Promise<void> {
    try {
      await this.#network.publish(pubsubTopic, encoded)
      this.#refusal = undefined
    } catch (error) {
      this.#refusal = error
      throw error
    }
  }

  query(topics: Topics, from: Nanoseconds, to: Nanoseconds): AsyncIterable<Carried> {
    return this.#network.query(topics, from, to)
  }
}

/** For commands that look at what is on disk. */
export const nobody: Network = {
  listen: () => {},
  follow: () => {},
  publish: async () => {
    throw alone()
  },
  // biome-ignore lint/correctness/useYield: there is nobody to ask.
  async *query() {
    throw alone()
  },
}

function alone(): WaypostError {
  return new WaypostError('messaging/no-network', { why: 'this command asks no node' })
}
