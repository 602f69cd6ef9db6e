/**
 * Keys of rows: `table/row`. What the database notes for itself stands under keys without a slash, beside them: which slots of
 * the ring are to turn, and which tables hold bytes of what was removed.
 */
import { WaypostError } from '../../core/errors.ts'

/** In front of the keys of rows that open messages. */
export const secretTable = 'secret'

export function isSecret(key: string): boolean {
  return key.startsWith(`${secretTable}/`)
}

/** True for a key of a row; false for one of a note. */
export function isRowKey(key: string): boolean {
  return key.includes('/')
}

/** The text before the first slash. */
export function tableOf(key: string): string {
  return key.slice(0, key.indexOf('/'))
}

/** Throws for a key that is none; the key is not in the text. */
export function checkKey(key: string): void {
  if (!isRowKey(key)) throw new WaypostError('internal/bug', { why: 'the key of a row has no table in front' })
  // Halves of letters would all be written as the same bytes.
  if (!key.isWellFormed()) throw new WaypostError('internal/bug', { why: 'the key of a row is not text' })
}

/** Keys around all rows of a table that are no row's: a full stop is before the slash, a zero behind it. */
export function aroundTable(table: string): { readonly begin: string; readonly end: string } {
  return { begin: `${table}.`, end: `${table}0` }
}
