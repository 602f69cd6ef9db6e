/** A message as history keeps it: the payload as it came, and what the layers below said of it. */
import type { Milliseconds } from '../../core/time.ts'
import { type ChatMessage, chatMessage } from '../application/chat.ts'
import { bytes, field, message, text, uint32, uint64 } from '../schema.ts'
import { readStored, unreadable } from '../stored.ts'

/** How far a message of ours has come: on its way, at one of those it is for, or given up. Theirs have come. */
export const statuses = ['received', 'sending', 'delivered', 'failed'] as const
export type Status = (typeof statuses)[number]

export interface HistoryRecord {
  /** `0x` and 64 digits. */
  readonly id: string
  readonly chatId: string
  /** The user id of the author. */
  readonly from: string
  readonly receivedAt: Milliseconds
  readonly status: Status
  readonly message: ChatMessage
}

const version = 1

const recordTable = message('a message of history', {
  version: field(1, uint32),
  id: field(2, text(128)),
  chatId: field(3, text(1024)),
  from: field(4, text(256)),
  receivedAt: field(5, uint64),
  status: field(6, uint32),
  message: field(7, bytes()),
})

export function encodeHistoryRecord(record: HistoryRecord): Uint8Array {
  return recordTable.encode({
    ...record,
    version,
    receivedAt: BigInt(Math.round(record.receivedAt)),
    status: statuses.indexOf(record.status),
    message: chatMessage.encode(record.message),
  })
}

/** Reads what `encodeHistoryRecord` wrote. Throws `session/unreadable`. */
export function decodeHistoryRecord(stored: Uint8Array): HistoryRecord {
  const { id, chatId, from, receivedAt, status, message: said } = readStored(recordTable, version, stored)
  const message = chatMessage.parse(said)
  if (message === undefined) throw unreadable('a message of history is damaged')
  return { id, chatId, from, receivedAt: Number(receivedAt), status: statuses[status] ?? 'received', message }
}
