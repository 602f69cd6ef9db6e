/**
 * Makes us known: puts our record at the nodes closest to our own id, again when it has changed and before they forget it
 * (EXTENDED-KADEMLIA-DISCOVERY, "Record Propagation").
 */
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { messageOf } from '../../../core/errors.ts'
import { type Schedule, systemSchedule } from '../../../core/time.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { NodeId } from '../discv5/ids.ts'
import type { KadClient } from './client.ts'
import { type ExtensibleRecord, sealExtensible } from './extensible-record.ts'
import { keyOfPeer, placeOf } from './ids.ts'
import { advertiseInterval, k, settleTime } from './limits.ts'
import type { Table } from './table.ts'

export interface AdvertiserParts {
  readonly privateKey: PrivateKey
  /** What our record says at this moment. Without an address nobody is told of us. */
  readonly describe: () => Omit<ExtensibleRecord, 'peerId'>
  readonly table: Table
  readonly client: Pick<KadClient, 'put'>
  readonly log: Log
  readonly schedule?: Schedule
}

export class Advertiser implements AsyncDisposable {
  readonly #parts: Required<AdvertiserParts>
  readonly #key: Uint8Array
  /** The nodes that have the record as it is now. */
  readonly #has = new Set<NodeId>()
  #envelope: Uint8Array | undefined
  #isStopped = false
  #isSoon = false
  #cancel: () => void = () => {}
  #cancelSoon: () => void = () => {}
  #work: Promise<void> = Promise.resolve()

  constructor(parts: AdvertiserParts) {
    this.#parts = { schedule: systemSchedule, ...parts }
    this.#key = keyOfPeer(peerIdFromPrivateKey(parts.privateKey))
  }

  /** Our record, and its key. */
  get own(): { key: Uint8Array; envelope: Uint8Array } | undefined {
    return this.#envelope && { key: this.#key, envelope: this.#envelope }
  }

  /** To be called at the start, and when what the record says has changed. */
  renew(): void {
    this.#then(async () => {
      await this.#seal()
      this.#has.clear()
    })
    this.#cancel()
    this.#cancel = this.#parts.schedule(() => this.renew(), advertiseInterval)
    this.soon()
  }

  /** To be called when there is one node more: those that do not have the record get it. */
  soon(): void {
    if (this.#isStopped || this.#isSoon) return
    this.#isSoon = true
    this.#cancelSoon = this.#parts.schedule(() => {
      this.#isSoon = false
      this.#then(() => this.#put())
    }, settleTime)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    this.#cancelSoon()
    await this.#work
  }

  #then(work: () => Promise<void>): void {
    if (this.#isStopped) return
    this.#work = this.#work
      .then(work)
      .catch((error) => this.#parts.log.error({ reason: messageOf(error) }, 'kad: own record not told'))
  }

  async #seal(): Promise<void> {
    const { privateKey, describe } = this.#parts
    const described = describe()
    const record = { ...described, peerId: peerIdFromPrivateKey(privateKey) }
    this.#envelope = described.addresses.length === 0 ? undefined : await sealExtensible(record, privateKey)
  }

  async #put(): Promise<void> {
    const { table, client, log } = this.#parts
    const envelope = this.#envelope
    if (envelope === undefined) return
    const nodes = table.closest(placeOf(this.#key), k).filter(({ id }) => !this.#has.has(id))
    const put = await Promise.all(nodes.map((node) => client.put(node, this.#key, envelope)))
    for (const [index, { id }] of nodes.entries()) if (put[index]) this.#has.add(id)
    if (nodes.length > 0) log.debug({ nodes: nodes.length, kept: put.filter(Boolean).length }, 'own record told')
  }
}
