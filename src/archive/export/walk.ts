/** An archive from its oldest message to its newest, page after page, as the records of an export. */
import { setTimeout as pause } from 'node:timers/promises'
import { isWaypostError } from '../../core/errors.ts'
import type { MessageHash } from '../../core/hash.ts'
import { decodeMessage } from '../../core/message.ts'
import { maxPageMessages, type Page, type Query, type StoredMessage } from '../../core/query.ts'
import type { Nanoseconds } from '../../core/time.ts'
import type { Place } from '../backend.ts'
import type { ExportRecord, ExportSelection } from './format.ts'

/** What a walk needs of an archive. */
export interface Readable {
  query(query: Query): Promise<Page>
}

export interface WalkOptions {
  /** Only what stands behind this place: where an earlier walk stopped. */
  readonly after?: Place
  /** True: rests after each page as long as the page took, so that a node has half of its time for its peers. */
  readonly gentle?: boolean
}

/**
 * The messages of `selection` in the order of history: all that are stored when the walk begins, and of those that are
 * stored meanwhile some. Throws what `query` throws.
 */
export async function* walk(
  archive: Readable,
  selection: ExportSelection,
  { after, gentle = false }: WalkOptions = {},
): AsyncGenerator<readonly ExportRecord[], void, undefined> {
  const pages = new Pages(archive, { ...selection, end: await endOf(archive, selection) }, after)
  for (;;) {
    const since = performance.now()
    const records = await pages.next()
    if (records === undefined) return
    if (records.length > 0) yield records
    if (gentle) await pause(performance.now() - since)
  }
}

/** Messages that come while we walk stand at the end: without a bound a walk could follow them for ever. */
async function endOf(archive: Readable, { end }: ExportSelection): Promise<Nanoseconds | undefined> {
  const { messages } = await archive.query({ direction: 'backward', limit: 1, includeData: true })
  const newest = messages.flatMap(recordOf)[0]?.timestamp
  return newest === undefined || (end !== undefined && end < newest) ? end : newest
}

class Pages {
  readonly #archive: Readable
  readonly #selection: ExportSelection
  #after: Place | undefined
  #cursor: MessageHash | undefined
  #ended = false

  constructor(archive: Readable, selection: ExportSelection, after: Place | undefined) {
    this.#archive = archive
    this.#selection = selection
    this.#after = after
  }

  /** Undefined at the end. A page may be empty in the middle. */
  async next(): Promise<readonly ExportRecord[] | undefined> {
    if (this.#ended) return undefined
    const { messages, cursor } = await this.#read()
    this.#cursor = cursor
    this.#ended = cursor === undefined
    const after = this.#after
    const records = messages.flatMap(recordOf).filter((record) => after === undefined || isBehind(record, after))
    this.#after = records.at(-1) ?? after
    return records
  }

  async #read(): Promise<Page> {
    const cursor = this.#cursor
    if (cursor === undefined) return await this.#archive.query(this.#fromPlace())
    try {
      return await this.#archive.query({ ...this.#query(), cursor })
    } catch (error) {
      // Deleted so long ago that its place is forgotten: its time is still a bound.
      if (isWaypostError(error, 'archive/unknown-cursor')) return await this.#archive.query(this.#fromPlace())
      throw error
    }
  }

  #query(): Query {
    return { ...this.#selection, direction: 'forward', limit: maxPageMessages, includeData: true }
  }

  /** Begins at the time of the last place; what stands up to it is passed over. */
  #fromPlace(): Query {
    const query = this.#query()
    const from = this.#after?.timestamp
    return from === undefined || (query.start !== undefined && query.start > from) ? query : { ...query, start: from }
  }
}

function isBehind(record: Place, place: Place): boolean {
  if (record.timestamp !== place.timestamp) return record.timestamp > place.timestamp
  return record.hash > place.hash
}

/** Nothing for a message without its data, which a query with data does not give. */
function recordOf({ hash, data }: StoredMessage): ExportRecord[] {
  const timestamp = data && decodeMessage(data.bytes).timestamp
  return data === undefined || timestamp === undefined ? [] : [{ timestamp, hash, ...data }]
}
