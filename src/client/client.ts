/**
 * `waypost/client`: a light client of Waku nodes, the network that the messaging library needs. It hands messages to nodes by
 * light push, has them push by filter, and asks their stores; it relays nothing, listens on nothing and discovers nobody.
 */
import type { Envelope } from '../core/envelope.ts'
import { defaultMaxMessageBytes } from '../core/message.ts'
import { type Clock, type Nanoseconds, type Schedule, systemSchedule } from '../core/time.ts'
import { parsePubsubTopic } from '../core/topics.ts'
import type { Carried, Network, NetworkEvents, Topics } from '../messaging/network.ts'
import { type Switch, serveExchange } from '../net/exchange.ts'
import { DialRules } from '../net/guards/dial-rules.ts'
import { createHost, type Host } from '../net/host.ts'
import { newNodeKey } from '../net/identity.ts'
import { KeepAlive } from '../net/keep-alive.ts'
import { hostLimits } from '../net/limits.ts'
import { Quota } from '../net/quota.ts'
import { FilterClient } from '../protocols/filter/client.ts'
import type { Metadata } from '../protocols/metadata/codec.ts'
import { metadataRates } from '../protocols/metadata/limits.ts'
import { metadataService } from '../protocols/metadata/service.ts'
import { type Log, silentLog } from '../telemetry/log.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { type NodeAddress, nodeAddress } from './addresses.ts'
import { Following } from './following.ts'
import { type HistoryParts, history } from './history.ts'
import { Nodes } from './nodes.ts'
import { type PublishParts, publish } from './publish.ts'

export interface ClientOptions {
  /** Multiaddrs of the nodes that are asked, tcp, ws or wss, each ending in `/p2p/<id>`; the first are preferred. */
  readonly nodes: readonly string[]
  /** The cluster of the network; 16, that of Status, unless given. Nodes of another are left alone. */
  readonly clusterId?: number
  /** Shards that we say we use, beside those of the topics followed. */
  readonly shards?: readonly number[]
  /** Bytes of an encoded message of this network at the most; 150 KiB unless given. */
  readonly maxMessageBytes?: number
  /**
   * A node that has nobody to relay a message to has taken it when none of the others has either: it keeps it in its store, and
   * pushes it to its clients. For people with one node between them; on a larger network the rest has not got it.
   */
  readonly keptIsEnough?: boolean
  /** What we say we are. */
  readonly agent?: string
  readonly log?: Log
  readonly metrics?: Metrics
  /** A monotonic clock. */
  readonly clock?: Clock
  readonly schedule?: Schedule
}

/** Disposing of it takes leave of the nodes. */
export interface ClientNetwork extends Network, AsyncDisposable {}

/** The cluster of Status. */
const defaultCluster = 16

/** A client that connects to the nodes from now on, and goes on trying. Throws `client/bad-address`. */
export async function connect(options: ClientOptions): Promise<ClientNetwork> {
  const parts = { ...defaults(), ...options, named: options.nodes.map(nodeAddress) }
  const { named, clusterId, schedule, clock, metrics, log } = parts
  await using opened = new AsyncDisposableStack()
  const host = opened.use(await lightHost(parts))
  const { libp2p } = host
  const shards = new Set(parts.shards)
  const ours = (): Metadata => ({ cluster: clusterId, shards: [...shards] })
  opened.use(await tellMetadata(libp2p, ours, parts))
  // Mounted before the first node asks what we speak: it pushes to those that take pushes.
  let receive = (_: Envelope): void => {}
  const filter = opened.use(await FilterClient.open({ ...parts, libp2p, receive: (envelope) => receive(envelope) }))
  await host.start()
  opened.use(new KeepAlive({ libp2p, meshPeers: () => [], schedule, metrics, log }))
  const nodes = opened.use(new Nodes({ libp2p, named, ours, schedule, clock, metrics, log }))
  const listener: Listener = { events: nobody }
  const following = opened.use(new Following({ client: filter, nodes, schedule, clock, log, ...heardBy(listener) }))
  receive = (envelope) => following.receive(envelope)
  const stop = new AbortController()
  opened.defer(() => stop.abort())
  const { maxMessageBytes, keptIsEnough } = parts
  const asking = { libp2p, nodes, maxMessageBytes, keptIsEnough, signal: stop.signal }
  return new Client({ asking, listener, following, shards, opened: opened.move() })
}

function defaults() {
  return {
    clusterId: defaultCluster,
    shards: [],
    maxMessageBytes: defaultMaxMessageBytes,
    keptIsEnough: false,
    agent: 'waypost-client',
    log: silentLog(),
    metrics: createMetrics(),
    clock: () => performance.now(),
    schedule: systemSchedule,
  } satisfies Omit<Required<ClientOptions>, 'nodes'>
}

type Parts = Required<ClientOptions> & { readonly named: readonly NodeAddress[] }

/** Dials the nodes that were named wherever they are, and nobody sends it into a private network. */
async function lightHost({ named, agent, maxMessageBytes, metrics, log }: Parts): Promise<Host> {
  const rules = new DialRules({ takesPrivate: () => false })
  rules.name(named.map(({ address }) => address))
  const limits = hostLimits(maxMessageBytes)
  return await createHost({ privateKey: await newNodeKey(), agent, rules, limits, metrics, log })
}

/** Nodes ask whoever connects which network he is of, and part from others. */
function tellMetadata(libp2p: Switch, ours: () => Metadata, { metrics, log }: Parts): Promise<AsyncDisposable> {
  const service = metadataService({ ours, heard: () => {} })
  return serveExchange(service, { libp2p, quota: new Quota(metadataRates), metrics, log })
}

/** Who is told at this moment. */
interface Listener {
  events: NetworkEvents
}

const nobody: NetworkEvents = { message: () => {}, online: () => {} }

function heardBy(listener: Listener): NetworkEvents {
  return { message: (carried) => listener.events.message(carried), online: () => listener.events.online() }
}

interface ClientParts {
  readonly asking: HistoryParts & PublishParts
  readonly listener: Listener
  readonly following: Following
  /** Those that we say we use. */
  readonly shards: Set<number>
  readonly opened: AsyncDisposableStack
}

class Client implements ClientNetwork {
  readonly #parts: ClientParts

  constructor(parts: ClientParts) {
    this.#parts = parts
  }

  /** Who comes when a node is reached already is told so at once, after this call. */
  listen(events: NetworkEvents): void {
    const { listener, following } = this.#parts
    listener.events = events
    following.forget()
    if (following.isOnline) queueMicrotask(() => events.online())
  }

  follow(topics: readonly Topics[]): void {
    const { shards, following } = this.#parts
    for (const { pubsubTopic } of topics) {
      const named = parsePubsubTopic(pubsubTopic)
      if (named !== undefined) shards.add(named.shard)
    }
    following.follow(topics)
  }

  publish(pubsubTopic: string, encoded: Uint8Array): Promise<void> {
    return publish(this.#parts.asking, pubsubTopic, encoded)
  }

  /** What was followed before is in force first, so that nothing is missed between what stores hold and what is pushed. */
  async *query(topics: Topics, from: Nanoseconds, to: Nanoseconds): AsyncGenerator<Carried> {
    const { asking, following } = this.#parts
    await asking.nodes.find('store')
    await following.inForce()
    yield* history(asking, topics, from, to)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#parts.listener.events = nobody
    return this.#parts.opened.disposeAsync()
  }
}
