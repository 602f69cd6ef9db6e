/**
 * The nodes that were named, and which of them can be asked for what. A node is reached once it has said which protocols it
 * speaks and that it is of our cluster; one of another cluster is told to the log and left. A node that does not speak
 * metadata is taken as it is (docs/decisions/0005-for-real-clients-and-scripts.md).
 */
import type { Connection, IdentifyResult, Libp2p, PeerId } from '@libp2p/interface'
import { messageOf } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import { StaticPeers, type StaticPeersParts } from '../net/peers.ts'
import { filterSubscribeProtocol } from '../protocols/filter/codec.ts'
import { lightPushProtocol } from '../protocols/lightpush/codec.ts'
import { legacyLightPushProtocol } from '../protocols/lightpush/legacy-codec.ts'
import { askMetadata } from '../protocols/metadata/client.ts'
import { type Metadata, metadataProtocol } from '../protocols/metadata/codec.ts'
import { storeProtocol } from '../protocols/store/codec.ts'
import type { NodeAddress } from './addresses.ts'

/** What nodes do for us, and the protocols by which they do it. */
const protocolsOf = {
  store: [storeProtocol],
  filter: [filterSubscribeProtocol],
  lightpush: [lightPushProtocol, legacyLightPushProtocol],
} as const satisfies Record<string, readonly string[]>

export type Service = keyof typeof protocolsOf

const allServices = Object.keys(protocolsOf) as readonly Service[]

const nobody: ReadonlySet<string> = new Set()

/** For the first attempt at each node, from its dial to knowing what it does: as long as one dial may take. */
const firstTimeout: Milliseconds = 10_000

/** For a node to say of which cluster it is; one that does not say it is used as it is. */
const metadataTimeout: Milliseconds = 5000

/** For the connections with a node of another cluster to close. */
const closeTimeout: Milliseconds = 500

export interface NodesParts extends StaticPeersParts {
  /** Started. */
  readonly libp2p: StaticPeersParts['libp2p'] & Pick<Libp2p, 'dialProtocol' | 'hangUp'>
  readonly named: readonly NodeAddress[]
  /** Our cluster, and the shards that we use at this moment. */
  readonly ours: () => Metadata
}

export class Nodes implements AsyncDisposable {
  readonly #parts: NodesParts
  readonly #stop = new AbortController()
  readonly #keeper: StaticPeers
  readonly #named: ReadonlyMap<string, PeerId>
  /** What those do that are connected and of our cluster: nothing, some of them. */
  readonly #reached = new Map<string, readonly Service[]>()
  /** The protocols that a node said last, on each connection. */
  readonly #said = new WeakMap<Connection, readonly string[]>()
  /** Those that have been found to be of another cluster. */
  readonly #foreign = new Set<string>()
  /** Those that have not been reached or failed for the first time yet. */
  readonly #untried: Set<string>
  /** Whom to ask first: those that failed stand last. Filter has no such order, since following goes on. */
  readonly #order: Record<Service, readonly string[]>
  readonly #listeners = new Set<() => void>()

  constructor(parts: NodesParts) {
    this.#parts = parts
    this.#named = new Map(parts.named.map(({ id }) => [id.toString(), id]))
    const ids = [...this.#named.keys()]
    this.#untried = new Set(ids)
    this.#order = { store: ids, filter: ids, lightpush: ids }
    const { signal } = this.#stop
    const { libp2p } = parts
    libp2p.addEventListener('peer:identify', ({ detail }) => void this.#identified(detail), { signal })
    libp2p.addEventListener('peer:disconnect', ({ detail }) => this.#lost(detail.toString()), { signal })
    this.#keeper = new StaticPeers(parts)
    for (const { address } of parts.named) this.#keeper.want(address)
    for (const id of this.#named.values()) void this.#tryFirst(id)
  }

  /** True when a node can be asked for anything. */
  get reached(): boolean {
    return [...this.#reached.values()].some((services) => services.length > 0)
  }

  /** The nodes that can be asked for `service` at this moment, the best first. */
  serving(service: Service): readonly PeerId[] {
    const serving = this.#order[service].filter((id) => this.#reached.get(id)?.includes(service))
    // Every id in an order is one of those named.
    return serving.map((id) => this.#named.get(id)!)
  }

  /** The best to ask for `service` beside `asked`; at the start, waits for the first attempts as long as there is none. */
  async find(service: Service, asked: ReadonlySet<string> = nobody): Promise<PeerId | undefined> {
    const next = (): PeerId | undefined => this.serving(service).find((peer) => !asked.has(peer.toString()))
    while (next() === undefined && this.#untried.size > 0) await this.#nextChange()
    return next()
  }

  /** `peer` did not do it: others are asked before it from now on. */
  failed(service: 'store' | 'lightpush', peer: PeerId): void {
    const id = peer.toString()
    this.#order[service] = [...this.#order[service].filter((other) => other !== id), id]
  }

  /** Calls `listener` whenever a node is reached or lost. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#untried.clear()
    this.#reached.clear()
    this.#changed()
    this.#listeners.clear()
    await this.#keeper[Symbol.asyncDispose]()
  }

  /** Joins the first dial of whoever keeps the peers, to know how it ended. */
  async #tryFirst(id: PeerId): Promise<void> {
    const timed = AbortSignal.timeout(firstTimeout)
    const over = (): void => this.#tried(id.toString())
    timed.addEventListener('abort', over)
    const addresses = this.#parts.named.filter((named) => named.id.equals(id)).map(({ address }) => address)
    await this.#parts.libp2p.dial(addresses, { signal: AbortSignal.any([timed, this.#stop.signal]) }).catch(over)
  }

  #tried(id: string): void {
    if (this.#untried.delete(id)) this.#changed()
  }

  #lost(id: string): void {
    const was = this.#reached.delete(id)
    this.#tried(id)
    if (was) this.#changed()
  }

  async #identified({ peerId, protocols, connection }: IdentifyResult): Promise<void> {
    const id = peerId.toString()
    if (!this.#named.has(id)) return
    const isMet = this.#said.has(connection)
    this.#said.set(connection, protocols)
    // It is being asked already, or was found to be of another cluster.
    if (isMet && !this.#reached.has(id)) return
    const isOurs = isMet || !protocols.includes(metadataProtocol) || (await this.#isOurs(peerId))
    // Its answer may come after it has gone.
    if (this.#stop.signal.aborted || connection.status !== 'open') return
    if (isOurs) this.#reached.set(id, servicesOf(this.#said.get(connection) ?? protocols))
    else await this.#part(peerId)
    this.#untried.delete(id)
    this.#changed()
  }

  async #isOurs(peer: PeerId): Promise<boolean> {
    const { libp2p, ours, log } = this.#parts
    const { signal } = this.#stop
    try {
      const { cluster = 0 } = await askMetadata(libp2p, peer, ours(), { timeout: metadataTimeout, signal })
      if (cluster === ours().cluster) return true
      this.#tellForeign(peer.toString(), cluster)
      return false
    } catch (error) {
      log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'node reports no metadata')
      return true
    }
  }

  /** That it goes on is no news. */
  #tellForeign(peer: string, cluster: number): void {
    const level = this.#foreign.has(peer) ? 'debug' : 'warn'
    this.#foreign.add(peer)
    this.#parts.log[level]({ peer, cluster, ours: this.#parts.ours().cluster }, 'node is of another cluster')
  }

  async #part(peer: PeerId): Promise<void> {
    try {
      await this.#parts.libp2p.hangUp(peer, { signal: AbortSignal.timeout(closeTimeout) })
    } catch (error) {
      this.#parts.log.debug({ peer: peer.toString(), reason: messageOf(error) }, 'node not disconnected')
    }
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      const once = (): void => {
        this.#listeners.delete(once)
        resolve()
      }
      this.#listeners.add(once)
    })
  }
}

function servicesOf(protocols: readonly string[]): readonly Service[] {
  return allServices.filter((name) => protocolsOf[name].some((protocol) => protocols.includes(protocol)))
}
