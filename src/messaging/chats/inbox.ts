/**
 * Messages that came and that the application has not been handed, in rows: each is handed out once, across restarts. It
 * is taken out when the application asks for the next one, so one that it was busy with comes again after a crash.
 */
import { field, message, text } from '../schema.ts'
import type { Database, Rows } from '../storage/rows.ts'

const prefix = 'inbox/'
const digits = 16

/** Messages that wait: of an application that never asks, the oldest are found in history only. */
export const maxWaiting = 100_000

export interface Waiting {
  readonly chat: string
  readonly id: string
}

const table = message('a message that waits', { chat: field(1, text(1024)), id: field(2, text(128)) })

function rowOf(number: number): string {
  return `${prefix}${String(number).padStart(digits, '0')}`
}

export class Inbox {
  readonly #database: Database
  #first = 0
  #next = 0

  private constructor(database: Database) {
    this.#database = database
  }

  static async load(database: Database): Promise<Inbox> {
    const inbox = new Inbox(database)
    for await (const { key } of database.scan({ prefix, limit: 1 })) inbox.#first = numberOf(key)
    inbox.#next = inbox.#first
    for await (const { key } of database.scan({ prefix, limit: 1, backwards: true })) inbox.#next = numberOf(key) + 1
    return inbox
  }

  put(rows: Rows, waiting: Waiting): void {
    rows.put(rowOf(this.#next), table.encode(waiting))
    this.#next += 1
    if (this.#next - this.#first <= maxWaiting) return
    rows.remove(rowOf(this.#first))
    this.#first += 1
  }

  /** Those that wait, from the row `after` on. */
  async *waiting(after?: string): AsyncGenerator<Waiting & { readonly row: string }> {
    for await (const { key, value } of this.#database.scan({ prefix, ...(after !== undefined && { after }) })) {
      const { chat, id } = table.decode(Uint8Array.from(value))
      yield { row: key, chat, id }
    }
  }

  async done(row: string): Promise<void> {
    await this.#database.transaction(async (rows) => rows.remove(row))
    this.#first = Math.max(this.#first, numberOf(row) + 1)
  }
}

function numberOf(key: string): number {
  return Number(key.slice(prefix.length))
}
