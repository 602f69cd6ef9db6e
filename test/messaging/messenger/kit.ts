/** People on devices, and a network between them that a test can turn off, and that keeps what it carried as a store does. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { WaypostError } from '../../../src/core/errors.ts'
import { decodeMessage } from '../../../src/core/message.ts'
import type { Nanoseconds } from '../../../src/core/time.ts'
import type { Message } from '../../../src/messaging/chats/message.ts'
import { type Messenger, type OpenOptions, open } from '../../../src/messaging/messenger/messenger.ts'
import type { Carried, Network, NetworkEvents, Topics } from '../../../src/messaging/network.ts'
import { until } from '../../kit/until.ts'

/** What scrypt takes in tests. */
export const lightCost = { N: 2, r: 1, p: 1 } as const

/** Hands every message to all who follow its topic, and keeps it. */
export class TestNetwork {
  readonly carried: Carried[] = []
  readonly #ends = new Set<End>()

  end(): End {
    const end = new End(this)
    this.#ends.add(end)
    return end
  }

  drop(end: End): void {
    this.#ends.delete(end)
  }

  carry(pubsubTopic: string, encoded: Uint8Array): void {
    const carried = { pubsubTopic, message: decodeMessage(encoded) }
    this.carried.push(carried)
    for (const end of this.#ends) end.receive(carried)
  }
}

/** Where one device is plugged in. */
export class End implements Network {
  readonly #network: TestNetwork
  #events: NetworkEvents | undefined
  #topics = new Set<string>()
  isOnline = true

  constructor(network: TestNetwork) {
    this.#network = network
  }

  listen(events: NetworkEvents): void {
    this.#events = events
    if (this.isOnline) setImmediate(() => events.online())
  }

  follow(topics: readonly Topics[]): void {
    this.#topics = new Set(topics.flatMap((one) => one.contentTopics.map((topic) => one.pubsubTopic + topic)))
  }

  receive(carried: Carried): void {
    const isFollowed = this.#topics.has(carried.pubsubTopic + carried.message.contentTopic)
    if (this.isOnline && isFollowed) this.#events?.message(carried)
  }

  turn(isOnline: boolean): void {
    this.isOnline = isOnline
    if (isOnline) this.#events?.online()
  }

  async publish(pubsubTopic: string, encoded: Uint8Array): Promise<void> {
    if (!this.isOnline) throw new WaypostError('messaging/no-network', { why: 'it is off' })
    this.#network.carry(pubsubTopic, encoded)
  }

  async *query({ pubsubTopic, contentTopics }: Topics, from: Nanoseconds, to: Nanoseconds): AsyncGenerator<Carried> {
    if (!this.isOnline) throw new WaypostError('messaging/no-network', { why: 'it is off' })
    for (const one of [...this.#network.carried]) {
      const { timestamp = 0n, contentTopic } = one.message
      if (one.pubsubTopic !== pubsubTopic || !contentTopics.includes(contentTopic)) continue
      if (timestamp >= from && timestamp <= to) yield one
    }
  }
}

/** A device: its messenger, and what it heard. */
export class Device {
  readonly folder: string
  readonly end: End
  readonly heard: Message[] = []
  readonly #options: Partial<OpenOptions>
  #messenger: Messenger | undefined
  #listening: Promise<void> = Promise.resolve()

  constructor(folder: string, end: End, options: Partial<OpenOptions>) {
    this.folder = folder
    this.end = end
    this.#options = options
  }

  get me(): Messenger {
    if (this.#messenger === undefined) throw new Error('the device is off')
    return this.#messenger
  }

  async start(): Promise<void> {
    const { folder, end } = this
    this.#messenger = await open({ folder, password: 'secret', network: end, cost: lightCost, ...this.#options })
    this.#listening = this.#listen(this.#messenger)
  }

  async #listen(messenger: Messenger): Promise<void> {
    for await (const message of messenger.messages()) this.heard.push(message)
  }

  async stop(): Promise<void> {
    await this.#messenger?.[Symbol.asyncDispose]()
    await this.#listening
    this.#messenger = undefined
  }

  /** Texts heard in a chat. */
  texts(chat?: string): string[] {
    return this.heard.filter((one) => chat === undefined || one.chat === chat).map(({ text }) => text)
  }
}

export async function device(t: Test, network: TestNetwork, options: Partial<OpenOptions> = {}): Promise<Device> {
  const folder = await mkdtemp(path.join(tmpdir(), 'waypost-messenger-'))
  const made = new Device(folder, network.end(), options)
  t.teardown(async () => {
    await made.stop()
    await rm(folder, { recursive: true, force: true })
  })
  await made.start()
  return made
}

/** Makes two people contacts. */
export async function befriend(one: Device, other: Device): Promise<void> {
  await one.me.requestContact(other.me.id, 'it is me')
  await until(async () => (await other.me.contacts()).some(({ id, state }) => id === one.me.id && state === 'asks us'))
  await other.me.acceptContact(one.me.id)
  await until(async () => (await one.me.contacts()).some(({ id, state }) => id === other.me.id && state === 'contact'))
}
