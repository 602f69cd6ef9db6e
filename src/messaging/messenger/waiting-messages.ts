/**
 * Messages of encrypted communities whose key has not come: kept for a while, and handed over when it does. One row for each, and
 * one for each community that says which there are.
 */
import type { Milliseconds } from '../../core/time.ts'
import { type ProtocolMessage, protocolMessage } from '../encryption/protocol-message.ts'
import { type CompressedKey, compressedKey, compressedKeyBytes, hex } from '../keys.ts'
import { bytes, field, message, repeated, uint32, uint64, type ValueOf } from '../schema.ts'
import type { Database, Rows } from '../storage/rows.ts'
import { readStored } from '../stored.ts'
import { communityId } from '../topics.ts'

/** Messages of one community, of one author in it, and bytes of all of them: above, the oldest make room. */
export const maxWaiting = { messages: 512, ofOne: 64, bytes: 8 * 1024 * 1024 } as const

/** As long as stores of Status keep messages, and so as a key may be found there. */
const waitsFor: Milliseconds = 30 * 24 * 60 * 60 * 1000

/** A message of the encryption layer that is under a key of a community. */
export interface WaitingMessage {
  readonly community: CompressedKey
  readonly author: CompressedKey
  readonly keyId: Uint8Array
  readonly message: ProtocolMessage
  readonly sentAt: Milliseconds
}

const version = 1
const entryTable = message('which message waits', {
  number: field(1, uint32),
  author: field(2, bytes(compressedKeyBytes)),
  keyId: field(3, bytes(32)),
  size: field(4, uint32),
  since: field(5, uint64),
  sentAt: field(6, uint64),
})
const listTable = message('the messages that wait', {
  version: field(1, uint32),
  next: field(2, uint32),
  entries: repeated(3, entryTable, maxWaiting.messages + 1),
})

type Entry = ValueOf<typeof entryTable>
type List = Pick<ValueOf<typeof listTable>, 'next' | 'entries'>

/** When one that waits came, and when it was sent. */
export interface Waits {
  readonly since: Milliseconds
  readonly sentAt: Milliseconds
}

export class WaitingMessages {
  readonly #database: Pick<Database, 'tag'>

  constructor(database: Pick<Database, 'tag'>) {
    this.#database = database
  }

  #row(community: CompressedKey): string {
    return `waiting/${this.#database.tag(communityId(community))}`
  }

  async #list(rows: Rows, community: CompressedKey): Promise<List> {
    const stored = await rows.get(this.#row(community))
    return stored ? readStored(listTable, version, stored) : { next: 0, entries: [] }
  }

  /** Keeps the list, and of the messages in it those that are `kept`. */
  #keep(rows: Rows, community: CompressedKey, { next, entries }: List, kept: readonly Entry[]): void {
    const row = this.#row(community)
    const gone = entries.filter((one) => !kept.includes(one))
    for (const { number } of gone) rows.remove(`${row}/${number}`)
    if (kept.length === 0) rows.remove(row)
    else rows.put(row, listTable.encode({ version, next, entries: [...kept] }))
  }

  /** Keeps a message until its key comes. */
  async put(rows: Rows, one: WaitingMessage, now: Milliseconds): Promise<void> {
    const { next, entries } = await this.#list(rows, one.community)
    const encoded = protocolMessage.encode(one.message)
    const entry = { ...one, number: next, size: encoded.length, since: at(now), sentAt: at(one.sentAt) }
    const all = [...entries, entry]
    rows.put(`${this.#row(one.community)}/${next}`, encoded)
    this.#keep(rows, one.community, { next: next + 1, entries: all }, withinBounds(all, now))
  }

  /** The messages under one of these keys, the oldest first: they wait no more. */
  async take(rows: Rows, community: CompressedKey, isHeld: (keyId: Uint8Array) => boolean): Promise<WaitingMessage[]> {
    const list = await this.#list(rows, community)
    const ready = list.entries.filter(({ keyId }) => isHeld(keyId))
    if (ready.length === 0) return []
    const taken: WaitingMessage[] = []
    for (const { number, author, keyId, sentAt } of ready) {
      const encoded = await rows.get(`${this.#row(community)}/${number}`)
      const read = encoded && protocolMessage.parse(Uint8Array.from(encoded))
      if (read) taken.push({ community, author: compressedKey(author), keyId, message: read, sentAt: Number(sentAt) })
    }
    const left = list.entries.filter((one) => !ready.includes(one))
    this.#keep(rows, community, list, left)
    return taken
  }

  /** Lets go what has waited too long. Returns what is left. */
  async tidy(rows: Rows, community: CompressedKey, now: Milliseconds): Promise<Waits[]> {
    const list = await this.#list(rows, community)
    const kept = withinBounds(list.entries, now)
    if (kept.length < list.entries.length) this.#keep(rows, community, list, kept)
    return kept.map(({ since, sentAt }) => ({ since: Number(since), sentAt: Number(sentAt) }))
  }

  async clear(rows: Rows, community: CompressedKey): Promise<void> {
    const list = await this.#list(rows, community)
    if (list.entries.length > 0) this.#keep(rows, community, list, [])
  }
}

/** The newest, as far as there is room for them. */
function withinBounds(entries: readonly Entry[], now: Milliseconds): Entry[] {
  const ofAuthor = new Map<string, number>()
  let [count, size] = [0, 0]
  const newestFirst = entries.toReversed().filter((entry) => {
    const author = hex(entry.author)
    const before = ofAuthor.get(author) ?? 0
    const hasRoom = before < maxWaiting.ofOne && count < maxWaiting.messages && size + entry.size <= maxWaiting.bytes
    if (!hasRoom || Number(entry.since) + waitsFor <= now) return false
    ofAuthor.set(author, before + 1)
    count += 1
    size += entry.size
    return true
  })
  return newestFirst.toReversed()
}

function at(time: Milliseconds): bigint {
  return BigInt(Math.max(0, Math.floor(time)))
}
