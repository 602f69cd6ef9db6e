/**
 * Finds others: walks towards a random key, and takes the records of the nodes that it meets and is told of
 * (EXTENDED-KADEMLIA-DISCOVERY, "Record Discovery": FIND_RANDOM). A record counts by the signature of its peer alone.
 */
import { randomBytes } from 'node:crypto'
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../../../core/errors.ts'
import { type Clock, type Milliseconds, type Schedule, systemSchedule } from '../../../core/time.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { NodeId } from '../discv5/ids.ts'
import { lookup } from '../discv5/lookup.ts'
import type { KadClient } from './client.ts'
import type { ExtensibleRecord } from './extensible-record.ts'
import { keyOfPeer, type Placed, placeOf } from './ids.ts'
import { askLimits, k, keptRecords, maxWalkRecords, settleTime, walkInterval, walkPause } from './limits.ts'
import type { Table } from './table.ts'

export interface SeekerParts {
  readonly libp2p: Pick<Libp2p, 'peerId' | 'dial' | 'hangUp' | 'getConnections'>
  readonly table: Table
  readonly client: Pick<KadClient, 'findNode' | 'recordOf'>
  /** Who is dialled while few are in the table. */
  readonly bootstrap: readonly Multiaddr[]
  /** Told of a record whose signature was checked. True: its peer is one for us. */
  readonly found: (record: ExtensibleRecord) => boolean
  readonly log: Log
  readonly schedule?: Schedule
  /** A monotonic clock. */
  readonly clock?: Clock
}

export class Seeker implements AsyncDisposable {
  readonly #parts: Required<SeekerParts>
  readonly #stop = new AbortController()
  /** By peer: the newest record of it that was seen, the peer seen longest ago first. An older one counts no more. */
  readonly #newest = new Map<string, bigint>()
  #endedAt: Milliseconds = Number.NEGATIVE_INFINITY
  #isBusy = false
  #isWanted = false
  #cancel: () => void = () => {}
  #work: Promise<void> = Promise.resolve()

  constructor(parts: SeekerParts) {
    this.#parts = { schedule: systemSchedule, clock: () => performance.now(), ...parts }
  }

  /** Walks soon: at the start, when somebody new is in the table, and when nobody is left to dial. */
  soon(): void {
    // Who asks again and again puts off nothing.
    if (this.#isWanted) return
    this.#isWanted = true
    if (!this.#isBusy) this.#next()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#cancel()
    await this.#work
  }

  #next(): void {
    if (this.#stop.signal.aborted) return
    const { schedule, clock, table } = this.#parts
    const isEager = this.#isWanted || table.size === 0
    const wait = isEager ? walkPause - (clock() - this.#endedAt) : walkInterval
    this.#cancel()
    this.#cancel = schedule(() => this.#round(), Math.max(settleTime, wait))
  }

  #round(): void {
    this.#isBusy = true
    this.#isWanted = false
    this.#work = this.#search()
      .catch((error) => this.#parts.log.error({ reason: messageOf(error) }, 'kad: search failed'))
      .then(() => {
        this.#isBusy = false
        this.#endedAt = this.#parts.clock()
        this.#next()
      })
  }

  async #search(): Promise<void> {
    const { table, bootstrap } = this.#parts
    // Whoever answers comes into the table by identify. A stranger who is there first does not stand in for them.
    if (table.size < k) await Promise.all(bootstrap.map((address) => this.#dial(address)))
    if (table.size > 0) await this.#walk(randomBytes(32))
  }

  async #dial(address: Multiaddr): Promise<void> {
    const { libp2p, log } = this.#parts
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(askLimits.timeout)])
    await libp2p
      .dial(address, { signal })
      .catch((error) => log.debug({ address: address.toString(), reason: messageOf(error) }, 'kad: node not reached'))
  }

  /** FIND_RANDOM. */
  async #walk(key: Uint8Array): Promise<void> {
    const { libp2p, table, client, log } = this.#parts
    const walk = new Walk()
    const target = placeOf(key)
    const ask = async (node: Placed): Promise<Placed[] | undefined> => {
      if (libp2p.getConnections(node.peerId).length === 0) walk.dialled.set(node.id, node.peerId)
      const told = await client.findNode(node, key)
      if (told !== undefined) await this.#takeRecords(walk, node, [node, ...told])
      return told
    }
    const self = placeOf(keyOfPeer(libp2p.peerId))
    await lookup(target, { self, start: table.closest(target, k), ask, signal: this.#stop.signal })
    for (const [id, peer] of walk.dialled) if (!walk.taken.has(id)) await libp2p.hangUp(peer).catch(() => {})
    log.debug({ asked: walk.asked, taken: walk.taken.size }, 'walked')
  }

  /** Asks `node` for the records of those that are new in this walk: it is connected, and they need not be dialled. */
  async #takeRecords(walk: Walk, node: Placed, told: readonly Placed[]): Promise<void> {
    for (const { id, peerId } of told) {
      if (walk.taken.has(id) || walk.asked >= maxWalkRecords || this.#stop.signal.aborted) continue
      walk.asked += 1
      const record = await this.#parts.client.recordOf(peerId, node)
      if (record !== undefined && this.#isNews(record) && this.#parts.found(record)) walk.taken.add(id)
    }
  }

  /** False for a record that is older than one that was seen. */
  #isNews({ peerId, sequence }: ExtensibleRecord): boolean {
    const name = peerId.toString()
    const newest = this.#newest.get(name)
    if (newest !== undefined && newest > sequence) return false
    this.#newest.delete(name)
    this.#newest.set(name, sequence)
    const [oldest] = this.#newest.keys()
    if (this.#newest.size > keptRecords && oldest !== undefined) this.#newest.delete(oldest)
    return true
  }
}

class Walk {
  /** Records asked for. */
  asked = 0
  /** Peers whose records were taken. */
  readonly taken = new Set<NodeId>()
  /** Peers that were not connected before: those that are not for us are left again. */
  readonly dialled = new Map<NodeId, PeerId>()
}
