/** What we ask of other nodes of the DHT. A failure is no error here: of strangers' nodes some are always away. */
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { WaypostError } from '../../../core/errors.ts'
import { hostOf } from '../../addresses.ts'
import { request } from '../../exchange.ts'
import { isPrivate } from '../../networks.ts'
import { type Contact, decodeKad, encodeKad, type KadMessage, kadProtocol, Type } from './codec.ts'
import { type ExtensibleRecord, openExtensible } from './extensible-record.ts'
import { keyOfPeer, type Placed, placed } from './ids.ts'
import { askLimits } from './limits.ts'
import type { Table } from './table.ts'

export interface KadClientParts {
  readonly libp2p: Pick<Libp2p, 'dialProtocol' | 'getConnections' | 'peerId'>
  readonly table: Table
  /** False: we are on the public network, and addresses of private ones mean nothing. */
  readonly takesPrivate: () => boolean
  readonly signal: AbortSignal
}

export class KadClient {
  readonly #parts: KadClientParts

  constructor(parts: KadClientParts) {
    this.#parts = parts
  }

  /** The nodes that `node` knows closest to a key; undefined when it does not answer. */
  async findNode(node: Placed, key: Uint8Array): Promise<Placed[] | undefined> {
    const answer = await this.#answerOf(node, { type: Type.findNode, key, closer: [] })
    return answer?.closer.filter(({ peerId }) => !peerId.equals(this.#parts.libp2p.peerId)).map(placed)
  }

  /** The record of `peer` that `node` has; undefined when it has none, or one that is not signed by `peer`. */
  async recordOf(peer: PeerId, node: Placed): Promise<ExtensibleRecord | undefined> {
    const answer = await this.#answerOf(node, { type: Type.getValue, key: keyOfPeer(peer), closer: [] })
    if (answer?.value === undefined) return undefined
    try {
      const record = await openExtensible(answer.value)
      return record.peerId.equals(peer) ? record : undefined
    } catch {
      return undefined
    }
  }

  /** True: `node` keeps the record under the key. */
  async put(node: Placed, key: Uint8Array, value: Uint8Array): Promise<boolean> {
    const answer = await this.#answerOf(node, { type: Type.putValue, key, value, closer: [] })
    return answer?.value !== undefined && Buffer.compare(answer.value, value) === 0
  }

  async #answerOf(node: Placed, message: KadMessage): Promise<KadMessage | undefined> {
    const { table, signal } = this.#parts
    try {
      const answer = await this.#ask(node, encodeKad(message))
      table.answers(node.id)
      return answer
    } catch {
      // A refusal to keep a record looks like silence.
      if (!signal.aborted && message.type !== Type.putValue) table.failed(node.id)
      return undefined
    }
  }

  async #ask(node: Contact, body: Uint8Array): Promise<KadMessage> {
    const { libp2p, signal } = this.#parts
    const answer = await request(libp2p, this.#wayTo(node), kadProtocol, body, { ...askLimits, signal })
    return decodeKad(answer)
  }

  #wayTo({ peerId, addresses }: Contact): PeerId | Multiaddr[] {
    const { libp2p } = this.#parts
    if (libp2p.getConnections(peerId).length > 0) return peerId
    const dialled = addresses.filter((address) => this.takes(address))
    if (dialled.length === 0) throw new WaypostError('client/unreachable', { peer: `${peerId}`, why: 'no address' })
    return dialled
  }

  takes(address: Multiaddr): boolean {
    const host = hostOf(address)
    return this.#parts.takesPrivate() || host === undefined || !isPrivate(host)
  }
}
