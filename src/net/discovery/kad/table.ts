/**
 * The routing table: nodes that answered us, in buckets by their distance from us. A node enters by an answer, never by
 * being told of, and one network fills no bucket and not the table either. Who came first stays, as long as it answers.
 */
import { hostOf } from '../../addresses.ts'
import { isPrivate } from '../../networks.ts'
import { byDistance, logDistance, type NodeId } from '../discv5/ids.ts'
import { networkOfAddress } from '../discv5/table.ts'
import type { Placed } from './ids.ts'
import { k, maxFailures, networkLimits } from './limits.ts'

interface Entry {
  readonly node: Placed
  /** Undefined on a private network, where all nodes are of one. */
  readonly network: string | undefined
  /** Requests in a row without an answer. */
  failures: number
}

export class Table {
  readonly #self: NodeId
  readonly #buckets = new Map<number, Entry[]>()

  constructor(self: NodeId) {
    this.#self = self
  }

  get size(): number {
    return this.nodes.length
  }

  get nodes(): Placed[] {
    return [...this.#buckets.values()].flat().map(({ node }) => node)
  }

  has(id: NodeId): boolean {
    return this.#find(id) !== undefined
  }

  /** Takes in a node that answered, or what is new of it. True: it is new in the table. */
  answered(node: Placed): boolean {
    if (node.id === this.#self || node.addresses.length === 0) return false
    const bucket = this.#bucketOf(node.id)
    const entry = { node, network: networkOf(node), failures: 0 }
    const at = bucket.findIndex((one) => one.node.id === node.id)
    if (at >= 0) bucket[at] = entry
    else if (this.#hasRoomFor(entry, bucket)) bucket.push(entry)
    else return false
    return at < 0
  }

  /** A node has answered again. */
  answers(id: NodeId): void {
    const entry = this.#find(id)
    if (entry !== undefined) entry.failures = 0
  }

  /** A node did not answer. */
  failed(id: NodeId): void {
    const entry = this.#find(id)
    if (entry === undefined) return
    entry.failures += 1
    if (entry.failures < maxFailures) return
    const bucket = this.#bucketOf(id)
    bucket.splice(bucket.indexOf(entry), 1)
  }

  closest(target: NodeId, count: number): Placed[] {
    return this.nodes.sort(byDistance(target)).slice(0, count)
  }

  #find(id: NodeId): Entry | undefined {
    return this.#bucketOf(id).find(({ node }) => node.id === id)
  }

  #bucketOf(id: NodeId): Entry[] {
    const distance = logDistance(this.#self, id)
    const bucket = this.#buckets.get(distance) ?? []
    this.#buckets.set(distance, bucket)
    return bucket
  }

  #hasRoomFor({ network }: Entry, bucket: readonly Entry[]): boolean {
    if (bucket.length >= k) return false
    if (network === undefined) return true
    const inAll = countOf([...this.#buckets.values()].flat(), network)
    return countOf(bucket, network) < networkLimits.bucket && inAll < networkLimits.table
  }
}

function countOf(entries: readonly Entry[], network: string): number {
  return entries.filter((entry) => entry.network === network).length
}

function networkOf({ addresses }: Placed): string | undefined {
  const [address] = addresses
  if (address === undefined) return undefined
  const host = hostOf(address)
  if (host === undefined) return address.getComponents()[0]?.value
  return isPrivate(host) ? undefined : networkOfAddress(host)
}
