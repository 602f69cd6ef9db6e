/** What we answer to the requests of others. Pure. */

import { isPrivate } from '../../networks.ts'
import type { SocketAddress } from '../address-fields.ts'
import type { Enr } from '../enr.ts'
import { maxRecords, maxRecordsBytes } from './limits.ts'
import type { FindNode, RequestMessage, ResponseMessage } from './messages.ts'
import type { Table } from './table.ts'

export interface AnswerParts {
  readonly own: () => Enr
  readonly table: Pick<Table, 'at'>
}

/** The messages that answer `request`, which came from `from`. */
export function answer(request: RequestMessage, from: SocketAddress, { own, table }: AnswerParts): ResponseMessage[] {
  const { id } = request
  const { address, port } = from
  if (request.type === 'ping') return [{ type: 'pong', id, sequence: own().sequence, address, port }]
  if (request.type === 'findnode') return nodes(request, recordsAt(request, from, { own, table }))
  // Nothing of Waku's goes by TALKREQ; a protocol that is unknown has an empty answer.
  return [{ type: 'talkresp', id, response: new Uint8Array() }]
}

function recordsAt({ distances }: FindNode, from: SocketAddress, { own, table }: AnswerParts): Uint8Array[] {
  const found = [...new Set(distances)].flatMap((distance) => {
    if (distance === 0) return [own().bytes]
    const told = table.at(distance).filter(({ record }) => isRelayable(from.address, record.udp.address))
    return told.map(({ enr }) => enr.bytes)
  })
  return found.slice(0, maxRecords)
}

/** An address of a private network is for those who are on one. */
export function isRelayable(teller: string, address: string): boolean {
  return !isPrivate(address) || isPrivate(teller)
}

/** As many packets as it takes, one when there is nothing to tell. */
function nodes({ id }: FindNode, records: readonly Uint8Array[]): ResponseMessage[] {
  const packets: Uint8Array[][] = [[]]
  let room = maxRecordsBytes
  for (const record of records) {
    if (record.length > room) {
      packets.push([])
      room = maxRecordsBytes
    }
    packets.at(-1)?.push(record)
    room -= record.length
  }
  return packets.map((packet) => ({ type: 'nodes', id, total: packets.length, records: packet }))
}
