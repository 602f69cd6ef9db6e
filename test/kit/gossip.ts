/** A gossip router whose time and chance the test has, among peers that it plays itself. */
import type { Envelope } from '../../src/core/envelope.ts'
import { accept, type Verdict } from '../../src/core/validator.ts'
import { frame } from '../../src/net/frames.ts'
import type { Rank } from '../../src/net/links/outgoing.ts'
import { frameOf, type Said } from '../../src/protocols/relay/gossip/frames-out.ts'
import { MessageParts, newFrame } from '../../src/protocols/relay/gossip/message-frame.ts'
import type { Peer, Port } from '../../src/protocols/relay/gossip/peer.ts'
import { GossipRouter } from '../../src/protocols/relay/gossip/router.ts'
import { readRpc } from '../../src/protocols/relay/gossip/rpc.ts'
import type { RouterOptions } from '../../src/protocols/relay/params.ts'
import type { GossipMessage } from '../../src/protocols/relay/router.ts'
import { ManualSchedule } from './schedule.ts'

export const topicA = '/waku/2/rs/0/0'
export const topicB = '/waku/2/rs/0/1'

/** What was said to a peer, in order. */
export interface Heard extends Said {
  /** The data of messages. */
  readonly messages?: readonly Buffer[]
}

export interface PlayedOptions {
  readonly protocol?: string
  readonly dialled?: boolean
  readonly ip?: string
  /** Whether the stream to it is open from the start. */
  readonly open?: boolean
  /** What it follows from the start. */
  readonly follows?: readonly string[]
}

/** A peer that the test plays: what the router sends it is kept, and the test says what it sends. */
export class Played {
  readonly port: Port & { protocol: string | undefined }
  readonly peer: Peer
  readonly #router: GossipRouter
  readonly #protocol: string
  #frames: Uint8Array[] = []

  constructor(router: GossipRouter, id: string, options: PlayedOptions) {
    const { protocol = '/meshsub/1.1.0', dialled = false, ip = '127.0.0.1', follows = [topicA], open = true } = options
    this.#router = router
    this.#protocol = protocol
    this.port = {
      peer: id,
      dialled,
      ip,
      protocol: undefined,
      send: (frame: Uint8Array, _rank: Rank) => void this.#frames.push(frame),
    }
    this.peer = router.add(this.port)
    if (open) this.opens()
    if (follows.length > 0) this.says({ subscriptions: follows.map((topic) => ({ topic, subscribe: true })) })
  }

  get id(): string {
    return this.port.peer
  }

  get score(): number {
    return this.#router.score(this.id)
  }

  /** The stream to it is open. */
  opens(): void {
    this.port.protocol = this.#protocol
    const greeting = this.#router.opened(this.peer)
    if (greeting !== undefined) this.#frames.push(greeting)
  }

  /** The stream to it breaks, with what was sent since it was heard last. */
  breaks(): void {
    this.port.protocol = undefined
    this.#frames = []
  }

  says(said: Said): void {
    this.sendsFrame(frameOf(said))
  }

  sends(data: Uint8Array, topic = topicA): void {
    this.sendsFrame(newFrame(Buffer.from(topic), data).frame)
  }

  /** A frame around any body. */
  sendsBody(body: Uint8Array): void {
    this.sendsFrame(frame(body))
  }

  sendsFrame(framed: Uint8Array): void {
    this.#router.take(this.peer, framed, 0, prefixBytes(framed), framed.length)
  }

  leaves(): void {
    this.#router.remove(this.peer)
  }

  /** What was sent to it since this was asked last. */
  heard(): Required<Heard> {
    const heard = this.#frames.map(read)
    this.#frames = []
    return {
      messages: heard.flatMap(({ messages }) => messages),
      subscriptions: heard.flatMap(({ subscriptions }) => subscriptions),
      ihave: heard.flatMap(({ ihave }) => ihave),
      iwant: heard.flatMap(({ iwant }) => iwant),
      graft: heard.flatMap(({ graft }) => graft),
      prune: heard.flatMap(({ prune }) => prune),
      idontwant: heard.flatMap(({ idontwant }) => idontwant),
    }
  }

  /** The frames themselves, and forgets them. */
  frames(): readonly Uint8Array[] {
    const frames = this.#frames
    this.#frames = []
    return frames
  }
}

function prefixBytes(framed: Uint8Array): number {
  return framed.findIndex((byte) => byte < 0x80) + 1
}

function read(framed: Uint8Array): Required<Heard> {
  const { publish, subscriptions = [], control } = readRpc(framed, prefixBytes(framed), framed.length)
  const none = { ihave: [], iwant: [], graft: [], prune: [], idontwant: [] }
  const messages: Buffer[] = []
  for (let index = 0; index < publish.length; index += 2) {
    const parts = new MessageParts()
    parts.read(framed, publish[index] ?? 0, publish[index + 1] ?? 0)
    messages.push(Buffer.from(framed.subarray(parts.dataFrom, parts.dataTo)))
  }
  return { ...none, ...control, subscriptions, messages }
}

export interface StageOptions extends Partial<RouterOptions> {
  readonly judge?: (message: GossipMessage) => Verdict | Promise<Verdict>
  readonly random?: () => number
}

/** A router on which nothing happens but what the test does. */
export class Stage {
  readonly router: GossipRouter
  /** What was delivered: data and who sent it. */
  readonly delivered: { readonly data: Buffer; readonly from: string }[] = []
  readonly forwarded: number[] = []
  /** Messages before they were judged, with their bytes. */
  readonly seen: { readonly topic: string; readonly bytes: number }[] = []
  readonly dropped: string[] = []
  now = 1000
  readonly #schedule = new ManualSchedule()

  constructor({ judge = () => accept, random = Math.random, ...options }: StageOptions = {}) {
    this.router = new GossipRouter(
      {
        topics: [topicA, topicB],
        maxMessageBytes: 150 * 1024,
        colocationLimit: 5,
        sharedAddress: (ip) => ip.startsWith('127.'),
        onMessage: (topic, bytes) => this.seen.push({ topic, bytes }),
        onDrop: (why) => this.dropped.push(why),
        ...options,
      },
      { clock: () => this.now, schedule: this.#schedule.schedule, random },
    )
    this.router.attend({
      judge,
      deliver: ({ data }: { data: Uint8Array; envelope?: Envelope | undefined }, from) =>
        this.delivered.push({ data: Buffer.from(data), from }),
      forwarded: (_message, peers) => this.forwarded.push(peers),
    })
    this.router.begin()
  }

  peer(id: string, options: PlayedOptions = {}): Played {
    return new Played(this.router, id, options)
  }

  peers(count: number, options: PlayedOptions = {}, name = 'peer'): Played[] {
    return Array.from({ length: count }, (_, index) => this.peer(`${name}-${index}`, options))
  }

  /** A second passes, and its heartbeat. */
  beat(count = 1): void {
    for (let beat = 0; beat < count; beat += 1) {
      this.now += 1000
      this.#schedule.due[0]?.run()
    }
  }

  /** Time passes in which no heartbeat comes. */
  wait(milliseconds: number): void {
    this.now += milliseconds
  }
}
