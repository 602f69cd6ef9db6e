/**
 * Filter as a client: subscribes at service nodes and takes what they push. A push from a peer without a subscription
 * resets its stream. One that does not match what we subscribed to is passed over, since it may have been on its way
 * while we unsubscribed, and the next on the same stream is wanted.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { type Envelope, openEnvelope } from '../../core/envelope.ts'
import { WaypostError } from '../../core/errors.ts'
import { type RequestOptions, request } from '../../net/exchange.ts'
import { receivePushes } from '../../net/receive-pushes.ts'
import type { Log } from '../../telemetry/log.ts'
import { answersRequest, newRequestId } from '../request-id.ts'
import {
  decodeFilterResponse,
  decodeMessagePush,
  encodeFilterRequest,
  type FilterRequest,
  filterPushProtocol,
  filterSubscribeProtocol,
} from './codec.ts'
import { filterAnswerLimits, filterReceiveLimits } from './limits.ts'
import { Subscriptions } from './subscriptions.ts'

export interface FilterClientOptions {
  readonly libp2p: Pick<Libp2p, 'handle' | 'unhandle' | 'dialProtocol'>
  /** M: bytes of the largest encoded message that this network allows. */
  readonly maxMessageBytes: number
  readonly log: Log
  /** Takes a message that `from` pushed. The same may come from several peers, and twice from one. */
  readonly receive: (envelope: Envelope, from: string) => void
}

export type FilterRequestOptions = Partial<Pick<RequestOptions, 'timeout' | 'signal'>>

/** Our own subscriptions end when we end them: the limits and the silence are the service node's to judge. */
const unlimited = {
  peers: Number.POSITIVE_INFINITY,
  criteriaPerPeer: Number.POSITIVE_INFINITY,
  charactersPerPeer: Number.POSITIVE_INFINITY,
  timeout: Number.POSITIVE_INFINITY,
}

/** Every request throws `client/refused` with the node's status (404: subscribe anew), `client/bad-answer`, and what `request` throws. */
export class FilterClient implements AsyncDisposable {
  readonly #options: FilterClientOptions
  readonly #subscriptions = new Subscriptions(unlimited, () => 0)
  #receiver: AsyncDisposable | undefined

  private constructor(options: FilterClientOptions) {
    this.#options = options
  }

  /** Mounts the receiving side, which a service node looks for before it pushes. */
  static async open(options: FilterClientOptions): Promise<FilterClient> {
    const client = new FilterClient(options)
    const { libp2p, log, maxMessageBytes } = options
    const receive = (body: Uint8Array, from: string): void => client.#receive(body, from)
    const receiver = { protocol: filterPushProtocol, ...filterReceiveLimits(maxMessageBytes), receive }
    client.#receiver = await receivePushes(receiver, { libp2p, log })
    return client
  }

  /** Asks `peer` to push messages of these topics, 100 content topics at the most. Repeated, it keeps them alive. */
  async subscribe(
    peer: PeerId,
    pubsubTopic: string,
    contentTopics: readonly string[],
    options?: FilterRequestOptions,
  ): Promise<void> {
    const from = peer.toString()
    const added = contentTopics.filter((contentTopic) => !this.#subscriptions.has(from, { pubsubTopic, contentTopic }))
    // The first push may come before the answer.
    this.#subscriptions.subscribe(from, pubsubTopic, added)
    try {
      await this.#ask(peer, { kind: 'SUBSCRIBE', pubsubTopic, contentTopics }, options)
    } catch (error) {
      this.#subscriptions.unsubscribe(from, pubsubTopic, added)
      throw error
    }
  }

  /** Keeps our subscription at `peer` alive; to be done at least once a minute (12/WAKU2-FILTER). */
  async ping(peer: PeerId, options?: FilterRequestOptions): Promise<void> {
    await this.#ask(peer, { kind: 'SUBSCRIBER_PING', contentTopics: [] }, options)
  }

  async unsubscribe(
    peer: PeerId,
    pubsubTopic: string,
    contentTopics: readonly string[],
    options?: FilterRequestOptions,
  ): Promise<void> {
    this.#subscriptions.unsubscribe(peer.toString(), pubsubTopic, contentTopics)
    await this.#ask(peer, { kind: 'UNSUBSCRIBE', pubsubTopic, contentTopics }, options)
  }

  async unsubscribeAll(peer: PeerId, options?: FilterRequestOptions): Promise<void> {
    this.#subscriptions.unsubscribeAll(peer.toString())
    await this.#ask(peer, { kind: 'UNSUBSCRIBE_ALL', contentTopics: [] }, options)
  }

  /** Takes no more pushes. Service nodes forget us in time. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver?.[Symbol.asyncDispose]()
  }

  async #ask(
    peer: PeerId,
    question: Omit<FilterRequest, 'requestId'>,
    options: FilterRequestOptions = {},
  ): Promise<void> {
    const protocol = filterSubscribeProtocol
    const requestId = newRequestId()
    const body = encodeFilterRequest({ requestId, ...question })
    const answer = await request(this.#options.libp2p, peer, protocol, body, { ...filterAnswerLimits, ...options })
    const { requestId: answered, status, reason } = decodeFilterResponse(answer)
    if (!answersRequest(answered, requestId))
      throw new WaypostError('client/bad-answer', { protocol, why: 'it belongs to another request' })
    if (status !== 200) throw new WaypostError('client/refused', { protocol, status, reason })
  }

  #receive(body: Uint8Array, from: string): void {
    if (!this.#subscriptions.has(from)) throw new WaypostError('filter/not-subscribed', { peer: from })
    const { message, pubsubTopic } = decodeMessagePush(body)
    const envelope = openEnvelope(pubsubTopic, message, Date.now())
    const { contentTopic } = envelope.message
    if (this.#subscriptions.has(from, { pubsubTopic, contentTopic })) this.#options.receive(envelope, from)
    else this.#options.log.debug({ peer: from, pubsubTopic, contentTopic }, 'push of other topics passed over')
  }
}
