/**
 * When who we are was last published, and what that was: one row. Each publishing shows whoever knows our id that we are there, so a
 * start, or another command, does it again only when it is due, or when there is something else to say.
 */
import { createHash } from 'node:crypto'
import type { Milliseconds } from '../../core/time.ts'
import { sameBytes } from '../keys.ts'
import { bytes, field, message, uint32, uint64 } from '../schema.ts'
import type { Rows } from '../storage/rows.ts'
import { readStored } from '../stored.ts'

/** How often prekeys, profile and our communities are published: stores forget. status-go. */
export const publishEvery: Milliseconds = 6 * 60 * 60 * 1000

/**
 * Whose change is told at once. New prekeys can wait until it is due, since those before are kept; a community of ours tells
 * of each change itself.
 */
export interface Published {
  readonly name: string
  /** Ids of our other devices of which we tell. */
  readonly installations: readonly string[]
}

const row = 'self/published'
const version = 1
const digestBytes = 32

const table = message('what was published last', {
  version: field(1, uint32),
  at: field(2, uint64),
  digest: field(3, bytes(digestBytes)),
})

function digestOf({ name, installations }: Published): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([name, ...[...installations].sort()]))
    .digest()
}

/** True when it is time to publish, or something else is to be said. A clock that went back tells nothing of the time since. */
async function isDue(rows: Pick<Rows, 'get'>, published: Published, now: Milliseconds): Promise<boolean> {
  const stored = await rows.get(row)
  if (stored === undefined) return true
  const { at, digest } = readStored(table, version, stored)
  const since = now - Number(at)
  return since < 0 || since >= publishEvery || !sameBytes(digest, digestOf(published))
}

function save(rows: Rows, published: Published, now: Milliseconds): void {
  rows.put(row, table.encode({ version, at: BigInt(Math.floor(now)), digest: digestOf(published) }))
}

export const publication = { isDue, save }
