/**
 * Light push for REST. A node that relays publishes itself, unless a service node is named; one that does not asks a
 * service node.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { decodeMessage, withTimestamp } from '../core/message.ts'
import type { Published, Publisher } from '../core/publisher.ts'
import { type Clock, toNanoseconds } from '../core/time.ts'
import { judgeSize } from '../core/validator.ts'
import { type Pushed, push } from '../protocols/lightpush/client.ts'
import type { LightPushService, ServiceNodeAnswer } from '../rest/routes/lightpush.ts'
import type { AskOptions, ServicePeers } from './service-peers.ts'

/** Publishes by this node's own relay. */
export class OwnLightPush implements LightPushService {
  readonly #publisher: Publisher

  constructor(publisher: Publisher) {
    this.#publisher = publisher
  }

  publish(message: Uint8Array, pubsubTopic: string | undefined): Promise<Published> {
    return this.#publisher.publish(message, pubsubTopic, 'rest')
  }
}

export interface RemoteLightPushParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol'>
  readonly peers: ServicePeers
  readonly maxMessageBytes: number
  readonly clock: Clock
}

/** Publishes through a service node. */
export class RemoteLightPush implements LightPushService {
  readonly #parts: RemoteLightPushParts

  constructor(parts: RemoteLightPushParts) {
    this.#parts = parts
  }

  async publish(message: Uint8Array, pubsubTopic: string | undefined): Promise<Published | ServiceNodeAnswer> {
    const { libp2p, peers, maxMessageBytes } = this.#parts
    const stamped = this.#stamped(message)
    const size = judgeSize(stamped.length, maxMessageBytes)
    if (size.result !== 'accept') return { outcome: 'too-large', reason: size.reason }
    const ask = (peer: PeerId, options: AskOptions) => push(libp2p, peer, stamped, pubsubTopic, options)
    return answerOf(await peers.ask('lightpush', ask, { good: isFinal }))
  }

  /** As a publisher of our own does: a message without a time gets one. */
  #stamped(message: Uint8Array): Uint8Array {
    return decodeMessage(message).timestamp ? message : withTimestamp(message, toNanoseconds(this.#parts.clock()))
  }
}

/** False: that node has no peers, is busy or failed; another may publish. */
function isFinal(pushed: Pushed): boolean {
  return pushed.outcome === 'relayed' || (pushed.status !== 429 && pushed.status < 500)
}

/** A node of version 2 does not tell how many peers it reached; it was one at least. */
function answerOf(pushed: Pushed): ServiceNodeAnswer {
  if (pushed.outcome === 'relayed') return { outcome: 'answered', status: 200, peers: pushed.peers ?? 1 }
  return { outcome: 'answered', status: pushed.status, reason: pushed.reason }
}
