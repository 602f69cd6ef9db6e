/**
 * A process that puts and removes secret rows without end, and tells its parent before and after each transaction, until it is
 * killed. `folder`, `delay`: how soon the ring turns after a removal.
 */
import { setImmediate } from 'node:timers/promises'
import { openDatabase } from '../../../src/messaging/storage/database.ts'
import { bytes, databaseKey } from './kit.ts'

/** Values by key; null: removed. */
export type Changes = Readonly<Record<string, string | null>>
export type Told = { readonly begun: Changes } | { readonly done: true }

const [folder = '', delay = '0'] = process.argv.slice(2)
const database = await openDatabase(folder, databaseKey, { delay: Number(delay) })
process.on('disconnect', () => process.exit())

for (let round = 0; process.connected; round += 1) {
  const changes = chosen(round)
  // Heard in any case before anything is on disk.
  await tell({ begun: changes })
  await database.transaction(async (rows) => {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) rows.remove(key)
      else rows.put(key, bytes(value))
    }
  })
  await tell({ done: true })
  if (round % 7 === 0) await database.erased()
  await setImmediate()
}

function tell(told: Told): Promise<void> {
  return new Promise((resolve) => process.send?.(told, () => resolve()))
}

/** Half of them removals, among few keys, so that most of what is removed is there. */
function chosen(round: number): Changes {
  const keys = Array.from({ length: 1 + (round % 4) }, () => `secret/${Math.floor(Math.random() * 120)}`)
  return Object.fromEntries(keys.map((key) => [key, Math.random() < 0.5 ? null : `${process.pid} ${round} ${key}`]))
}
