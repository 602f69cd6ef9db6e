/** A query becomes a page: from the cursor's place on, intact messages only, within the bounds of a page and of work. */

import { WaypostError } from '../core/errors.ts'
import type { MessageHash } from '../core/hash.ts'
import { maxPageBytes, type Page, type Query, type StoredMessage } from '../core/query.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Backend, Place, Row } from './backend.ts'
import { isIntact } from './intact.ts'

/** What one query may cost. Beyond it the page ends early, with a cursor for the rest. */
export interface QueryBudget {
  /**
   * Rows looked at. Only a query for a content topic whose messages lie on another shard looks at rows that it does not
   * want; beyond this an empty page is answered, which clients take for the end of history.
   */
  readonly rows: number
  /** Time after which a page that has at least one message ends. */
  readonly time: Milliseconds
}

export const defaultQueryBudget: QueryBudget = { rows: 50_000, time: 500 }

/** Reads the page that `query` asks for. `damaged` hears of each message that is not what its hash says. */
export async function readPage(
  backend: Backend,
  { cursor, limit, includeData, ...criteria }: Query,
  damaged: (hash: MessageHash) => void,
  budget: QueryBudget = defaultQueryBudget,
): Promise<Page> {
  const deadline = performance.now() + budget.time
  const expired = () => performance.now() > deadline
  const isSound = (row: Row): boolean => {
    const intact = row.intact ?? isIntact(row)
    if (!intact) damaged(row.hash)
    return intact
  }
  const found: Row[] = []
  let { rows } = budget
  let bytes = maxPageBytes
  let after = cursor === undefined ? undefined : await placeOf(backend, cursor)
  for (;;) {
    const bounds = { includeData, messages: limit - found.length, bytes, rows, expired }
    const slice = await backend.scan({ ...criteria, after }, bounds)
    const intact = includeData ? slice.rows.filter(isSound) : slice.rows
    found.push(...intact)
    bytes -= intact.reduce((sum, { data }) => sum + (data?.bytes.length ?? 0), 0)
    rows -= slice.rows.length
    after = slice.stoppedAt
    // Only damaged messages leave room in a page that the bounds have ended.
    const isDone = after === undefined || intact.length === slice.rows.length
    if (isDone || found.length >= limit || rows <= 0 || (found.length > 0 && (bytes <= 0 || expired()))) {
      return pageOf(found, criteria.direction, after)
    }
  }
}

async function placeOf(backend: Backend, cursor: MessageHash): Promise<Place> {
  const place = await backend.locate(cursor)
  if (place === undefined) throw new WaypostError('archive/unknown-cursor', { cursor })
  return place
}

function pageOf(rows: Row[], direction: Query['direction'], stoppedAt: Place | undefined): Page {
  if (direction === 'backward') rows.reverse()
  const messages = rows.map(({ hash, data }): StoredMessage => ({ hash, data }))
  return stoppedAt === undefined ? { messages } : { messages, cursor: stoppedAt.hash }
}
