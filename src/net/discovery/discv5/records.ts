/**
 * Node records from the wire, each read and checked once: a signature takes a millisecond, and the same records come
 * from many neighbours.
 */
import { isWaypostError } from '../../../core/errors.ts'
import type { SocketAddress } from '../address-fields.ts'
import { decodeEnr, type Enr } from '../enr.ts'
import { type NodeRecord, readRecord } from '../node-record.ts'
import { type NodeId, nodeIdOf } from './ids.ts'

/** Somebody of whom we have a record, its signature checked. */
export interface Neighbour {
  readonly id: NodeId
  readonly enr: Enr
  readonly record: NodeRecord
}

/** A neighbour that says where its discv5 is. */
export interface Reachable extends Neighbour {
  readonly record: NodeRecord & { readonly udp: SocketAddress }
}

export function isReachable(neighbour: Neighbour): neighbour is Reachable {
  const { udp } = neighbour.record
  return udp !== undefined && udp.port !== 0
}

/** Who a record is of. Throws `enr/malformed`. */
export function neighbourIn(enr: Enr): Neighbour {
  return { id: nodeIdOf(enr.publicKey), enr, record: readRecord(enr) }
}

export class Records {
  readonly #capacity: number
  /** By the bytes of the record, the one seen longest ago first. */
  readonly #known = new Map<string, Neighbour>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Who the record is of; undefined when it is none, or its signature does not fit. */
  read(bytes: Uint8Array): Neighbour | undefined {
    const key = Buffer.from(bytes).toString('latin1')
    const neighbour = this.#known.get(key) ?? decode(bytes)
    if (neighbour === undefined) return undefined
    this.#known.delete(key)
    this.#known.set(key, neighbour)
    if (this.#known.size > this.#capacity) this.#forgetOldest()
    return neighbour
  }

  #forgetOldest(): void {
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}

/** A copy is read, or a record of a hundred bytes would keep its whole packet in memory. */
function decode(bytes: Uint8Array): Neighbour | undefined {
  try {
    return neighbourIn(decodeEnr(Uint8Array.from(bytes)))
  } catch (error) {
    if (isWaypostError(error)) return undefined
    throw error
  }
}
