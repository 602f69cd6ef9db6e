/**
 * discv5: finds nodes of the network and is found by them (33/WAKU2-DISCV5; Node Discovery Protocol v5.1,
 * https://github.com/ethereum/devp2p/blob/master/discv5/discv5.md).
 *
 * It asks nodes that it knows for others, whether those are there, and tells of the ones that answer. It searches often
 * while it knows few, and seldom afterwards.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { PrivateKey } from '@libp2p/interface'
import { messageOf } from '../../../core/errors.ts'
import type { Clock, Milliseconds } from '../../../core/time.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { Metrics } from '../../../telemetry/metrics.ts'
import { backoff } from '../../backoff.ts'
import { isPrivate } from '../../networks.ts'
import type { SocketAddress } from '../address-fields.ts'
import type { Enr } from '../enr.ts'
import { type NodeRecord, readRecord } from '../node-record.ts'
import { answer, isRelayable } from './answers.ts'
import { idFrom, logDistance, type NodeId, nodeIdOf } from './ids.ts'
import {
  bucketSize,
  fewNodes,
  maxKnownRecords,
  maxMeetings,
  maxRecords,
  maxVoters,
  type Timings,
  timings as usualTimings,
} from './limits.ts'
import { lookup } from './lookup.ts'
import type { Pong, RequestMessage, ResponseMessage } from './messages.ts'
import { Newcomers } from './newcomers.ts'
import type { ProtocolId } from './packet.ts'
import { isReachable, type Neighbour, neighbourIn, type Reachable, Records } from './records.ts'
import type { Endpoint } from './session.ts'
import { type DatagramSocket, openSocket } from './socket.ts'
import { Table } from './table.ts'
import { Transport } from './transport.ts'
import { Votes } from './votes.ts'

export interface Discv5Options {
  /** secp256k1: the key of our record. */
  readonly privateKey: Pick<PrivateKey, 'raw'>
  /** Our record as it is now. Its sequence number grows with each change. */
  readonly record: () => Enr
  /** Where to listen; port 0 takes a free one. */
  readonly address: string
  readonly port: number
  /** Whom to ask first. */
  readonly bootstrap: readonly Enr[]
  /** Whether a node is for us. Those of `bootstrap` always are. */
  readonly accepts: (record: NodeRecord) => boolean
  /** Told of each node that is for us, whenever it has answered. */
  readonly found: (record: Enr) => void
  /** Told of our address, once a majority of the networks that we ask sees the same. */
  readonly seen?: (address: SocketAddress) => void
  readonly tableIpLimit: number
  readonly bucketIpLimit: number
  readonly bitsPerHop: number
  /** True: we are on a private network ourselves. Unless given: what our record says. */
  readonly takesPrivate?: () => boolean
  readonly metrics: Metrics
  readonly log: Log
  /** Waku's, unless another network is meant. */
  readonly protocol?: ProtocolId
  /** A monotonic clock. */
  readonly clock?: Clock
  readonly timings?: Partial<Timings>
}

/** Listens and begins to search. Throws `listen/failed`. */
export async function startDiscv5(options: Discv5Options): Promise<Discv5> {
  const { address, port, log } = options
  // Nothing comes before the socket is open, and then there is somebody to take it.
  const opened = await openSocket({ address, port, receive: (bytes, from) => discv5.receive(bytes, from) })
  const discv5 = new Discv5(options, opened)
  log.info({ address, port: opened.port }, 'discv5 listens')
  return discv5
}

export class Discv5 implements AsyncDisposable {
  readonly #options: Discv5Options
  readonly #socket: DatagramSocket
  readonly #id: NodeId
  readonly #clock: Clock
  readonly #timings: Timings
  readonly #table: Table
  readonly #transport: Transport
  readonly #records = new Records(maxKnownRecords)
  readonly #votes: Votes
  readonly #bootstrap: readonly Neighbour[]
  readonly #newcomers: Newcomers
  /** Nodes whose newer record is being fetched. */
  readonly #renewing = new Set<NodeId>()
  readonly #stop = new AbortController()
  /** Ends the pauses of the loops. */
  #hurry = new AbortController()
  #searchedAt: Milliseconds = 0
  readonly #loops: Promise<unknown>
  #ownRead: { readonly of: Enr; readonly says: NodeRecord } | undefined
  #searches = 0
  /** Searches in a row that found nobody new. */
  #fruitless = 0
  /** Nodes that entered the table since the start. */
  #entered = 0

  constructor(options: Discv5Options, socket: DatagramSocket) {
    this.#options = options
    this.#socket = socket
    this.#id = nodeIdOf(options.record().publicKey)
    this.#clock = options.clock ?? (() => performance.now())
    this.#timings = { ...usualTimings, ...options.timings }
    this.#bootstrap = options.bootstrap.map(neighbourIn)
    this.#table = new Table({ ...options, self: this.#id, takesPrivate: () => this.#takesPrivate() })
    this.#votes = new Votes({ capacity: maxVoters, lifetime: this.#timings.vote, clock: this.#clock })
    this.#newcomers = this.#createNewcomers()
    this.#transport = this.#createTransport()
    this.#loops = Promise.all([this.#repeat(() => this.#search()), this.#repeat(() => this.#checkQuiet())])
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#socket.port
  }

  /** Nodes in the routing table. */
  get size(): number {
    return this.#table.size
  }

  /** The records in the routing table. */
  get nodes(): Enr[] {
    return this.#table.nodes.map(({ enr }) => enr)
  }

  /** Hears of a node by another way. */
  addRecord(record: Enr): void {
    const neighbour = this.#records.read(record.bytes)
    if (neighbour !== undefined) this.#hear(neighbour)
  }

  /** Searches soon, when the next search is long to come. While few are known it never is. */
  findMore(): void {
    if (this.size < fewNodes || this.#clock() - this.#searchedAt < this.#timings.hurry) return
    this.#hurry.abort()
    this.#hurry = new AbortController()
  }

  /** Takes a datagram. */
  receive(bytes: Uint8Array, from: SocketAddress): void {
    this.#transport.receive(bytes, from)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#transport.close()
    await this.#loops
    await this.#socket[Symbol.asyncDispose]()
    this.#options.log.info('discv5 stopped')
  }

  #createNewcomers(): Newcomers {
    return new Newcomers({
      meet: (node) => this.#ping(node),
      rest: this.#timings.rest,
      clock: this.#clock,
      failed: (error) => this.#failed(error),
      signal: this.#stop.signal,
    })
  }

  #createTransport(): Transport {
    const { record, privateKey, protocol = 'd5waku', metrics, log } = this.#options
    return new Transport({
      id: this.#id,
      privateKey: privateKey.raw,
      protocol,
      own: record,
      send: (bytes, to) => this.#socket.send(bytes, to),
      known: (id) => this.#table.get(id) ?? this.#bootstrap.find((node) => node.id === id),
      records: this.#records,
      answer: (request, from) => this.#answer(request, from),
      met: (neighbour, from) => this.#meet(neighbour, from),
      count: (outcome) => metrics.waypost_discv5_packets_total.inc({ outcome }),
      log,
      clock: this.#clock,
      timings: this.#timings,
    })
  }

  #answer(request: RequestMessage, from: Endpoint): ResponseMessage[] {
    const known = this.#table.get(from.id)
    if (request.type === 'ping' && known !== undefined && request.sequence > known.enr.sequence)
      this.#spawn(this.#renew(known))
    return answer(request, from, { own: this.#options.record, table: this.#table })
  }

  /** Repeats until we stop. `run` returns how long to wait for the next time. */
  async #repeat(run: () => Promise<Milliseconds> | Milliseconds): Promise<void> {
    const { signal } = this.#stop
    // Whoever started us has the port by now, and has put it into our record.
    let wait: Milliseconds = 0
    while (await passes(wait, signal, this.#hurry.signal)) {
      try {
        wait = await run()
      } catch (error) {
        wait = this.#timings.walk.most
        this.#options.log.warn({ reason: messageOf(error) }, 'discv5 search failed')
      }
    }
  }

  /** One search: for our own neighbourhood first and now and then, for a random place otherwise. */
  async #search(): Promise<Milliseconds> {
    const before = this.#entered
    const target = this.#searches % 4 === 0 ? this.#id : idFrom(randomBytes(32))
    this.#searches += 1
    this.#searchedAt = this.#clock()
    await this.#walk(target)
    this.#fruitless = this.#entered > before ? 0 : this.#fruitless + 1
    const { walk } = this.#timings
    return this.size < fewNodes ? backoff(this.#fruitless, walk) : walk.most
  }

  async #walk(target: NodeId): Promise<void> {
    const known = this.#table.closest(target, bucketSize)
    const start = known.length < fewNodes ? [...known, ...this.#bootstrap.filter(isReachable)] : known
    const ask = (node: Reachable, distances: readonly number[]) => this.#ask(node, distances)
    await lookup(target, { self: this.#id, start, ask, signal: this.#stop.signal })
  }

  /** Asks those that have been quiet whether they are still there. */
  #checkQuiet(): Milliseconds {
    const { liveness, tick } = this.#timings
    const now = this.#clock()
    for (let count = 0; count < maxMeetings; count += 1) {
      const quiet = this.#table.quiet(now - liveness, now)
      if (quiet !== undefined) this.#spawn(this.#ping(quiet))
    }
    this.#options.metrics.routing_table_nodes.set(this.size)
    this.#options.metrics.waypost_discv5_sessions.set(this.#transport.sessions)
    return tick
  }

  /** Somebody proved who it is. When it speaks from where its record says, it is there. */
  #meet(neighbour: Neighbour, { address, port }: Endpoint): void {
    const { udp } = neighbour.record
    if (udp?.address === address && udp.port === port) this.#newcomers.welcome(neighbour.id)
    this.#hear(neighbour)
  }

  /** Somebody is said to be there. */
  #hear(neighbour: Neighbour): void {
    if (this.#isNews(neighbour)) this.#newcomers.hear(neighbour)
  }

  #isNews(neighbour: Neighbour): neighbour is Reachable {
    const { id, enr } = neighbour
    if (id === this.#id || !isReachable(neighbour)) return false
    if (isPrivate(neighbour.record.udp.address) && !this.#takesPrivate()) return false
    const known = this.#table.get(id)
    return known === undefined || enr.sequence > known.enr.sequence
  }

  /** Work that nobody waits for. */
  #spawn(work: Promise<void>): void {
    work.catch((error: unknown) => this.#failed(error))
  }

  #failed(error: unknown): void {
    this.#options.log.warn({ reason: messageOf(error) }, 'discv5 request failed')
  }

  async #ping(node: Reachable): Promise<void> {
    const { sequence } = this.#options.record()
    const came = await this.#transport.request(node, { type: 'ping', sequence })
    if (came === 'unasked') return
    const pong = came === 'silence' ? undefined : came.find((message) => message.type === 'pong')
    if (pong === undefined) return this.#silent(node)
    this.#hearVote(node, pong)
    this.#answered(node)
    if (pong.sequence > node.enr.sequence) await this.#renew(node)
  }

  /** Fetches the record of a node that has a newer one; once at a time, however often it says so. */
  async #renew(node: Reachable): Promise<void> {
    if (this.#renewing.has(node.id)) return
    this.#renewing.add(node.id)
    await this.#ask(node, [0]).finally(() => this.#renewing.delete(node.id))
  }

  /** The nodes that `node` tells of at these distances; undefined when it does not answer. */
  async #ask(node: Reachable, distances: readonly number[]): Promise<Reachable[] | undefined> {
    const came = await this.#transport.request(node, { type: 'findnode', distances })
    if (came === 'silence') this.#silent(node)
    if (came === 'silence' || came === 'unasked') return undefined
    this.#answered(node)
    const told = this.#told(node, distances, came)
    for (const neighbour of told) this.#hear(neighbour)
    return told
  }

  /** What stands in an answer: as many records as one may hold, each of a distance that was asked for. */
  #told(node: Reachable, distances: readonly number[], came: readonly ResponseMessage[]): Reachable[] {
    const records = came.flatMap((message) => (message.type === 'nodes' ? message.records : [])).slice(0, maxRecords)
    const read = records.map((record) => this.#records.read(record)).filter((one) => one !== undefined)
    this.#options.metrics.waku_discv5_errors_total.inc({ type: 'ParseFailure' }, records.length - read.length)
    return read
      .filter(isReachable)
      .filter(({ id }) => distances.includes(logDistance(node.id, id)))
      .filter(({ record }) => isRelayable(node.record.udp.address, record.udp.address))
  }

  #answered(node: Reachable): void {
    this.#newcomers.welcome(node.id)
    const place = this.#table.answered(node, this.#clock())
    if (place === 'spare' || place === 'refused') this.#newcomers.leaveAlone(node.id)
    if (place === 'refused') return
    if (place === 'entered') this.#countNew(node.record)
    const isBootstrap = this.#bootstrap.some(({ id }) => id === node.id)
    if (isBootstrap || this.#options.accepts(node.record)) this.#options.found(node.enr)
  }

  #countNew({ shards }: NodeRecord): void {
    this.#entered += 1
    const own = this.#own.shards
    if (shards === undefined) this.#options.metrics.waku_discv5_errors_total.inc({ type: 'NoShardInfo' })
    // Shards that we do not follow have no line of their own: a peer could make as many as it likes.
    const ours =
      own?.cluster === shards?.cluster ? (shards?.shards ?? []).filter((one) => own?.shards.includes(one)) : []
    for (const shard of ours) this.#options.metrics.waku_discv5_discovered_per_shard.inc({ shard: String(shard) })
  }

  #silent(node: Reachable): void {
    if (this.#stop.signal.aborted) return
    this.#table.failed(node.id, this.#clock())
    if (this.#table.get(node.id) === undefined) this.#newcomers.leaveAlone(node.id)
  }

  #hearVote(node: Reachable, { address, port }: Pong): void {
    const ours = this.#votes.add(node.record.udp.address, { address, port })
    if (ours !== undefined) this.#options.seen?.(ours)
  }

  #takesPrivate(): boolean {
    const { takesPrivate } = this.#options
    if (takesPrivate !== undefined) return takesPrivate()
    const { udp } = this.#own
    return udp === undefined || isPrivate(udp.address)
  }

  /** What our record says; read once for each record. */
  get #own(): NodeRecord {
    const record = this.#options.record()
    if (this.#ownRead?.of !== record) this.#ownRead = { of: record, says: readRecord(record) }
    return this.#ownRead.says
  }
}

/** Waits, for less when `hurry` says so. False when `signal` ends it. */
async function passes(wait: Milliseconds, signal: AbortSignal, hurry: AbortSignal): Promise<boolean> {
  try {
    await setTimeout(wait, undefined, { signal: AbortSignal.any([signal, hurry]), ref: false })
  } catch {
    // Ended before its time.
  }
  return !signal.aborted
}
