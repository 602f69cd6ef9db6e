/** Exports for tests. */
import { ExportDecoder, type ExportPart, readExport } from '../../../src/archive/export/decoder.ts'
import { ExportEncoder } from '../../../src/archive/export/encoder.ts'
import type { ExportHeader, ExportRecord } from '../../../src/archive/export/format.ts'
import type { Envelope } from '../../../src/core/envelope.ts'

export const header: ExportHeader = { createdAt: 1_763_892_345_678, writer: 'waypost/test', selection: {} }

export function recordOf({ hash, pubsubTopic, message, bytes }: Envelope): ExportRecord {
  // What the tests of this folder make has a time.
  return { timestamp: message.timestamp!, hash, pubsubTopic, bytes }
}

/** The chunks of an export, the first with what stands before it. */
export function chunksOf(records: readonly ExportRecord[], { compress = true, head = header } = {}): Buffer[] {
  const encoder = new ExportEncoder({ compress })
  return [encoder.header(head), ...encoder.add(records), ...encoder.end()]
}

export function exportOf(records: readonly ExportRecord[], options: { compress?: boolean } = {}): Buffer {
  return Buffer.concat(chunksOf(records, options))
}

/** `bytes` cut into pieces of this length. */
export function* pieces(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length)
}

export interface Read {
  readonly parts: readonly ExportPart[]
  readonly records: readonly ExportRecord[]
  readonly error: unknown
}

/** What can be read of `bytes` up to where they are damaged. */
export function read(bytes: Uint8Array, pieceLength = 1000): Read {
  const parts: ExportPart[] = []
  const decoder = new ExportDecoder()
  let error: unknown
  try {
    for (const piece of pieces(bytes, pieceLength)) for (const part of decoder.push(piece)) parts.push(part)
    decoder.end()
  } catch (caught) {
    error = caught
  }
  return { parts, records: parts.flatMap((part) => (part.is === 'records' ? part.records : [])), error }
}

/** The records of a whole export that comes as a stream. */
export async function recordsIn(source: AsyncIterable<Uint8Array>): Promise<ExportRecord[]> {
  const records: ExportRecord[] = []
  for await (const part of readExport(source)) if (part.is === 'records') records.push(...part.records)
  return records
}
