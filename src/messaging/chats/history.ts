/**
 * What was said, in rows: by chat in the order of its clock, and by id, with what was said about it afterwards. A message
 * has one row, however often it comes; edits and reactions may come before it.
 */
import { type Claims, noClaims, type Powers, shown } from '../conversation/claims.ts'
import { decodeMessageRow, encodeMessageRow, type MessageRow, noRow } from '../conversation/claims-codec.ts'
import type { Database, Rows } from '../storage/rows.ts'
import { type Message, messageOf } from './message.ts'
import { decodeHistoryRecord, encodeHistoryRecord, type HistoryRecord, type Status } from './record.ts'

/** Digits of the largest clock. */
const clockDigits = 20

/** Rows of messages that have not come, about which something was said: above it no more are kept. */
export const maxAwaited = 10_000

export interface Page {
  /** Only messages before this one: an id. */
  readonly before?: string
  /** Messages at the most. */
  readonly limit?: number
  /** Only messages whose text has this, whatever the case of letters. */
  readonly containing?: string
}

/** What is made of the claims about a message, whose author is known where it is here. */
export type Claimed = (claims: Claims, author: string | undefined) => Claims

export class History {
  readonly #database: Database
  #awaited = 0

  private constructor(database: Database) {
    this.#database = database
  }

  static async load(database: Database): Promise<History> {
    const history = new History(database)
    for await (const _ of database.scan({ prefix: 'awaited/' })) history.#awaited += 1
    return history
  }

  #chatPrefix(chatId: string): string {
    return `history/${this.#database.tag(chatId)}/`
  }

  #rowOf({ chatId, id, message }: HistoryRecord): string {
    return `${this.#chatPrefix(chatId)}${String(message.clock).padStart(clockDigits, '0')}/${id}`
  }

  #messageRow(rows: Pick<Rows, 'get'>, id: string): Promise<MessageRow> {
    return readRow(rows, `message/${id}`)
  }

  #awaitedPrefix(chatId: string): string {
    return `awaited/${this.#database.tag(chatId)}/`
  }

  #awaitedRow(chatId: string, id: string): string {
    return `${this.#awaitedPrefix(chatId)}${id}`
  }

  /** Adds a message, with what was said about it in its chat before it came; says whether it is new. */
  async add(rows: Rows, record: HistoryRecord): Promise<boolean> {
    if ((await rows.get(`message/${record.id}`)) !== undefined) return false
    const awaited = this.#awaitedRow(record.chatId, record.id)
    const { claims } = await readRow(rows, awaited)
    if (claims !== noClaims) {
      rows.remove(awaited)
      this.#awaited -= 1
    }
    const at = this.#rowOf(record)
    rows.put(at, encodeHistoryRecord(asKept(record, claims)))
    rows.put(`message/${record.id}`, encodeMessageRow({ claims, at }))
    return true
  }

  /** A message by its id. */
  async find(rows: Pick<Rows, 'get'>, id: string): Promise<HistoryRecord | undefined> {
    const { at } = await this.#messageRow(rows, id)
    const stored = at === '' ? undefined : await rows.get(at)
    return stored && decodeHistoryRecord(stored)
  }

  async claims(rows: Pick<Rows, 'get'>, id: string): Promise<Claims> {
    return (await this.#messageRow(rows, id)).claims
  }

  /**
   * Adds what `claim` makes of the claims about a message of a chat; says whether anything changed. What is said in one
   * chat of a message of another is passed over.
   */
  async claim(rows: Rows, chatId: string, id: string, claim: Claimed): Promise<boolean> {
    const record = await this.find(rows, id)
    if (record !== undefined && record.chatId !== chatId) return false
    const row = record === undefined ? this.#awaitedRow(chatId, id) : `message/${id}`
    const held = await readRow(rows, row)
    const claims = claim(held.claims, record?.from)
    if (claims === held.claims) return false
    if (record === undefined && held.claims === noClaims && !this.#takesAwaited()) return false
    rows.put(row, encodeMessageRow({ ...held, claims }))
    if (record !== undefined && claims.deletions.has(record.from))
      rows.put(this.#rowOf(record), encodeHistoryRecord(asKept(record, claims)))
    return true
  }

  /** Removes all that was said in a chat. */
  async forget(rows: Rows, chatId: string): Promise<void> {
    for await (const { key, value } of this.#database.scan({ prefix: this.#chatPrefix(chatId) })) {
      rows.remove(key)
      rows.remove(`message/${decodeHistoryRecord(value).id}`)
    }
    for await (const { key } of this.#database.scan({ prefix: this.#awaitedPrefix(chatId) })) {
      rows.remove(key)
      this.#awaited -= 1
    }
  }

  #takesAwaited(): boolean {
    if (this.#awaited >= maxAwaited) return false
    this.#awaited += 1
    return true
  }

  /** Sets how far a message of ours has come. */
  async setStatus(rows: Rows, id: string, status: Status): Promise<void> {
    const record = await this.find(rows, id)
    if (record !== undefined && record.status !== status)
      rows.put(this.#rowOf(record), encodeHistoryRecord({ ...record, status }))
  }

  /** A message as it is shown; undefined when there is none of that id. */
  async shown(rows: Pick<Rows, 'get'>, id: string, powers: Powers): Promise<Message | undefined> {
    const record = await this.find(rows, id)
    return record && messageOf(record, shown(writtenOf(record), await this.claims(rows, id), powers))
  }

  /** The messages of a chat, the last first. */
  async *of(chatId: string, powers: Powers, { before, limit = 50, containing }: Page = {}): AsyncGenerator<Message> {
    const prefix = this.#chatPrefix(chatId)
    const { at } = before === undefined ? noRow : await this.#messageRow(this.#database, before)
    const range = { prefix, backwards: true, ...(at !== '' && { before: at }) }
    const wanted = containing?.toLowerCase()
    let left = limit
    for await (const { value } of this.#database.scan(range)) {
      if (left <= 0) return
      const record = decodeHistoryRecord(value)
      const one = messageOf(record, shown(writtenOf(record), await this.claims(this.#database, record.id), powers))
      if (wanted !== undefined && !one.text.toLowerCase().includes(wanted)) continue
      left -= 1
      yield one
    }
  }
}

function writtenOf({ from, message: { text, contentType } }: HistoryRecord) {
  return { from, text, contentType }
}

/** What its author has deleted is not kept. */
function asKept(record: HistoryRecord, { deletions }: Claims): HistoryRecord {
  if (!deletions.has(record.from)) return record
  return { ...record, message: { ...record.message, text: '', content: undefined } }
}

async function readRow(rows: Pick<Rows, 'get'>, key: string): Promise<MessageRow> {
  const stored = await rows.get(key)
  return (stored && decodeMessageRow(stored)) ?? noRow
}
