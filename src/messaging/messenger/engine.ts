/**
 * The layers of a device joined, in turns: what one changes is on disk in one transaction, and what goes out is encrypted in the
 * transaction that says so, and sent from the rows that it left. What comes in is `intake`.
 *
 * Knows envelopes, sessions and confirmations, and nothing of what is said: that is `handlers`.
 */
import { RecentSet } from '../../core/recent-set.ts'
import { type Clock, type Milliseconds, systemClock } from '../../core/time.ts'
import type { ChatMessage } from '../application/chat.ts'
import type { Judged } from '../application/judge.ts'
import { type Signed, signPayload } from '../application/metadata.ts'
import type { Origin } from '../application/origin.ts'
import { type PayloadName, writePayload } from '../application/payloads.ts'
import { ApplicationType } from '../application/types.ts'
import type { Chat } from '../chats/chat.ts'
import { Chats } from '../chats/chats.ts'
import { History } from '../chats/history.ts'
import { Inbox } from '../chats/inbox.ts'
import type { HistoryRecord } from '../chats/record.ts'
import { maxDevices } from '../encryption/bundle.ts'
import type { KnownDevice } from '../encryption/devices.ts'
import type { GroupSealed } from '../encryption/hash-ratchet.ts'
import { anyInstallation } from '../encryption/one-shot.ts'
import { type hashRatchetHeader, protocolMessage } from '../encryption/protocol-message.ts'
import { Sessions } from '../encryption/sessions.ts'
import type { Account } from '../identity/account.ts'
import {
  compressedKeyBytes,
  hex,
  type KeyPair,
  type PublicKey,
  sameBytes,
  type UncompressedKey,
  uncompress,
  userId,
} from '../keys.ts'
import { oneToOneGroupId, peerName } from '../mvds/group.ts'
import { type SyncPayload, syncPayload } from '../mvds/payload.ts'
import type { Received } from '../mvds/peer-sync.ts'
import type { Network } from '../network.ts'
import { ownDevices } from '../people/own-devices.ts'
import { People } from '../people/people.ts'
import { isKept, type Person, stranger } from '../people/person.ts'
import type { DraftOf } from '../schema.ts'
import { split } from '../segmentation/split.ts'
import type { Database, Rows } from '../storage/rows.ts'
import { type Channel, contactCodeChannel, negotiatedChannel, partitionedChannel } from '../topics.ts'
import { Channels, type Listening, sealFor } from '../transport/channels.ts'
import { Outbox } from '../transport/outbox.ts'
import { DurableSync } from './durable-sync.ts'
import { contactCodeOf } from './places.ts'

/** While so many wait for the network, nothing more is encrypted: what is confirmed meanwhile need not be. */
const maxOutbox = 64

/** How long nobody is looked for again: what is published meanwhile comes by itself. And how many are remembered. */
const sought = { lifetime: 60 * 60 * 1000, most: 10_000 } as const

/** Channels with people that are remembered: to find one again takes a Diffie-Hellman. */
const maxNegotiated = 512

/** What a turn changed that others are told of when it is on disk. */
export type News =
  | { readonly kind: 'message'; readonly chat: string; readonly id: string }
  | { readonly kind: 'changed'; readonly chat: string; readonly id: string }
  | { readonly kind: 'chat'; readonly chat: string }
  | { readonly kind: 'contact'; readonly person: string }
  | { readonly kind: 'device'; readonly installation: string }
  | { readonly kind: 'community'; readonly community: string }

/** One transaction, and what it knows. */
export interface Turn {
  readonly rows: Rows
  readonly now: Milliseconds
  readonly news: News[]
}

export type Believed = Judged & { readonly believed: true }

/** A payload that was believed. */
export interface Heard {
  readonly believed: Believed
  readonly origin: Omit<Origin, 'application'>
  /** The payload in its wrapper, as it was signed. */
  readonly body: Uint8Array
  /** The signer of the payload. */
  readonly author: UncompressedKey
  /** The device that sent it. */
  readonly installation: string
}

export type Handle = (turn: Turn, heard: Heard) => Promise<void>

/** A message of ours as it is queued. */
export interface Posting {
  readonly signed: Signed
  /** It is in history, where it is told how far it has come. */
  readonly isHistory?: boolean
}

export interface EngineOptions {
  readonly me: Account
  readonly database: Database
  readonly network: Network
  readonly clock?: Clock
  /** What cannot be told to a caller: a disk that fails. */
  readonly failed: (error: unknown) => void
}

interface PutOptions {
  readonly now: Milliseconds
  /** Who signs the envelope; we, unless it is said. */
  readonly author?: KeyPair
  readonly recipient?: PublicKey
}

/** A key of a group on its way. */
export interface KeyPosting {
  readonly header: DraftOf<typeof hashRatchetHeader>
  readonly payload: Uint8Array
  /** Where the envelope is for one person. */
  readonly recipient?: PublicKey
}

interface Loaded {
  readonly people: People
  readonly outbox: Outbox
  readonly inbox: Inbox
  readonly history: History
  readonly sync: DurableSync
}

export class Engine {
  readonly me: Account
  readonly database: Database
  readonly people: People
  readonly chats: Chats
  readonly history: History
  readonly channels = new Channels()
  readonly outbox: Outbox
  readonly inbox: Inbox
  readonly clock: Clock
  /** User ids of people whose devices have to be found before anything reaches them with forward secrecy. */
  readonly unfound = new Set<string>()
  /** Channels of which stores have to be asked for what was said before. */
  readonly unfetched: Listening[] = []
  readonly sessions: Sessions
  readonly #sync: DurableSync
  readonly #sought: RecentSet<string>
  /** By the X of a key, on which alone the secret depends; the one used longest ago first. */
  readonly #negotiated = new Map<string, Channel>()

  private constructor({ me, database, clock = systemClock }: EngineOptions, loaded: Loaded) {
    const { people, outbox, inbox, history, sync } = loaded
    this.me = me
    this.database = database
    this.clock = clock
    this.people = people
    this.outbox = outbox
    this.inbox = inbox
    this.chats = new Chats(database)
    this.history = history
    this.sessions = new Sessions(me)
    this.#sync = sync
    this.#sought = new RecentSet({ ...sought, clock })
  }

  static async open(options: EngineOptions): Promise<Engine> {
    const { database, network, failed, clock = systemClock } = options
    return new Engine(options, {
      people: await People.load(database),
      outbox: await Outbox.load({ database, network, failed, clock }),
      inbox: await Inbox.load(database),
      history: await History.load(database),
      sync: await DurableSync.load(database, clock),
    })
  }

  /** Does `work`, encrypts what is due, and puts all of it on disk together; then says what is new. */
  async turn<Result>(work: (turn: Turn) => Promise<Result>): Promise<{ result: Result; news: readonly News[] }> {
    const news: News[] = []
    try {
      const result = await this.database.transaction(async (rows) => {
        await this.#sync.begin()
        const turn = { rows, now: this.clock(), news }
        const done = await work(turn)
        await this.#encryptDue(turn)
        this.#sync.commit(rows)
        return done
      })
      return { result, news }
    } catch (error) {
      this.#sync.failed()
      throw error
    }
  }

  /** When something is to be sent that no turn has caused. */
  get dueAt(): Milliseconds | undefined {
    return this.#sync.machine.dueAt
  }

  /** The person with this key, known or not. */
  async person(rows: Rows, key: PublicKey): Promise<Person> {
    return (await this.people.find(rows, key)) ?? stranger(key)
  }

  /** Keeps a person; whoever makes room is forgotten. Of whom we chose to know we hear which devices there are. */
  async keep(rows: Rows, person: Person): Promise<void> {
    const wasKept = this.people.isKept(userId(person.key))
    const forgotten = await this.people.save(rows, person)
    if (!wasKept && isKept(person)) this.#meet(person.key)
    if (forgotten !== undefined) await this.#forget(rows, forgotten)
  }

  /** Listens to somebody whom we chose to know; stores may have what was written to us, and which devices there are. */
  #meet(key: PublicKey): void {
    this.listen(contactCodeOf(key))
    this.listenTo(key)
    this.unfetched.push({ channel: this.#between(key), place: { kind: 'private' } })
  }

  /** Forgets all that somebody has made us keep. */
  async #forget(rows: Rows, { key }: Person): Promise<void> {
    this.#sync.machine.forget(peerName(key))
    this.channels.remove(this.#between(key))
    this.channels.remove(contactCodeChannel(key))
    this.chats.remove(rows, userId(key))
    await this.history.forget(rows, userId(key))
  }

  /** Signs a payload as ours. */
  sign<Name extends PayloadName>(name: Name, draft: Parameters<typeof writePayload<Name>>[1]): Signed {
    return signPayload(ApplicationType[name], writePayload(name, draft), this.me.chat)
  }

  /** Puts a message of ours into history. Returns its id. */
  async write(turn: Turn, chat: Chat, { id }: Signed, message: ChatMessage): Promise<string> {
    // What all read is confirmed by nobody.
    const status = chat.kind === 'public' || chat.kind === 'channel' ? 'delivered' : 'sending'
    const from = this.me.id
    await this.#record(turn, { ...chat, lastAt: turn.now }, { id: idText(id), from, status, message })
    return idText(id)
  }

  /** Puts a message that was believed into history; says whether it is new. One of our own was written on another device. */
  async hear(turn: Turn, chat: Chat, { id, author }: Believed, message: ChatMessage): Promise<boolean> {
    const from = userId(author)
    const isOwn = from === this.me.id
    const unread = chat.unread + (isOwn ? 0 : 1)
    const status = isOwn ? 'delivered' : 'received'
    const isNew = await this.#record(turn, { ...chat, unread }, { id: idText(id), from, status, message })
    if (isNew) this.inbox.put(turn.rows, { chat: chat.id, id: idText(id) })
    return isNew
  }

  async #record(
    { rows, now, news }: Turn,
    chat: Chat,
    record: Pick<HistoryRecord, 'id' | 'from' | 'status' | 'message'>,
  ): Promise<boolean> {
    const isNew = await this.history.add(rows, { ...record, chatId: chat.id, receivedAt: now })
    if (!isNew) return false
    this.chats.save(rows, chat)
    news.push({ kind: 'message', chat: chat.id, id: record.id })
    return true
  }

  /** Puts a message on its way to a person, until it is confirmed; false when too many are. */
  post({ rows }: Turn, to: PublicKey, { signed, isHistory = false }: Posting): boolean {
    const id = this.#sync.machine.send(peerName(to), oneToOneGroupId(this.me.chat.publicKey, to), signed.body)
    if (id !== undefined && isHistory) rows.put(`sent/${id}`, Buffer.from(idText(signed.id)))
    return id !== undefined
  }

  /** Hands what we said to our other devices. */
  async mirror(turn: Turn, signed: Signed): Promise<void> {
    if ((await this.siblings(turn.rows)).length > 0) this.post(turn, this.me.chat.publicKey, { signed })
  }

  /** Has the devices of somebody looked for. */
  lookUp(key: PublicKey): void {
    const id = userId(key)
    if (this.#sought.add(id)) this.unfound.add(id)
  }

  /** Listens on a channel from now on, and has stores asked for what was said there before. */
  listen(listening: Listening): void {
    if (this.channels.add(listening)) this.unfetched.push(listening)
  }

  /** Says something to all who find the channel, or to `recipient`: no confirmation, no encryption but the envelope's. */
  async postPublic({ rows, now }: Turn, channel: Channel, { body }: Signed, recipient?: PublicKey): Promise<void> {
    const siblings = await this.siblings(rows)
    const bytes = await this.sessions.sealPublic(rows, body, { siblings, now })
    await this.#put(rows, channel, bytes, { now, ...(recipient && { recipient }) })
  }

  /** Says something publicly by another key of ours, whose device is nobody's business. */
  async postPublicAs({ rows, now }: Turn, author: KeyPair, channel: Channel, publicMessage: Uint8Array): Promise<void> {
    await this.#put(rows, channel, protocolMessage.encode({ publicMessage }), { now, author })
  }

  /** Says something to one person by another key of ours: what it is encrypted by is the envelope alone. */
  async postAs({ rows, now }: Turn, author: KeyPair, channel: Channel, body: Uint8Array, recipient: PublicKey) {
    await this.#put(rows, channel, body, { now, author, recipient })
  }

  /** Brings a key of a group to those for whom it is sealed in the header, and a payload with it, by another key of ours. */
  async postGroupKeyAs(
    { rows, now }: Turn,
    author: KeyPair,
    channel: Channel,
    { header, payload, recipient }: KeyPosting,
  ): Promise<void> {
    const encrypted = new Map([[anyInstallation, { hashRatchet: header, payload }]])
    await this.#put(rows, channel, protocolMessage.encode({ encrypted }), {
      now,
      author,
      ...(recipient && { recipient }),
    })
  }

  /** Says something to all who have the key of a group, under which it is `sealed`. */
  async postToGroup({ rows, now }: Turn, channel: Channel, sealed: GroupSealed): Promise<void> {
    const encrypted = new Map([[anyInstallation, sealed]])
    await this.#put(rows, channel, protocolMessage.encode({ installation: this.me.installation, encrypted }), { now })
  }

  /** Other devices of our own that count. */
  async siblings(rows: Rows): Promise<readonly KnownDevice[]> {
    const { others } = await ownDevices.load(rows)
    if (!others.some(({ isEnabled }) => isEnabled)) return []
    const own = await this.people.find(rows, this.me.chat.publicKey)
    const found = others.map(({ installation, isEnabled }) => (isEnabled ? own?.devices.find(installation) : undefined))
    return found.filter((one) => one !== undefined).slice(0, maxDevices - 1)
  }

  /** Says something to whoever has our key: to devices of ours that know nothing of this one. */
  async announce(turn: Turn, { body }: Signed): Promise<void> {
    await this.#sendToAny(turn, await this.person(turn.rows, this.me.chat.publicKey), body)
  }

  /** Somebody writes by a session that we have not: an empty message brings our prekey, so that they begin anew. */
  async askToBeginAnew(turn: Turn, person: Person): Promise<void> {
    await this.#sendToAny(turn, person, new Uint8Array(0))
  }

  /** Says something to a person on whatever device, by no session. */
  async #sendToAny({ rows, now }: Turn, person: Person, body: Uint8Array): Promise<void> {
    const siblings = await this.siblings(rows)
    const { bytes } = await this.sessions.seal(rows, person, body, { siblings, devices: [], now })
    await this.#put(rows, partitionedChannel(person.key), bytes, { now, recipient: person.key })
  }

  #between(key: PublicKey): Channel {
    const x = hex(key.subarray(1, compressedKeyBytes))
    const channel = this.#negotiated.get(x) ?? negotiatedChannel(this.me.chat.sharedSecret(key))
    this.#negotiated.delete(x)
    this.#negotiated.set(x, channel)
    const [oldest] = this.#negotiated.keys()
    if (this.#negotiated.size > maxNegotiated && oldest !== undefined) this.#negotiated.delete(oldest)
    return channel
  }

  /** Listens where a person writes to us. */
  listenTo(key: PublicKey): boolean {
    return this.channels.add({ channel: this.#between(key), place: { kind: 'private' } })
  }

  async #encryptDue(turn: Turn): Promise<void> {
    if (this.outbox.waiting >= maxOutbox) return
    const { outgoing, abandoned } = this.#sync.machine.tick()
    for (const { peer, payload } of outgoing) {
      await this.#encrypt(turn, Buffer.from(peer, 'hex') as unknown as UncompressedKey, syncPayload.encode(payload))
    }
    for (const { id } of abandoned) await this.settle(turn, id, 'failed')
  }

  async #encrypt({ rows, now }: Turn, to: UncompressedKey, plaintext: Uint8Array): Promise<void> {
    const siblings = await this.siblings(rows)
    const isOwn = sameBytes(to, uncompress(this.me.chat.publicKey))
    if (isOwn && siblings.length === 0) return
    const options = { siblings, now, ...(isOwn && { devices: siblings }) }
    const person = await this.person(rows, to)
    const sealed = await this.sessions.seal(rows, person, plaintext, options)
    await this.keep(rows, sealed.person)
    // Where they have never written, they do not know that we know them.
    const knows = isOwn || person.hasWritten
    if (knows) await this.#put(rows, this.#between(to), sealed.bytes, { now })
    else await this.#put(rows, partitionedChannel(to), sealed.bytes, { now, recipient: to })
  }

  async #put(rows: Rows, channel: Channel, bytes: Uint8Array, { author = this.me.chat, ...rest }: PutOptions) {
    for (const part of split(bytes)) this.outbox.put(rows, await sealFor(channel, part, { author, ...rest }))
  }

  /** Takes what somebody sent by MVDS: what is new in it, and which messages of ours have come. */
  receive(author: PublicKey, payload: SyncPayload): Received {
    return this.#sync.machine.receive(peerName(author), payload)
  }

  /** A message of history was confirmed, or given up. */
  async settle({ rows, news }: Turn, syncId: string, status: 'delivered' | 'failed'): Promise<void> {
    const stored = await rows.get(`sent/${syncId}`)
    if (stored === undefined) return
    const id = Buffer.from(stored).toString()
    rows.remove(`sent/${syncId}`)
    await this.history.setStatus(rows, id, status)
    const record = await this.history.find(rows, id)
    if (record !== undefined) news.push({ kind: 'changed', chat: record.chatId, id })
  }
}

/** The id of a message as Status peers write it. */
export function idText(id: Uint8Array): string {
  return `0x${hex(id)}`
}
