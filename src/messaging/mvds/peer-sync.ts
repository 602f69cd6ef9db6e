/** MVDS towards one peer, in batch mode: what is on its way to the peer, what came from it, what is to be confirmed. */
import type { Milliseconds } from '../../core/time.ts'
import { idBytes, type SyncMessage, type SyncPayload, syncMessageId } from './payload.ts'
import type { PeerName, Pending, SyncId, SyncRecord, SyncStore, Wanted } from './records.ts'
import { maxSends, onlineWait, type Random, resendWait } from './schedule.ts'
import { type TotalLimits, type Totals, totalLimits } from './totals.ts'

export interface SyncLimits extends TotalLimits {
  /** Messages, and bytes of them, on their way to one peer. */
  readonly pending: number
  readonly pendingBytes: number
  /** Messages offered by one peer that are asked for. */
  readonly wanted: number
  /** Messages of one peer that are remembered, and for how long: longer than a sender tries. */
  readonly seen: number
  readonly seenLifetime: Milliseconds
  /** Confirmations that wait for the next tick. */
  readonly acks: number
  /** Bytes of messages that one payload is filled up to; a larger one goes alone. */
  readonly payloadBytes: number
}

export const syncLimits: SyncLimits = {
  ...totalLimits,
  pending: 1024,
  pendingBytes: 32 * 1024 * 1024,
  wanted: 256,
  seen: 4096,
  seenLifetime: 31 * 24 * 60 * 60 * 1000,
  acks: 4096,
  payloadBytes: 512 * 1024,
}

/** A message that came for the first time. */
export interface Delivered {
  readonly id: SyncId
  readonly message: SyncMessage
}

export interface Received {
  readonly delivered: readonly Delivered[]
  /** Messages of ours that the peer has. */
  readonly confirmed: readonly SyncId[]
}

/** What is to go to a peer now, and the messages that are given up. */
export interface Due {
  readonly payloads: readonly SyncPayload[]
  readonly abandoned: readonly SyncId[]
}

export interface PeerSyncParts {
  readonly store: SyncStore
  readonly limits: SyncLimits
  readonly random: Random
  /** Shared by all peers. */
  readonly totals: Totals
}

export class PeerSync {
  readonly #name: PeerName
  readonly #store: SyncStore
  readonly #limits: SyncLimits
  readonly #random: Random
  readonly #totals: Totals
  readonly #pending = new Map<SyncId, Pending>()
  readonly #wanted = new Map<SyncId, Wanted>()
  /** When each message came, the oldest first once they are in order: rows come back from a store in any. */
  readonly #seen = new Map<SyncId, Milliseconds>()
  #isInOrder = true
  readonly #acks = new Set<SyncId>()
  #pendingBytes = 0
  #dueAt = Number.POSITIVE_INFINITY

  constructor(name: PeerName, { store, limits, random, totals }: PeerSyncParts) {
    this.#name = name
    this.#store = store
    this.#limits = limits
    this.#random = random
    this.#totals = totals
  }

  /** Not before this is anything to be sent. */
  get dueAt(): Milliseconds {
    return this.#dueAt
  }

  /** Nothing of ours is on its way. What the peer waits for it will send again. */
  get isIdle(): boolean {
    return this.#pending.size === 0
  }

  /** Messages on their way. */
  get pending(): number {
    return this.#pending.size
  }

  /** Messages that are remembered. */
  get seen(): number {
    return this.#seen.size
  }

  /** When the last message came that is remembered; 0 when none is. */
  get heardAt(): Milliseconds {
    this.#putInOrder()
    return [...this.#seen.values()].at(-1) ?? 0
  }

  /** Takes up a row that was stored. */
  restore(record: SyncRecord): void {
    if (record.kind !== 'seen') {
      this.#keep(record)
      return
    }
    this.#isInOrder = false
    this.#count('seen', this.#seen.has(record.id) ? 0 : 1)
    this.#seen.set(record.id, record.at)
  }

  /** Forgets so many messages that came, the oldest. */
  forgetOldest(count: number): void {
    this.#putInOrder()
    for (const id of [...this.#seen.keys()].slice(0, count)) this.#unsee(id)
  }

  /** Forgets everything, its rows too. */
  forget(): void {
    this.forgetOldest(this.#seen.size)
    for (const record of [...this.#pending.values(), ...this.#wanted.values()]) this.#drop(record)
  }

  /** Puts a message on its way; undefined when too many are. One that is on its way already stays as it is. */
  queue(message: SyncMessage, now: Milliseconds): SyncId | undefined {
    const id = syncMessageId(message).toString('hex')
    if (this.#pending.has(id)) return id
    if (!this.#hasRoomFor(message.body.length)) return undefined
    this.#put({ kind: 'pending', peer: this.#name, id, ...message, sends: 0, dueAt: now })
    return id
  }

  #hasRoomFor(bytes: number): boolean {
    const { pending, pendingBytes, totalPending, totalPendingBytes } = this.#limits
    const isOver = this.#pending.size >= pending || this.#pendingBytes + bytes > pendingBytes
    const areOver = this.#totals.pending >= totalPending || this.#totals.pendingBytes + bytes > totalPendingBytes
    return !isOver && !areOver
  }

  receive(payload: SyncPayload, now: Milliseconds): Received {
    const confirmed = idsOf(payload.acks).filter((id) => this.#confirm(id))
    for (const id of idsOf(payload.requests)) this.#hurry(id, now)
    const offered = [...payload.offers, ...payload.groupOffers.flatMap(({ messageIds }) => messageIds)]
    for (const id of idsOf(offered)) this.#want(id, now)
    const delivered = payload.messages
      .filter(({ groupId }) => groupId.length === idBytes)
      .map((message) => this.#take(message, now))
      .filter((one) => one !== undefined)
    return { delivered, confirmed }
  }

  /** The peer came online: what waits for it goes out soon. */
  online(now: Milliseconds): void {
    for (const record of [...this.#pending.values(), ...this.#wanted.values()]) {
      const dueAt = now + onlineWait(this.#random)
      if (dueAt < record.dueAt) this.#put({ ...record, dueAt })
    }
  }

  /** Takes what is due: it is counted as sent. */
  due(now: Milliseconds): Due {
    if (now < this.#dueAt) return { payloads: [], abandoned: [] }
    const abandoned = this.#giveUp(now)
    const batch = new Batch([...this.#acks], this.#limits.payloadBytes)
    this.#acks.clear()
    for (const record of this.#dueRecords(now)) {
      batch.add(record)
      const sends = record.sends + 1
      this.#put({ ...record, sends, dueAt: now + resendWait(sends, this.#random) })
    }
    this.#dueAt = this.#earliest()
    return { payloads: batch.payloads(), abandoned }
  }

  #dueRecords(now: Milliseconds): (Pending | Wanted)[] {
    return [...this.#wanted.values(), ...this.#pending.values()].filter(({ dueAt }) => dueAt <= now)
  }

  #giveUp(now: Milliseconds): SyncId[] {
    const ended = this.#dueRecords(now).filter(({ sends }) => sends >= maxSends)
    for (const record of ended) this.#drop(record)
    return ended.filter(({ kind }) => kind === 'pending').map(({ id }) => id)
  }

  #earliest(): Milliseconds {
    let earliest = Number.POSITIVE_INFINITY
    for (const records of [this.#pending, this.#wanted])
      for (const { dueAt } of records.values()) earliest = Math.min(earliest, dueAt)
    return earliest
  }

  #confirm(id: SyncId): boolean {
    const record = this.#pending.get(id)
    if (record !== undefined) this.#drop(record)
    return record !== undefined
  }

  /** The peer asks for a message that is on its way to it. */
  #hurry(id: SyncId, now: Milliseconds): void {
    const record = this.#pending.get(id)
    if (record !== undefined && record.sends < maxSends) this.#put({ ...record, dueAt: now })
  }

  #want(id: SyncId, now: Milliseconds): void {
    const { wanted, totalWanted } = this.#limits
    if (this.#seen.has(id)) this.#acknowledge(id)
    else if (!this.#wanted.has(id) && this.#wanted.size < wanted && this.#totals.wanted < totalWanted)
      this.#put({ kind: 'wanted', peer: this.#name, id, sends: 0, dueAt: now })
  }

  /** A message came: it is confirmed each time, and delivered the first time. */
  #take(message: SyncMessage, now: Milliseconds): Delivered | undefined {
    const id = syncMessageId(message).toString('hex')
    this.#acknowledge(id)
    const wanted = this.#wanted.get(id)
    if (wanted !== undefined) this.#drop(wanted)
    if (this.#seen.has(id)) return undefined
    this.#remember(id, now)
    return { id, message }
  }

  #acknowledge(id: SyncId): void {
    // Above the limit the peer sends again, and is told then.
    if (this.#acks.size >= this.#limits.acks) return
    this.#acks.add(id)
    this.#dueAt = Number.NEGATIVE_INFINITY
  }

  #remember(id: SyncId, now: Milliseconds): void {
    this.#putInOrder()
    for (const [oldest, at] of this.#seen) {
      if (this.#seen.size < this.#limits.seen && now - at < this.#limits.seenLifetime) break
      this.#unsee(oldest)
    }
    this.#seen.set(id, now)
    this.#count('seen', 1)
    this.#store.put({ kind: 'seen', peer: this.#name, id, at: now })
  }

  #unsee(id: SyncId): void {
    this.#seen.delete(id)
    this.#count('seen', -1)
    this.#store.remove('seen', this.#name, id)
  }

  #putInOrder(): void {
    if (this.#isInOrder) return
    const rows = [...this.#seen].sort(([a, aAt], [b, bAt]) => aAt - bAt || (a < b ? -1 : 1))
    this.#seen.clear()
    for (const [id, at] of rows) this.#seen.set(id, at)
    this.#isInOrder = true
  }

  #count(what: 'seen' | 'wanted', change: number): void {
    this.#totals[what] += change
  }

  #countPending(messages: number, bytes: number): void {
    this.#pendingBytes += bytes
    this.#totals.pending += messages
    this.#totals.pendingBytes += bytes
  }

  #put(record: Pending | Wanted): void {
    this.#keep(record)
    this.#store.put(record)
  }

  #keep(record: Pending | Wanted): void {
    this.#dueAt = Math.min(this.#dueAt, record.dueAt)
    if (record.kind === 'wanted') {
      this.#count('wanted', this.#wanted.has(record.id) ? 0 : 1)
      this.#wanted.set(record.id, record)
    } else {
      if (!this.#pending.has(record.id)) this.#countPending(1, record.body.length)
      this.#pending.set(record.id, record)
    }
  }

  #drop(record: Pending | Wanted): void {
    if (record.kind === 'wanted') this.#count('wanted', this.#wanted.delete(record.id) ? -1 : 0)
    else if (this.#pending.delete(record.id)) this.#countPending(-1, -record.body.length)
    if (this.#pending.size + this.#wanted.size + this.#acks.size === 0) this.#dueAt = Number.POSITIVE_INFINITY
    this.#store.remove(record.kind, this.#name, record.id)
  }
}

/** Ids of the right length, as text. */
function idsOf(ids: readonly Uint8Array[]): SyncId[] {
  return ids.filter((id) => id.length === idBytes).map((id) => Buffer.from(id).toString('hex'))
}

/** Fills payloads: confirmations and requests go with the first. */
class Batch {
  readonly #acks: readonly SyncId[]
  readonly #limit: number
  readonly #requests: SyncId[] = []
  readonly #messages: SyncMessage[][] = [[]]
  #bytes = 0

  constructor(acks: readonly SyncId[], limit: number) {
    this.#acks = acks
    this.#limit = limit
  }

  add(record: Pending | Wanted): void {
    if (record.kind === 'wanted') {
      this.#requests.push(record.id)
      return
    }
    const { groupId, timestamp, body } = record
    if (this.#bytes > 0 && this.#bytes + body.length > this.#limit) {
      this.#messages.push([])
      this.#bytes = 0
    }
    this.#bytes += body.length
    this.#messages.at(-1)?.push({ groupId, timestamp, body })
  }

  payloads(): SyncPayload[] {
    const filled = this.#messages.map((messages, index) => ({
      acks: index === 0 ? this.#acks.map(bytesOf) : [],
      offers: [],
      requests: index === 0 ? this.#requests.map(bytesOf) : [],
      messages,
      groupOffers: [],
    }))
    return filled.filter(({ acks, requests, messages }) => acks.length + requests.length + messages.length > 0)
  }
}

function bytesOf(id: SyncId): Uint8Array {
  return Buffer.from(id, 'hex')
}
