/** The chats of a device, each a row. */

import type { Milliseconds } from '../../core/time.ts'
import { laterClock, nextClock } from '../clock.ts'
import type { Database, Rows } from '../storage/rows.ts'
import { type Chat, type ChatKindName, decodeChat, encodeChat, newChat } from './chat.ts'

const prefix = 'chat/'

export class Chats {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  #row(id: string): string {
    return `${prefix}${this.#database.tag(id)}`
  }

  async find(rows: Pick<Rows, 'get'>, id: string): Promise<Chat | undefined> {
    const stored = await rows.get(this.#row(id))
    return stored && decodeChat(stored)
  }

  /** The chat, made where there is none. */
  async need(rows: Pick<Rows, 'get'>, id: string, kind: ChatKindName, name = ''): Promise<Chat> {
    return (await this.find(rows, id)) ?? newChat(id, kind, name)
  }

  save(rows: Rows, chat: Chat): void {
    rows.put(this.#row(chat.id), encodeChat(chat))
  }

  remove(rows: Rows, id: string): void {
    rows.remove(this.#row(id))
  }

  async *all(): AsyncGenerator<Chat> {
    for await (const { value } of this.#database.scan({ prefix })) yield decodeChat(value)
  }
}

/** A chat in which we are about to say something: its clock is that of what we say. */
export function ticked(chat: Chat, now: Milliseconds): Chat {
  return { ...chat, clock: nextClock(chat.clock, now) }
}

/** A chat in which somebody said something. */
export function heard(chat: Chat, clock: bigint, now: Milliseconds): Chat {
  return { ...chat, clock: laterClock(chat.clock, clock), lastAt: now }
}
