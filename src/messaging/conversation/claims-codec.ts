/** Claims about a message as bytes, for the row of the message. */
import { bool, bytes, field, int32, message, repeated, text, uint32, uint64 } from '../schema.ts'
import { type Claims, maxClaims, noClaims } from './claims.ts'

const from = field(1, text(256))
const clock = field(2, uint64)

const claimsTable = message('claims about a message', {
  edits: repeated(
    1,
    message('an edit', { from, clock, text: field(3, text()), contentType: field(4, int32) }),
    maxClaims,
  ),
  deletions: repeated(2, message('a deletion', { from, clock }), maxClaims),
  reactions: repeated(
    3,
    message('a reaction', { from, clock, emotion: field(3, int32), retracted: field(4, bool) }),
    maxClaims,
  ),
  pins: repeated(4, message('a pin', { from, clock, pinned: field(3, bool) }), maxClaims),
})

/** A message's row: where in history it stands, empty while it has not come; and what was said about it. */
const rowTable = message('the row of a message', {
  version: field(1, uint32),
  at: field(2, text(256)),
  claims: field(3, bytes()),
})

export interface MessageRow {
  readonly at: string
  readonly claims: Claims
}

export const noRow: MessageRow = { at: '', claims: noClaims }

const version = 1

export function encodeMessageRow({ at, claims }: MessageRow): Uint8Array {
  const { edits, deletions, reactions, pins } = claims
  const written = claimsTable.encode({
    edits: [...edits.values()],
    deletions: [...deletions.values()],
    reactions: [...reactions.values()],
    pins: [...pins.values()],
  })
  return rowTable.encode({ version, at, claims: written })
}

/** Reads what `encodeMessageRow` wrote; undefined when it is damaged, or of a later release. */
export function decodeMessageRow(stored: Uint8Array): MessageRow | undefined {
  const row = rowTable.parse(Uint8Array.from(stored))
  const claims = row?.version === version ? claimsTable.parse(row.claims) : undefined
  if (row === undefined || claims === undefined) return undefined
  return {
    at: row.at,
    claims: {
      edits: new Map(claims.edits.map((one) => [one.from, one])),
      deletions: new Map(claims.deletions.map((one) => [one.from, one])),
      reactions: new Map(claims.reactions.map((one) => [`${one.from} ${one.emotion}`, one])),
      pins: new Map(claims.pins.map((one) => [one.from, one])),
    },
  }
}
