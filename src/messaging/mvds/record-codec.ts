/** The rows of MVDS as bytes, for a store that keeps bytes. */
import { bytes, field, message, text, uint32, uint64 } from '../schema.ts'
import type { SyncRecord } from './records.ts'

const version = 1

const kinds = ['pending', 'wanted', 'seen'] as const

const recordTable = message('a row of MVDS', {
  version: field(1, uint32),
  kind: field(2, uint32),
  /** 130 digits. */
  peer: field(3, text(256)),
  id: field(4, bytes(32)),
  groupId: field(5, bytes(32)),
  timestamp: field(6, uint64),
  body: field(7, bytes()),
  sends: field(8, uint32),
  /** When it is due, or when it came. */
  at: field(9, uint64),
})

export function encodeRecord(record: SyncRecord): Uint8Array {
  const { kind, peer, id } = record
  const common = { version, kind: kinds.indexOf(kind), peer, id: Buffer.from(id, 'hex') }
  if (record.kind === 'seen') return recordTable.encode({ ...common, at: BigInt(Math.round(record.at)) })
  const sending = { ...common, sends: record.sends, at: BigInt(Math.round(record.dueAt)) }
  if (record.kind === 'wanted') return recordTable.encode(sending)
  const { groupId, timestamp, body } = record
  return recordTable.encode({ ...sending, groupId, timestamp, body })
}

/** Reads what `encodeRecord` wrote; undefined when it is damaged, or of a later release. The row has bytes of its own. */
export function decodeRecord(stored: Uint8Array): SyncRecord | undefined {
  const read = recordTable.parse(Uint8Array.from(stored))
  const kind = kinds[read?.kind ?? kinds.length]
  if (read?.version !== version || kind === undefined) return undefined
  const { peer, groupId, timestamp, body, sends } = read
  const id = Buffer.from(read.id).toString('hex')
  const at = Number(read.at)
  if (kind === 'seen') return { kind, peer, id, at }
  return kind === 'wanted'
    ? { kind, peer, id, sends, dueAt: at }
    : { kind, peer, id, groupId, timestamp, body, sends, dueAt: at }
}
