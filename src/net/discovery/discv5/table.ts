/**
 * The routing table: nodes that answered us, sorted into buckets by their distance from us (discv5-theory v5.1, "Node
 * Table").
 *
 * A node enters by answering a request, never by being told of: whoever makes up a thousand records fills nothing. One
 * network fills no bucket and not the table either. A bucket that is full keeps those that come later as spares.
 */
import { isIP } from 'node:net'
import type { Milliseconds } from '../../../core/time.ts'
import { canonical, isPrivate } from '../../networks.ts'
import { byDistance, distance, logDistance, type NodeId } from './ids.ts'
import { bucketSize, maxFailures } from './limits.ts'
import { isReachable, type Neighbour, type Reachable } from './records.ts'

export interface TableOptions {
  readonly self: NodeId
  /** Nodes of one network in the table, and in one bucket: spares too. */
  readonly tableIpLimit: number
  readonly bucketIpLimit: number
  /** Each bucket is divided by this many bits less one, so that a hop comes closer by as many. */
  readonly bitsPerHop: number
  /** True: we are on a private network ourselves, where all nodes are of one network. False: its addresses mean nothing. */
  readonly takesPrivate: () => boolean
}

interface Entry {
  readonly node: Reachable
  readonly network: string
  /** When it answered last. */
  readonly answeredAt: Milliseconds
  /** When it was asked last whether it is there: other answers tell nothing of its record. */
  askedAt: Milliseconds
  /** Requests in a row without an answer. */
  failures: number
}

interface Bucket {
  /** Sorted by their last answer, the one that has been quiet longest first. */
  readonly entries: Entry[]
  readonly spares: Entry[]
}

/** `entered`: new in the table. `spare`: it waits for a place. `refused`: its network has enough, or has no meaning here. */
export type Place = 'entered' | 'known' | 'spare' | 'refused'

export class Table {
  readonly #options: TableOptions
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: TableOptions) {
    this.#options = options
  }

  get size(): number {
    return this.nodes.length
  }

  get nodes(): Reachable[] {
    return this.#entries().map(({ node }) => node)
  }

  get(id: NodeId): Reachable | undefined {
    return this.#find(id)?.node
  }

  /** Takes in a node that answered, or what is new of it. */
  answered(node: Neighbour, now: Milliseconds): Place {
    if (node.id === this.#options.self || !isReachable(node)) return 'refused'
    const bucket = this.#bucketOf(node.id)
    const known = this.#find(node.id)
    removeFrom(bucket, node.id)
    const newest = known !== undefined && known.node.enr.sequence > node.enr.sequence ? known.node : node
    const askedAt = known?.askedAt ?? now
    const entry = { node: newest, network: networkOf(newest), answeredAt: now, askedAt, failures: 0 }
    if (!this.#hasRoomFor(entry, bucket)) return 'refused'
    if (bucket.entries.length >= bucketSize) {
      bucket.spares.push(entry)
      if (bucket.spares.length > bucketSize) bucket.spares.shift()
      return 'spare'
    }
    bucket.entries.push(entry)
    return known === undefined ? 'entered' : 'known'
  }

  /** A node did not answer. True: it has left the table, and the spare that answered last has its place. */
  failed(id: NodeId, now: Milliseconds): boolean {
    const entry = this.#find(id)
    if (entry === undefined) return false
    entry.failures += 1
    entry.askedAt = now
    if (entry.failures < maxFailures) return false
    const bucket = this.#bucketOf(id)
    removeFrom(bucket, id)
    const spare = bucket.spares.pop()
    if (spare !== undefined) bucket.entries.unshift(spare)
    return true
  }

  /** The nodes at a distance from us, those that answered lately first. */
  at(wanted: number): Reachable[] {
    const { self } = this.#options
    const sound = this.#entries().filter(
      ({ node, failures }) => failures === 0 && logDistance(self, node.id) === wanted,
    )
    return sound.sort((one, other) => other.answeredAt - one.answeredAt).map(({ node }) => node)
  }

  closest(target: NodeId, count: number): Reachable[] {
    return this.nodes.sort(byDistance(target)).slice(0, count)
  }

  /** The node that was asked longest ago whether it is there, when that was before `time`. Marks it as asked. */
  quiet(time: Milliseconds, now: Milliseconds): Reachable | undefined {
    const quiet = this.#entries().filter(({ askedAt }) => askedAt <= time)
    const oldest = quiet.reduce<Entry | undefined>(
      (one, other) => (one && one.askedAt < other.askedAt ? one : other),
      undefined,
    )
    if (oldest === undefined) return undefined
    oldest.askedAt = now
    return oldest.node
  }

  #entries(): Entry[] {
    return [...this.#buckets.values()].flatMap(({ entries }) => entries)
  }

  #find(id: NodeId): Entry | undefined {
    return this.#buckets.get(this.#bucketName(id))?.entries.find(({ node }) => node.id === id)
  }

  #bucketOf(id: NodeId): Bucket {
    const name = this.#bucketName(id)
    const bucket = this.#buckets.get(name) ?? { entries: [], spares: [] }
    this.#buckets.set(name, bucket)
    return bucket
  }

  /** The distance, and the bits after the first that differs. */
  #bucketName(id: NodeId): string {
    const bits = distance(id, this.#options.self).toString(2)
    return `${bits.length}/${bits.slice(1, this.#options.bitsPerHop)}`
  }

  #hasRoomFor({ node, network }: Entry, bucket: Bucket): boolean {
    const { tableIpLimit, bucketIpLimit, takesPrivate } = this.#options
    if (isPrivate(node.record.udp.address)) return takesPrivate()
    const neighbours = [...this.#buckets.values()].map((one) => countOf(one, network))
    return countOf(bucket, network) < bucketIpLimit && neighbours.reduce((sum, one) => sum + one, 0) < tableIpLimit
  }
}

function countOf({ entries, spares }: Bucket, network: string): number {
  return [...entries, ...spares].filter((entry) => entry.network === network).length
}

function removeFrom({ entries, spares }: Bucket, id: NodeId): void {
  for (const list of [entries, spares]) {
    const at = list.findIndex(({ node }) => node.id === id)
    if (at >= 0) list.splice(at, 1)
  }
}

function networkOf({ record }: Reachable): string {
  return networkOfAddress(record.udp.address)
}

/** What one owner may hold without effort: a /24 of IPv4, a /48 of IPv6 (RFC 6177). */
export function networkOfAddress(address: string): string {
  const text = canonical(address)
  return isIP(text) === 4 ? text.split('.').slice(0, 3).join('.') : text.split(':').slice(0, 3).join(':')
}
