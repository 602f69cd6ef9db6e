/** Writes an export, chunk by chunk; it can go on where another one was cut off. Pure. */
import { firstLink, Kind, type Sealed, sealChunk } from './chunk.ts'
import {
  type ExportHeader,
  type ExportRecord,
  type ExportTotals,
  encodeFooter,
  encodeHeader,
  encodeRecords,
  magic,
  maxChunkRecords,
  noTotals,
  recordBytes,
  withRecords,
} from './format.ts'

/** Bytes of records gathered for one chunk: enough for zstd, and about a millisecond of work. */
const chunkBytes = 128 * 1024

/** Where an export stands: what is written, and the digest that the next chunk hangs on. */
export interface ExportState {
  readonly totals: ExportTotals
  readonly link: Buffer
}

export interface EncoderOptions {
  /** True for files; on the way between processes the bytes are read at once. */
  readonly compress: boolean
  /** To go on with an export of which this is there. */
  readonly from?: ExportState
}

export class ExportEncoder {
  readonly #compress: boolean
  #link: Buffer
  #totals: ExportTotals
  #gathered: ExportRecord[] = []
  #gatheredBytes = 0

  constructor({ compress, from = { totals: noTotals, link: firstLink } }: EncoderOptions) {
    this.#compress = compress
    this.#link = from.link
    this.#totals = from.totals
  }

  /** What the chunks given out so far hold. */
  get totals(): ExportTotals {
    return this.#totals
  }

  /** The beginning of a new export. */
  header(header: ExportHeader): Buffer {
    return Buffer.concat([magic, this.#seal(Kind.header, encodeHeader(header))])
  }

  /** Takes `records`, which follow those before in the order of history, and gives the chunks that are full. */
  *add(records: readonly ExportRecord[]): Generator<Buffer> {
    for (const record of records) {
      this.#gathered.push(record)
      this.#gatheredBytes += recordBytes(record)
      if (this.#gatheredBytes >= chunkBytes || this.#gathered.length === maxChunkRecords) yield this.#flush()
    }
  }

  /** The last records, and the footer. */
  *end(): Generator<Buffer> {
    if (this.#gathered.length > 0) yield this.#flush()
    yield this.#seal(Kind.footer, encodeFooter(this.#totals))
  }

  #flush(): Buffer {
    const records = this.#gathered
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#totals = withRecords(this.#totals, records)
    return this.#seal(Kind.records, encodeRecords(records))
  }

  #seal(kind: Kind, content: Uint8Array): Buffer {
    const { bytes, link }: Sealed = sealChunk(kind, content, this.#link, this.#compress)
    this.#link = link
    return bytes
  }
}
