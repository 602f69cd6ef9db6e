/** States as they are stored: tables with a version, read whole or not at all. */
import { WaypostError } from '../core/errors.ts'
import type { Message } from './schema.ts'

/** Reads what was stored as `table`, of this `version`; bytes of its own. Throws `session/unreadable`. */
export function readStored<Value extends { readonly version: number }, Draft>(
  table: Message<Value, Draft>,
  version: number,
  stored: Uint8Array,
): Value {
  // A copy: the fields are views, and the caller may use the buffer again.
  const read = table.parse(Uint8Array.from(stored))
  if (read === undefined) throw unreadable(`${table.name}: it is damaged`)
  if (read.version !== version)
    throw unreadable(`${table.name}: it has version ${read.version}, this release knows ${version}`)
  return read
}

export function unreadable(why: string): WaypostError {
  return new WaypostError('session/unreadable', { why })
}
