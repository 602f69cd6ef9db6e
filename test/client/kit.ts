/** Clients for tests, and what they are told. */
import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import { type ClientNetwork, type ClientOptions, connect } from '../../src/client/client.ts'
import type { Carried, Network, NetworkEvents } from '../../src/messaging/network.ts'
import { messageBytes } from '../kit/messages.ts'
import { testNetwork } from '../kit/sdk.ts'

export const pubsubTopic = `/waku/2/rs/${testNetwork.clusterId}/0`

/** A client of the test network, gone with the test. */
export async function clientOf(
  t: Test,
  nodes: readonly string[],
  options: Partial<ClientOptions> = {},
): Promise<ClientNetwork> {
  const client = await connect({ nodes, clusterId: testNetwork.clusterId, ...options })
  t.teardown(() => client[Symbol.asyncDispose]())
  return client
}

/** An encoded message with this text. */
export function textMessage(text: string, contentTopic: string): Uint8Array {
  return messageBytes({ payload: Buffer.from(text), contentTopic })
}

export function textOf({ message }: Carried): string {
  return Buffer.from(message.payload).toString()
}

/** All that a query brings. */
export async function all(query: AsyncIterable<Carried>): Promise<Carried[]> {
  const found: Carried[] = []
  for await (const carried of query) found.push(carried)
  return found
}

/** Publishes until a node takes it: a node that has just started has nobody to relay to yet. */
export async function published(client: Network, bytes: Uint8Array, topic = pubsubTopic): Promise<void> {
  for (;;) {
    try {
      return await client.publish(topic, bytes)
    } catch {
      await setTimeout(100)
    }
  }
}

/** What a client is told, in the order in which it comes. */
export class Told implements NetworkEvents {
  readonly messages: Carried[] = []
  /** How often it was told to be online. */
  times = 0
  readonly #waiting = new Set<() => void>()

  message(carried: Carried): void {
    this.messages.push(carried)
    this.#wake()
  }

  online(): void {
    this.times += 1
    this.#wake()
  }

  get texts(): string[] {
    return this.messages.map(textOf)
  }

  /** Settles when `holds` is true. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look()
  }
}
