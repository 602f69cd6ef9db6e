/**
 * Reads an export as its bytes come, a chunk at a time, and trusts none of them: memory is bounded by one chunk, and an
 * error says at which chunk and byte the export stops being one. Pure.
 */
import { isWaypostError, WaypostError } from '../../core/errors.ts'
import { type Claim, firstLink, headBytes, Kind, linkIn, openChunk, readClaim } from './chunk.ts'
import type { ExportState } from './encoder.ts'
import {
  decodeFooter,
  decodeHeader,
  decodeRecords,
  type ExportHeader,
  type ExportRecord,
  type ExportTotals,
  magic,
  noTotals,
  sameTotals,
  withRecords,
} from './format.ts'

/** A part of an export, and the byte behind it: up to there the file is good. */
export type ExportPart = { readonly end: number } & (
  | { readonly is: 'header'; readonly header: ExportHeader }
  | { readonly is: 'records'; readonly records: readonly ExportRecord[] }
  | { readonly is: 'footer'; readonly totals: ExportTotals }
)

/** What has come and is not read yet. */
class Inbox {
  #pieces: Uint8Array[] = []
  length = 0

  push(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#pieces.push(bytes)
    this.length += bytes.length
  }

  /** The first `length` bytes, which are there; left there when they are only looked at. */
  take(length: number, look = false): Buffer {
    if ((this.#pieces[0]?.length ?? 0) < length) this.#pieces = [Buffer.concat(this.#pieces)]
    const [first = new Uint8Array()] = this.#pieces
    if (!look) {
      this.#pieces[0] = first.subarray(length)
      this.length -= length
    }
    return Buffer.from(first.buffer, first.byteOffset, length)
  }
}

export interface DecoderOptions {
  /** Bytes that all chunks together may unpack to, for an export that is to be held in memory. */
  readonly mostBytes?: number
}

export class ExportDecoder {
  readonly #mostBytes: number
  readonly #inbox = new Inbox()
  #unpacked = 0
  #position = 0
  #chunks = 0
  #begun = false
  #ended = false
  #claim: Claim | undefined
  #link = firstLink
  #totals = noTotals

  constructor({ mostBytes = Number.POSITIVE_INFINITY }: DecoderOptions = {}) {
    this.#mostBytes = mostBytes
  }

  /** Where the export stands behind the last part. */
  get state(): ExportState {
    return { totals: this.#totals, link: this.#link }
  }

  /** True when the footer was read. */
  get complete(): boolean {
    return this.#ended
  }

  /** The parts that `bytes` complete. Throws `export/damaged` and `export/newer`, also behind parts that were good. */
  *push(bytes: Uint8Array): Generator<ExportPart> {
    this.#inbox.push(bytes)
    for (;;) {
      const part = this.#checked(() => this.#next())
      if (part === undefined) return
      yield part
    }
  }

  /** To be told when no bytes follow. Throws `export/damaged` unless the export is whole. */
  end(): void {
    if (!this.#ended) throw this.#damaged('it ends in the middle')
  }

  #next(): ExportPart | undefined {
    if (this.#position === 0 && !this.#readMagic()) return undefined
    if (this.#ended && this.#inbox.length > 0) throw malformed('there are bytes behind the footer')
    const chunk = this.#takeChunk()
    return chunk && this.#read(chunk.bytes, chunk.claim)
  }

  #readMagic(): boolean {
    const come = Math.min(this.#inbox.length, magic.length)
    if (!magic.subarray(0, come).equals(this.#inbox.take(come, true))) throw malformed('it does not begin as an export')
    if (come < magic.length) return false
    this.#inbox.take(come)
    this.#position = come
    return true
  }

  #takeChunk(): { readonly bytes: Buffer; readonly claim: Claim } | undefined {
    if (this.#inbox.length < headBytes) return undefined
    const claim = this.#claim ?? readClaim(this.#inbox.take(headBytes, true))
    this.#claim = claim
    if (this.#inbox.length < headBytes + claim.stored) return undefined
    this.#claim = undefined
    this.#unpacked += claim.length
    if (this.#unpacked > this.#mostBytes) throw malformed(`it unpacks to more than ${this.#mostBytes} bytes`)
    return { bytes: this.#inbox.take(headBytes + claim.stored), claim }
  }

  #read(chunk: Buffer, claim: Claim): ExportPart {
    if (this.#begun === (claim.kind === Kind.header)) throw malformed('the header is not where it belongs')
    const part = this.#partOf(claim.kind, openChunk(chunk, claim, this.#link), this.#position + chunk.length)
    this.#position += chunk.length
    this.#chunks += 1
    this.#begun = true
    this.#link = linkIn(chunk)
    return part
  }

  #partOf(kind: Kind, content: Uint8Array, end: number): ExportPart {
    if (kind === Kind.header) return { is: 'header', header: decodeHeader(content), end }
    if (kind === Kind.records) return { is: 'records', records: this.#records(content), end }
    const totals = decodeFooter(content)
    if (!sameTotals(totals, this.#totals)) throw malformed('the footer counts other messages than there are')
    this.#ended = true
    return { is: 'footer', totals, end }
  }

  #records(content: Uint8Array): readonly ExportRecord[] {
    const records = decodeRecords(content)
    this.#totals = withRecords(this.#totals, records)
    return records
  }

  #checked<Value>(read: () => Value): Value {
    try {
      return read()
    } catch (error) {
      if (isWaypostError(error, 'wire/malformed')) throw this.#damaged(String(error.data.why))
      throw error
    }
  }

  #damaged(why: string): WaypostError {
    return new WaypostError('export/damaged', { chunk: this.#chunks, byte: this.#position, why })
  }
}

function malformed(why: string): WaypostError {
  return new WaypostError('wire/malformed', { what: 'export', why })
}

/** The parts of an export whose bytes come from `source`, whole or as far as it is good. Throws as the decoder does. */
export async function* readExport(
  source: AsyncIterable<Uint8Array>,
  decoder = new ExportDecoder(),
): AsyncGenerator<ExportPart, void, undefined> {
  for await (const bytes of source) yield* decoder.push(bytes)
  decoder.end()
}
