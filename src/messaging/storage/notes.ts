/**
 * What is still to be done about removed rows: slots of the ring that are to turn, and tables whose files hold removed bytes.
 * A note is on disk in the same step as the removal, so that a start after a crash goes on where the last run ended.
 */

const slotNote = '!turn:'
const tableNote = '!compact:'

/** The keys of all notes begin with it, and no key of a row does before its slash. */
export const noteMark = '!'

export class Notes {
  readonly slots = new Set<number>()
  readonly tables = new Set<string>()

  /** `key`: of a note; that of anything else is passed over. */
  add(key: string): void {
    if (key.startsWith(slotNote)) this.slots.add(Number(key.slice(slotNote.length)))
    if (key.startsWith(tableNote)) this.tables.add(key.slice(tableNote.length))
  }

  /** The keys of notes for `slots` and `tables` that are not there yet. */
  missing(slots: Iterable<number>, tables: Iterable<string>): string[] {
    const newSlots = Array.from(slots).filter((slot) => !this.slots.has(slot))
    const newTables = Array.from(tables).filter((table) => !this.tables.has(table))
    return [...keysOfSlots(newSlots), ...keysOfTables(newTables)]
  }
}

export function keysOfSlots(slots: Iterable<number>): string[] {
  return Array.from(new Set(slots), (slot) => `${slotNote}${slot}`)
}

export function keysOfTables(tables: Iterable<string>): string[] {
  return Array.from(new Set(tables), (table) => `${tableNote}${table}`)
}
