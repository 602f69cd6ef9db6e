/**
 * The layers of a device joined: what comes from the network is opened, put together, decrypted, confirmed and judged, and
 * what it changes is on disk in one transaction; what goes out is encrypted in the transaction that says so, and sent from
 * the rows that it left.
 *
 * Knows envelopes, sessions and confirmations, and nothing of what is said: that is `handlers`.
 */
import { createHash } from 'node:crypto'
import { RecentSet } from '../../core/recent-set.ts'
import { type Clock, type Milliseconds, systemClock, toMilliseconds } from '../../core/time.ts'
import type { ChatMessage } from '../application/chat.ts'
import { type Judged, judge } from '../application/judge.ts'
import { type Signed, signPayload } from '../application/metadata.ts'
import type { Origin, Place } from '../application/origin.ts'
import { type PayloadName, writePayload } from '../application/payloads.ts'
import { ApplicationType } from '../application/types.ts'
import type { Chat } from '../chats/chat.ts'
import { Chats } from '../chats/chats.ts'
import { History } from '../chats/history.ts'
import { Inbox } from '../chats/inbox.ts'
import type { HistoryRecord } from '../chats/record.ts'
import { judgeBundle, maxDevices } from '../encryption/bundle.ts'
import type { KnownDevice } from '../encryption/devices.ts'
import type { GroupSealed } from '../encryption/hash-ratchet.ts'
import { anyInstallation } from '../encryption/one-shot.ts'
import {
  type EncryptedMessage,
  type hashRatchetHeader,
  type ProtocolMessage,
  protocolMessage,
} from '../encryption/protocol-message.ts'
import { type Opening, Sessions } from '../encryption/sessions.ts'
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
import { DataSync } from '../mvds/data-sync.ts'
import { oneToOneGroupId, peerName } from '../mvds/group.ts'
import { parseSyncPayload, syncPayload } from '../mvds/payload.ts'
import { decodeRecord, encodeRecord } from '../mvds/record-codec.ts'
import type { SyncRecord, SyncStore } from '../mvds/records.ts'
import type { Carried, Network } from '../network.ts'
import { ownDevices } from '../people/own-devices.ts'
import { People } from '../people/people.ts'
import { isKept, type Person, stranger } from '../people/person.ts'
import type { DraftOf } from '../schema.ts'
import { Reassembler } from '../segmentation/reassembler.ts'
import { split } from '../segmentation/split.ts'
import type { Database, Rows } from '../storage/rows.ts'
import { type Channel, contactCodeChannel, negotiatedChannel, partitionedChannel } from '../topics.ts'
import { Channels, type Listening, sealFor } from '../transport/channels.ts'
import { Outbox } from '../transport/outbox.ts'
import { contactCodeOf } from './places.ts'

/** Envelopes remembered, which stores and several nodes hand over again. */
const remembered = { lifetime: 60 * 60 * 1000, most: 50_000 } as const

/** How long somebody is not told again that a message of theirs could not be opened. status-go; and how many are remembered. */
const told = { lifetime: 2 * 60 * 60 * 1000, most: 1000 } as const

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

/** An envelope that was opened and put together. */
export interface Incoming {
  readonly place: Place
  readonly author: PublicKey
  readonly message: ProtocolMessage
  readonly sentAt: Milliseconds
}

/** What was read in a message of a group, and which others, that waited for the key in it, can be read now. */
export interface GroupReading {
  readonly protection: 'group key' | 'open'
  readonly plaintext: Uint8Array
  readonly released: readonly Incoming[]
}

/** Reads a message that names a group; undefined where it is not for us, not now, or not to be believed. */
export type ReadGroup = (turn: Turn, incoming: Incoming, sealed: EncryptedMessage) => Promise<GroupReading | undefined>

/** What the engine hands on. */
export interface Readers {
  /** Takes what was believed. */
  readonly handle: Handle
  /** Opens what is under keys of groups, which the engine has not. */
  readonly readGroup: ReadGroup
}

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

type Decrypted = Pick<Origin, 'protection' | 'encryption'> & {
  readonly person: Person
  readonly plaintext: Uint8Array
  readonly released?: readonly Incoming[]
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
  readonly #sessions: Sessions
  readonly #segments: Reassembler
  readonly #recent: RecentSet<string>
  readonly #told: RecentSet<string>
  readonly #sought: RecentSet<string>
  /** By the X of a key, on which alone the secret depends; the one used longest ago first. */
  readonly #negotiated = new Map<string, Channel>()
  #sync: DataSync
  /** Changes of DataSync that the turn has not put into rows. */
  #syncChanges: ((rows: Rows) => void)[] = []
  /** What is in memory may have what a turn that failed has not put on disk. */
  #isAhead = false

  private constructor({ me, database, clock = systemClock }: EngineOptions, loaded: Loaded) {
    const { people, outbox, inbox, history } = loaded
    this.me = me
    this.database = database
    this.clock = clock
    this.people = people
    this.outbox = outbox
    this.inbox = inbox
    this.chats = new Chats(database)
    this.history = history
    this.#sessions = new Sessions(me)
    this.#segments = new Reassembler({ clock, isKnown: (sender) => sender === me.id || people.isKept(sender) })
    this.#recent = new RecentSet({ ...remembered, clock })
    this.#told = new RecentSet({ ...told, clock })
    this.#sought = new RecentSet({ ...sought, clock })
    this.#sync = this.#newSync()
  }

  static async open(options: EngineOptions): Promise<Engine> {
    const { database, network, failed, clock } = options
    const outbox = await Outbox.load({ database, network, failed, ...(clock && { clock }) })
    const engine = new Engine(options, {
      people: await People.load(database),
      outbox,
      inbox: await Inbox.load(database),
      history: await History.load(database),
    })
    await engine.#restore()
    return engine
  }

  #newSync(): DataSync {
    const store: SyncStore = {
      put: (record) => this.#syncChanges.push((rows) => rows.put(this.#syncRow(record), encodeRecord(record))),
      remove: (kind, peer, id) => this.#syncChanges.push((rows) => rows.remove(this.#syncRow({ kind, peer, id }))),
    }
    return new DataSync({ store, clock: this.clock })
  }

  #syncRow({ kind, peer, id }: Pick<SyncRecord, 'kind' | 'peer' | 'id'>): string {
    return `sync/${kind}/${this.database.tag(peer)}/${id}`
  }

  async #restore(): Promise<void> {
    this.#syncChanges = []
    this.#sync = this.#newSync()
    for await (const { value } of this.database.scan({ prefix: 'sync/' })) {
      const record = decodeRecord(value)
      if (record !== undefined) this.#sync.restore(record)
    }
    this.#syncChanges = []
  }

  /** Does `work`, encrypts what is due, and puts all of it on disk together; then says what is new. */
  async turn<Result>(work: (turn: Turn) => Promise<Result>): Promise<{ result: Result; news: readonly News[] }> {
    const news: News[] = []
    try {
      const result = await this.database.transaction(async (rows) => {
        if (this.#isAhead) await this.#restore()
        this.#isAhead = true
        const turn = { rows, now: this.clock(), news }
        const done = await work(turn)
        await this.#encryptDue(turn)
        for (const change of this.#syncChanges) change(rows)
        this.#syncChanges = []
        this.#isAhead = false
        return done
      })
      return { result, news }
    } catch (error) {
      // Nothing of it is on disk: the next turn begins with what is.
      this.#isAhead = true
      throw error
    }
  }

  /** When something is to be sent that no turn has caused. */
  get dueAt(): Milliseconds | undefined {
    return this.#sync.dueAt
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
    this.#sync.forget(peerName(key))
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
    const id = this.#sync.send(peerName(to), oneToOneGroupId(this.me.chat.publicKey, to), signed.body)
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
    const bytes = await this.#sessions.sealPublic(rows, body, { siblings, now })
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
  async announce({ rows, now }: Turn, { body }: Signed): Promise<void> {
    const own = await this.person(rows, this.me.chat.publicKey)
    const siblings = await this.siblings(rows)
    const { bytes } = await this.#sessions.seal(rows, own, body, { siblings, devices: [], now })
    await this.#put(rows, partitionedChannel(own.key), bytes, { now, recipient: own.key })
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
    const { outgoing, abandoned } = this.#sync.tick()
    for (const { peer, payload } of outgoing) {
      await this.#encrypt(turn, Buffer.from(peer, 'hex') as unknown as UncompressedKey, syncPayload.encode(payload))
    }
    for (const { id } of abandoned) await this.#settle(turn, id, 'failed')
  }

  async #encrypt({ rows, now }: Turn, to: UncompressedKey, plaintext: Uint8Array): Promise<void> {
    const siblings = await this.siblings(rows)
    const isOwn = sameBytes(to, uncompress(this.me.chat.publicKey))
    if (isOwn && siblings.length === 0) return
    const options = { siblings, now, ...(isOwn && { devices: siblings }) }
    const person = await this.person(rows, to)
    const sealed = await this.#sessions.seal(rows, person, plaintext, options)
    await this.keep(rows, sealed.person)
    // Where they have never written, they do not know that we know them.
    const knows = isOwn || person.hasWritten
    if (knows) await this.#put(rows, this.#between(to), sealed.bytes, { now })
    else await this.#put(rows, partitionedChannel(to), sealed.bytes, { now, recipient: to })
  }

  async #put(rows: Rows, channel: Channel, bytes: Uint8Array, { author = this.me.chat, ...rest }: PutOptions) {
    for (const part of split(bytes)) this.outbox.put(rows, await sealFor(channel, part, { author, ...rest }))
  }

  /** A message of history was confirmed, or given up. */
  async #settle({ rows, news }: Turn, syncId: string, status: 'delivered' | 'failed'): Promise<void> {
    const stored = await rows.get(`sent/${syncId}`)
    if (stored === undefined) return
    const id = Buffer.from(stored).toString()
    rows.remove(`sent/${syncId}`)
    await this.history.setStatus(rows, id, status)
    const record = await this.history.find(rows, id)
    if (record !== undefined) news.push({ kind: 'changed', chat: record.chatId, id })
  }

  /** Takes what the network handed over: what is not for us, or was had before, changes nothing. */
  async take({ message }: Carried, readers: Readers): Promise<readonly News[]> {
    const { contentTopic, payload, timestamp } = message
    const hash = createHash('sha256').update(payload).digest('base64')
    if (this.#recent.has(hash)) return []
    const news = await this.#open(contentTopic, payload, toMilliseconds(timestamp ?? 0n), readers)
    // Not before: what a failing disk has kept from being read is to be read when it comes again.
    this.#recent.add(hash)
    return news
  }

  async #open(
    contentTopic: string,
    payload: Uint8Array,
    sentAt: Milliseconds,
    readers: Readers,
  ): Promise<readonly News[]> {
    const opened = await this.channels.open(contentTopic, payload)
    if (opened?.author === undefined) return []
    const id = userId(opened.author)
    const whole = this.#whole(id, opened.data)
    const message = whole && readingOf(whole)
    // Our own of this very device, which stores and the network hand back.
    if (message === undefined || (id === this.me.id && message.installation === this.me.installation)) return []
    const incoming = { place: opened.listening.place, author: opened.author, message, sentAt }
    return (await this.turn((turn) => this.#read(turn, incoming, readers))).news
  }

  #whole(sender: string, data: Uint8Array): Uint8Array | undefined {
    const segment = this.#segments.accept(sender, data)
    if (segment.kind === 'whole') return segment.payload
    return segment.kind === 'not a segment' ? data : undefined
  }

  async #read(turn: Turn, incoming: Incoming, readers: Readers): Promise<void> {
    const { author, place, message, sentAt } = incoming
    const { rows, now } = turn
    const before = this.#learn(await this.person(rows, author), message, now)
    const opening = await this.#decrypt(turn, before, incoming, readers)
    if ('why' in opening) {
      if (this.people.has(author)) await this.keep(rows, before)
      const isLost = opening.why === 'no session' && place.kind === 'private'
      if (isLost && sentAt > lastReadOf(before, message.installation)) await this.#tellLost(turn, before)
      return
    }
    const { plaintext, released = [], ...below } = opening
    const isLost = below.protection === 'static' && plaintext.length === 0
    const person = isLost ? withoutSessions(opening.person, message.installation, sentAt) : opening.person
    const hears = { origin: { place, transport: author, ...below }, installation: message.installation }
    const isPrivate = place.kind === 'private' && below.protection !== 'open'
    await this.#keepHeard(turn, person, isPrivate)
    const { bodies, confirmed } = this.#unwrapped(author, plaintext, isPrivate)
    for (const body of bodies) {
      const me = uncompress(this.me.chat.publicKey)
      const judged = judge(body, { ...hears.origin, sentAt, now }, me)
      if (judged.believed) await readers.handle(turn, { ...hears, body, believed: judged, author: judged.author })
    }
    for (const id of confirmed) await this.#settle(turn, id, 'delivered')
    for (const one of released) await this.#read(turn, one, readers)
  }

  /** Somebody writes by a session that we have not: an empty message brings our prekey, so that they begin anew. */
  async #tellLost({ rows, now }: Turn, person: Person): Promise<void> {
    if (!this.#told.add(userId(person.key))) return
    const siblings = await this.siblings(rows)
    const { bytes } = await this.#sessions.seal(rows, person, new Uint8Array(0), { siblings, devices: [], now })
    await this.#put(rows, partitionedChannel(person.key), bytes, { now, recipient: person.key })
  }

  /** What the encryption layer had in it: payloads that are new, and which messages of ours have come. */
  #unwrapped(author: PublicKey, plaintext: Uint8Array, isPrivate: boolean) {
    const payload = isPrivate ? parseSyncPayload(plaintext) : undefined
    if (payload === undefined) return { bodies: [plaintext], confirmed: [] }
    const { delivered, confirmed } = this.#sync.receive(peerName(author), payload)
    return { bodies: delivered.map(({ message }) => message.body), confirmed }
  }

  /** Somebody who wrote in private is remembered, and listened to where the two talk. */
  async #keepHeard({ rows, now }: Turn, person: Person, isPrivate: boolean): Promise<void> {
    if (isPrivate) {
      await this.keep(rows, { ...person, hasWritten: true, heardAt: now })
      this.listenTo(person.key)
    } else if (this.people.has(person.key)) await this.keep(rows, person)
  }

  #learn(person: Person, message: ProtocolMessage, now: Milliseconds): Person {
    const sound = message.bundles.filter((bundle) => judgeBundle(bundle, person.key) === 'sound')
    const devices = sound.reduce(
      (held, bundle) => held.learn(bundle, message.installation, nanoseconds(now)),
      person.devices,
    )
    return { ...person, devices }
  }

  async #decrypt(
    turn: Turn,
    person: Person,
    incoming: Incoming,
    { readGroup }: Readers,
  ): Promise<Decrypted | Extract<Opening, { opened: false }>> {
    const { rows, now } = turn
    const { message, sentAt } = incoming
    if (message.publicMessage !== undefined) return { protection: 'open', person, plaintext: message.publicMessage }
    const shared = message.encrypted.get(anyInstallation)
    if (shared?.hashRatchet !== undefined) {
      const reading = await readGroup(turn, incoming, shared)
      return reading ? { ...reading, person } : { opened: false, why: 'not for us' }
    }
    const opening = await this.#sessions.open(rows, person, { message, now, at: Math.min(sentAt, now) })
    if (!opening.opened) return opening
    const { by, plaintext } = opening
    return { protection: by, plaintext, person: opening.person, ...(by === 'session' && { encryption: person.key }) }
  }
}

/**
 * The encryption layer's message; of what is none, the whole as one that is not encrypted: communities and backups leave
 * that layer out, and what may come so is decided by `judge`.
 */
function readingOf(whole: Uint8Array): ProtocolMessage {
  const message = protocolMessage.parse(whole)
  const isNone = message === undefined || (message.encrypted.size === 0 && message.publicMessage === undefined)
  return isNone ? protocolMessage.decode(protocolMessage.encode({ publicMessage: whole })) : message
}

/** When a device of a person was last read; what was sent before, and cannot be opened now, was had or is past help. */
function lastReadOf({ sessions }: Person, installation: string): Milliseconds {
  return Math.max(0, ...sessions.filter((one) => one.installation === installation).map(({ at }) => at))
}

/** A person whose device has said at `since` that it lost what was before. */
function withoutSessions(person: Person, installation: string, since: Milliseconds): Person {
  const sessions = person.sessions.map((one) =>
    one.installation === installation && one.at < since ? { ...one, isLost: true } : one,
  )
  return { ...person, sessions }
}

function nanoseconds(now: Milliseconds): bigint {
  return BigInt(Math.floor(now)) * 1_000_000n
}

/** The id of a message as Status peers write it. */
export function idText(id: Uint8Array): string {
  return `0x${hex(id)}`
}
