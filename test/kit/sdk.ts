/**
 * @waku/sdk as npm has it: the light client of browsers and of phones' web views, here under Node.
 *
 * Two of its habits matter to a test: it dials only wss unless told otherwise, and it knows which protocols a node
 * speaks once identify has ended, not when the dial has.
 */
import type { PeerId } from '@libp2p/interface'
import {
  createLightNode,
  type IDecodedMessage,
  type IDecoder,
  type LightNode,
  type NetworkConfig,
  type QueryRequestParams,
} from '@waku/sdk'
import type { Test } from 'tap'
import type { Daemon } from './daemon.ts'

/** A network of our own with autosharding: cluster 1 is The Waku Network, whose relays demand RLN. */
export const testNetwork = { clusterId: 66, numShardsInCluster: 8 }

/** What makes a daemon part of it. */
export const networkFlags = [
  `--cluster-id=${testNetwork.clusterId}`,
  `--num-shards-in-network=${testNetwork.numShardsInCluster}`,
]

/** A started light client that discovers nobody by itself, unless `peerExchange` says that it asks whom it meets. */
export async function lightClient(
  t: Test,
  networkConfig: NetworkConfig = testNetwork,
  { peerExchange = false }: { readonly peerExchange?: boolean } = {},
): Promise<LightNode> {
  const client = await createLightNode({
    networkConfig,
    discovery: { dns: false, peerExchange, peerCache: false },
    libp2p: { filterMultiaddrs: false, hideWebSocketInfo: true },
  })
  t.teardown(async () => {
    // Stopping the client leaves the clocks of its subscriptions running.
    client.filter.unsubscribeAll()
    await client.stop()
  })
  return client
}

/** A light client that is connected to `node` and knows what it offers. */
export async function clientOf(t: Test, node: Daemon, networkConfig?: NetworkConfig): Promise<LightNode> {
  const client = await lightClient(t, networkConfig)
  await join(client, node)
  return client
}

/** Connects `client` to `node` and waits until it knows the node's protocols. */
export async function join(client: LightNode, node: Pick<Daemon, 'peerId' | 'ws'>): Promise<void> {
  const identified = happens(client, 'peer:identify', ({ peerId }: { peerId: PeerId }) => peerId, node)
  await client.dial(node.ws)
  await identified
}

/** Settles when `client` has no connection with `node` any more. */
export function parted(client: LightNode, node: Pick<Daemon, 'peerId'>): Promise<void> {
  return happens(client, 'peer:disconnect', (peer: PeerId) => peer, node)
}

function happens<Detail>(
  client: LightNode,
  event: 'peer:identify' | 'peer:disconnect',
  peerOf: (detail: Detail) => PeerId,
  { peerId }: Pick<Daemon, 'peerId'>,
): Promise<void> {
  return new Promise((resolve) => {
    const look = ({ detail }: CustomEvent): void => {
      if (peerOf(detail).toString() !== peerId) return
      client.libp2p.removeEventListener(event, look)
      resolve()
    }
    client.libp2p.addEventListener(event, look)
  })
}

/** The pages that a store query yields, in the order in which they came; what the decoder refuses is left out. */
export async function pages<T extends IDecodedMessage>(
  client: LightNode,
  decoder: IDecoder<T>,
  options: Partial<QueryRequestParams> = {},
): Promise<T[][]> {
  const found: T[][] = []
  for await (const page of client.store.queryGenerator([decoder], options)) {
    const messages = await Promise.all(page)
    found.push(messages.filter((message) => message !== undefined))
  }
  return found
}

export function textOf({ payload }: { readonly payload: Uint8Array }): string {
  return Buffer.from(payload).toString()
}

/** What a client's filter subscriptions bring, in the order in which it comes. */
export class Inbox {
  readonly messages: IDecodedMessage[] = []
  readonly #client: LightNode
  #look = (): void => {}

  constructor(client: LightNode) {
    this.#client = client
  }

  /** Subscribes to all of `contentTopics` in one request, or to what `decoder` can read. Throws when the node refuses. */
  async subscribe(wanted: readonly string[] | IDecoder<IDecodedMessage>): Promise<void> {
    const decoders = isDecoder(wanted)
      ? [wanted]
      : wanted.map((contentTopic) => this.#client.createDecoder({ contentTopic }))
    const accepted = await this.#client.filter.subscribe(decoders, (message) => {
      this.messages.push(message)
      this.#look()
    })
    if (!accepted) throw new Error('the subscription was refused')
  }

  /** Settles when `count` messages have come. */
  until(count: number): Promise<readonly IDecodedMessage[]> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (this.messages.length >= count) resolve(this.messages)
      }
      this.#look()
    })
  }
}

function isDecoder(wanted: readonly string[] | IDecoder<IDecodedMessage>): wanted is IDecoder<IDecodedMessage> {
  return 'fromProtoObj' in wanted
}
