/**
 * Messages, end to end encrypted, as Status peers speak them.
 *
 *     const me = await open({ folder, password, network })
 *     await me.send(chat, 'hi')
 *     for await (const message of me.messages()) ...
 *
 * One device of one person. All that it is told stands on disk before it says so, and what it hears is handed out once.
 */
import { hkdfSync } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, systemClock } from '../../core/time.ts'
import { type Chat, newChat } from '../chats/chat.ts'
import type { Page } from '../chats/history.ts'
import type { Waiting } from '../chats/inbox.ts'
import type { EmotionName, Message } from '../chats/message.ts'
import { areContacts } from '../contacts/handshake.ts'
import { Account } from '../identity/account.ts'
import { readKeyFile, type ScryptCost, writeKeyFile } from '../identity/key-file.ts'
import { keyOfUser, userId } from '../keys.ts'
import type { Network } from '../network.ts'
import { isKept, type Person } from '../people/person.ts'
import { openDatabase } from '../storage/database.ts'
import { contactCodeChannel, partitionedChannel, personalChannel, publicChatChannel } from '../topics.ts'
import type { Listening } from '../transport/channels.ts'
import { Communities, type CommunityInfo } from './communities.ts'
import { CommunityKeys } from './community-keys.ts'
import { Contacts } from './contacts.ts'
import { type Content, Conversations } from './conversations.ts'
import { type DeviceInfo, Devices } from './devices.ts'
import { Engine, type News, type Turn } from './engine.ts'
import { Groups } from './groups.ts'
import { handleBy } from './handlers.ts'
import { KeptCommunities } from './kept-communities.ts'
import { type NewCommunityOptions, OwnCommunities } from './own-communities.ts'
import { contactCodeOf, publicChat } from './places.ts'
import { type Published, publication } from './publication.ts'
import { cannotSend } from './refusal.ts'
import { Runtime } from './runtime.ts'

export interface OpenOptions {
  /** Holds the account and all that is kept; made when it is not there. */
  readonly folder: string
  /** Encrypts the account, and by it everything else. */
  readonly password: string
  readonly network: Network
  /** The words of a person who has an account already, on this new device. */
  readonly words?: string
  /** What we call ourselves: 5 to 24 letters, digits, `_`, `-` and spaces. Kept; empty: as before. */
  readonly name?: string
  readonly clock?: Clock
  /** What scrypt takes for a new account. */
  readonly cost?: ScryptCost
  /** Told when the disk fails: nothing works any more then. */
  readonly onFailure?: (error: unknown) => void
  /** Told of a message that was left out for a fault of ours: it is not to keep others from being read. */
  readonly onSkipped?: (error: unknown) => void
}

/** Somebody whom we know. */
export interface Contact {
  readonly id: string
  readonly name: string
  /** Both agreed; we asked; they asked; nothing stands between us. */
  readonly state: 'contact' | 'asked' | 'asks us' | 'none'
  readonly isBlocked: boolean
}

export type { CommunityInfo, DeviceInfo, NewCommunityOptions }

/** What `onChange` tells of. */
export type Change = News

function ignore(): void {}

const accountFile = 'account.json'
const storageKeyBytes = 32

/** Opens the device in a folder. Throws `key-file/*`, `mnemonic/invalid`, `storage/*`. */
export async function open(options: OpenOptions): Promise<Messenger> {
  const { folder, network, clock = systemClock, onFailure = ignore } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const me = await accountIn(options)
  const secret = me.encryption.secretBytes()
  const key = Buffer.from(hkdfSync('sha256', secret, '', `waypost messages of ${me.installation}`, storageKeyBytes))
  secret.fill(0)
  const database = await openDatabase(path.join(folder, 'messages'), key)
  key.fill(0)
  try {
    const engine = await Engine.open({ me, database, network, clock, failed: onFailure })
    return await Messenger.start(engine, options)
  } catch (error) {
    await database[Symbol.asyncDispose]()
    throw error
  }
}

async function accountIn({ folder, password, words, cost }: OpenOptions): Promise<Account> {
  const file = path.join(folder, accountFile)
  const held = await readKeyFile(file, password)
  if (held !== undefined) return held
  const account = words === undefined ? await Account.create() : await Account.restore(words)
  await writeKeyFile(file, account, password, 'new', cost)
  return account
}

export class Messenger implements AsyncDisposable {
  readonly #engine: Engine
  readonly #runtime: Runtime
  readonly #devices: Devices
  readonly #contacts: Contacts
  readonly #groups: Groups
  readonly #communities: Communities
  readonly #ownCommunities: OwnCommunities
  readonly #conversations: Conversations
  #name = ''

  private constructor(engine: Engine, { network, onFailure = ignore, onSkipped = ignore }: OpenOptions) {
    this.#engine = engine
    const name = () => this.#name
    this.#devices = new Devices(engine)
    this.#contacts = new Contacts({ engine, name, devices: this.#devices })
    this.#groups = new Groups(engine)
    const kept = new KeptCommunities(engine)
    const keys = new CommunityKeys(engine, kept)
    this.#communities = new Communities({ engine, kept, keys, name })
    this.#ownCommunities = new OwnCommunities({ engine, kept, keys })
    this.#conversations = new Conversations({
      engine,
      contacts: this.#contacts,
      groups: this.#groups,
      communities: this.#communities,
      name,
    })
    const communities = [this.#communities, this.#ownCommunities]
    const parts = [this.#contacts, this.#conversations, this.#groups, this.#devices, ...communities]
    const handle = handleBy(...parts.map(({ handlers }) => handlers))
    const publish = (turn: Turn) => this.#publish(turn)
    this.#runtime = new Runtime({
      engine,
      network,
      handle,
      readGroup: keys.read,
      publish,
      failed: onFailure,
      skipped: onSkipped,
    })
  }

  /** For `open`. */
  static async start(engine: Engine, options: OpenOptions): Promise<Messenger> {
    const messenger = new Messenger(engine, options)
    await messenger.#begin(options.name ?? '')
    return messenger
  }

  async #begin(name: string): Promise<void> {
    await this.#engine.turn(async ({ rows }) => {
      const stored = await rows.get(nameRow)
      this.#name = name || (stored ? Buffer.from(stored).toString() : '')
      if (name !== '') rows.put(nameRow, Buffer.from(name))
      const own = await this.#engine.person(rows, this.#engine.me.chat.publicKey)
      await this.#engine.keep(rows, { ...own, isNeeded: true })
    })
    for (const listening of await this.#channels()) this.#engine.channels.add(listening)
    await this.#communities.resume()
    this.#runtime.start()
  }

  /** All that this device listens on, but for communities. */
  async #channels(): Promise<Listening[]> {
    const { me, people, chats } = this.#engine
    const place = { kind: 'private' } as const
    const channels: Listening[] = [partitionedChannel, personalChannel].map((channelOf) => ({
      channel: channelOf(me.chat.publicKey),
      keys: me.chat,
      place,
    }))
    for await (const person of people.all()) {
      this.#engine.listenTo(person.key)
      if (isKept(person)) channels.push(contactCodeOf(person.key))
    }
    for await (const chat of chats.all()) if (chat.kind === 'public' && chat.isOpen) channels.push(publicChat(chat.id))
    return channels
  }

  /** Tells whoever knows our id by which prekeys to write to us, and of our communities, where that is due. */
  async #publish(turn: Turn): Promise<void> {
    const { rows, now } = turn
    await this.#communities.tidy(turn)
    const published = await this.#published(turn)
    if (!(await publication.isDue(rows, published, now))) return
    const identity = { displayName: this.#name, clock: BigInt(Math.floor(now)) }
    const signed = this.#engine.sign('contactCodeAdvertisement', { chatIdentity: identity })
    await this.#engine.postPublic(turn, contactCodeChannel(this.#engine.me.chat.publicKey), signed)
    await this.#ownCommunities.republish(turn)
    publication.save(rows, published, now)
  }

  async #published({ rows }: Turn): Promise<Published> {
    const siblings = await this.#engine.siblings(rows)
    return { name: this.#name, installations: siblings.map(({ installation }) => installation) }
  }

  /** `0x` and 130 digits: by which others find us. */
  get id(): string {
    return this.#engine.me.id
  }

  get name(): string {
    return this.#name
  }

  /** The words: who has them is us. */
  words(): string {
    return this.#engine.me.mnemonic()
  }

  /** Asks somebody to become a contact. Looks for the devices first, so that the request has forward secrecy. */
  async requestContact(id: string, text: string): Promise<string> {
    const key = keyOfUser(id)
    if (userId(key) === this.id) throw cannotSend('this is our own id')
    await this.#runtime.lookUp(key)
    return await this.#runtime.do((turn) => this.#contacts.request(turn, key, text))
  }

  async acceptContact(id: string): Promise<void> {
    await this.#runtime.do((turn) => this.#contacts.accept(turn, keyOfUser(id)))
  }

  /** Puts a request aside; they are told nothing. */
  async dismissContact(id: string): Promise<void> {
    await this.#runtime.do((turn) => this.#contacts.dismiss(turn, keyOfUser(id)))
  }

  async endContact(id: string): Promise<void> {
    await this.#runtime.do((turn) => this.#contacts.end(turn, keyOfUser(id)))
  }

  async block(id: string, isBlocked = true): Promise<void> {
    await this.#runtime.do((turn) => this.#contacts.block(turn, keyOfUser(id), isBlocked))
  }

  /** Everybody with whom there is something: contacts, requests, members of groups, blocked people. */
  async contacts(): Promise<Contact[]> {
    const all: Contact[] = []
    for await (const person of this.#engine.people.all())
      if (userId(person.key) !== this.id) all.push(contactOf(person))
    return all.sort((one, other) => (one.id < other.id ? -1 : 1))
  }

  /** Says something: in a chat with a contact (the user id), a group, a public chat. Returns the id of the message. */
  async send(chat: string, content: string | Content): Promise<string> {
    const said = typeof content === 'string' ? { text: content } : content
    return await this.#runtime.do((turn) => this.#conversations.send(turn, chat, said))
  }

  async edit(messageId: string, text: string): Promise<void> {
    await this.#runtime.do((turn) => this.#conversations.edit(turn, messageId, text))
  }

  /** Deletes a message for all: one of ours, or as an admin of the group. */
  async delete(messageId: string): Promise<void> {
    await this.#runtime.do((turn) => this.#conversations.remove(turn, messageId))
  }

  async react(messageId: string, emotion: EmotionName, isRetracted = false): Promise<void> {
    await this.#runtime.do((turn) => this.#conversations.react(turn, messageId, emotion, isRetracted))
  }

  async pin(messageId: string, isPinned = true): Promise<void> {
    await this.#runtime.do((turn) => this.#conversations.pin(turn, messageId, isPinned))
  }

  /** Begins a private group with contacts. Returns its id, which is that of its chat. */
  async createGroup(name: string, members: readonly string[]): Promise<string> {
    const ids = members.map((id) => userId(keyOfUser(id)))
    return await this.#runtime.do((turn) => this.#groups.create(turn, name, ids))
  }

  async addToGroup(group: string, members: readonly string[]): Promise<void> {
    const ids = members.map((id) => userId(keyOfUser(id)))
    await this.#runtime.do((turn) => this.#groups.add(turn, group, ids))
  }

  async removeFromGroup(group: string, member: string): Promise<void> {
    await this.#runtime.do((turn) => this.#groups.remove(turn, group, userId(keyOfUser(member))))
  }

  async leaveGroup(group: string): Promise<void> {
    await this.#runtime.do((turn) => this.#groups.remove(turn, group, this.id))
  }

  async renameGroup(group: string, name: string): Promise<void> {
    await this.#runtime.do((turn) => this.#groups.rename(turn, group, name))
  }

  async makeAdmin(group: string, member: string): Promise<void> {
    await this.#runtime.do((turn) => this.#groups.promote(turn, group, [userId(keyOfUser(member))]))
  }

  /** The user ids of who is in a group. */
  async members(group: string): Promise<readonly string[]> {
    const chat = await this.#chat(group)
    return chat?.kind === 'group' ? this.#groups.members(chat) : []
  }

  /** Joins a public chat. Everybody who knows or guesses its name reads what is written there, and by whom. */
  async joinPublicChat(name: string): Promise<void> {
    await this.#runtime.do(async (turn) => {
      const { rows, news, now } = turn
      const chat = (await this.#engine.chats.find(rows, name)) ?? newChat(name, 'public', name)
      const joined = { ...chat, isOpen: true, lastAt: now }
      this.#engine.chats.save(rows, joined)
      await this.#devices.tellJoined(turn, joined)
      news.push({ kind: 'chat', chat: name })
    })
    this.#engine.listen(publicChat(name))
    await this.#runtime.catchUpNew()
  }

  async leavePublicChat(name: string): Promise<void> {
    await this.#runtime.do(async ({ rows, news }) => {
      const chat = await this.#engine.chats.find(rows, name)
      if (chat !== undefined) this.#engine.chats.save(rows, { ...chat, isOpen: false })
      news.push({ kind: 'chat', chat: name })
    })
    this.#engine.channels.remove(publicChatChannel(name))
    this.#runtime.follow()
  }

  /**
   * Begins a community of ours. Returns its id. Whoever has that reads what is said in it, unless it `isEncrypted`: then its members
   * do, each from when he was let in, until he leaves or is put out.
   */
  async createCommunity(community: NewCommunityOptions): Promise<string> {
    return await this.#runtime.do((turn) => this.#ownCommunities.create(turn, community))
  }

  /** Follows a community: what it says of itself is looked for. Its channels are read once it has let us in. */
  async followCommunity(id: string): Promise<void> {
    await this.#runtime.do((turn) => this.#communities.follow(turn, id))
    await this.#runtime.catchUpNew()
  }

  /** Follows a community and asks it to let us write. */
  async joinCommunity(id: string): Promise<void> {
    await this.followCommunity(id)
    await this.#runtime.do((turn) => this.#communities.join(turn, id))
  }

  async leaveCommunity(id: string): Promise<void> {
    await this.#runtime.do((turn) => this.#communities.leave(turn, id))
  }

  /** The communities that this device follows, and its own. */
  communities(): Promise<CommunityInfo[]> {
    return this.#communities.list()
  }

  /** Adds a channel to a community of ours. Returns the id of its chat. */
  async addChannel(community: string, name: string): Promise<string> {
    return await this.#runtime.do((turn) => this.#ownCommunities.addChannel(turn, community, name))
  }

  async removeChannel(community: string, chat: string): Promise<void> {
    await this.#runtime.do((turn) => this.#ownCommunities.removeChannel(turn, community, chat))
  }

  /** Puts a member out of a community of ours, who may ask again. */
  async kick(community: string, member: string): Promise<void> {
    await this.#runtime.do((turn) => this.#ownCommunities.kick(turn, community, userId(keyOfUser(member))))
  }

  /** Puts somebody out of a community of ours for good, or no more. */
  async ban(community: string, member: string, isBanned = true): Promise<void> {
    await this.#runtime.do((turn) => this.#ownCommunities.ban(turn, community, userId(keyOfUser(member)), isBanned))
  }

  /** Answers somebody who asks a community of ours to be let in. */
  async answerJoinRequest(community: string, member: string, isAccepted: boolean): Promise<void> {
    await this.#runtime.do((turn) =>
      this.#ownCommunities.answer(turn, community, userId(keyOfUser(member)), isAccepted),
    )
  }

  /** This device and the others of the person that have announced themselves. */
  async devices(): Promise<readonly DeviceInfo[]> {
    return await this.#devices.list(this.#engine.database)
  }

  /** Tells our other devices of this one, under a name that we know it by. */
  async announceDevice(name: string): Promise<void> {
    await this.#runtime.do((turn) => this.#devices.announce(turn, name))
  }

  /** Shares everything from now on with another device of ours, or no more. To be said on both. */
  async enableDevice(installation: string, isEnabled = true): Promise<void> {
    await this.#runtime.do((turn) => this.#devices.enable(turn, installation, isEnabled))
    await this.#runtime.do((turn) => this.#publish(turn))
  }

  /** All chats, the one last written in first. */
  async chats(): Promise<Chat[]> {
    const all: Chat[] = []
    for await (const chat of this.#engine.chats.all()) all.push(chat)
    return all.sort((one, other) => other.lastAt - one.lastAt)
  }

  #chat(id: string): Promise<Chat | undefined> {
    return this.#engine.chats.find(this.#engine.database, id)
  }

  /** The messages of a chat, the last first. */
  async *history(chat: string, page: Page = {}): AsyncGenerator<Message> {
    const held = await this.#chat(chat)
    if (held !== undefined)
      yield* this.#engine.history.of(chat, await this.#conversations.powers(this.#engine.database, held), page)
  }

  /** A message by its id. */
  async message(id: string): Promise<Message | undefined> {
    const record = await this.#engine.history.find(this.#engine.database, id)
    const chat = record && (await this.#chat(record.chatId))
    if (chat === undefined) return undefined
    const { database, history } = this.#engine
    return await history.shown(database, id, await this.#conversations.powers(database, chat))
  }

  /** Nothing in the chat is new any more. */
  async markRead(chat: string): Promise<void> {
    await this.#runtime.do(async (turn) => {
      const { rows, news } = turn
      const held = await this.#engine.chats.find(rows, chat)
      if (held === undefined || held.unread === 0) return
      this.#engine.chats.save(rows, { ...held, unread: 0 })
      await this.#devices.tellRead(turn, chat, held.clock)
      news.push({ kind: 'chat', chat })
    })
  }

  /** Messages as they come, those that came while nobody asked first; each once. Ends with `signal`, or when this is closed. */
  async *messages(signal?: AbortSignal): AsyncGenerator<Message> {
    for (;;) {
      const news = this.#runtime.nextNews(signal)
      yield* this.arrived(signal)
      if (!(await news)) return
    }
  }

  /** Messages that came and that nobody was handed; each once. Does not wait for more. */
  async *arrived(signal?: AbortSignal): AsyncGenerator<Message> {
    let last: string | undefined
    for (let one = await this.#waitingAfter(last); one !== undefined; one = await this.#waitingAfter(last)) {
      if (signal?.aborted === true || this.#runtime.isClosed) return
      const message = await this.message(one.id)
      if (message !== undefined) yield message
      last = one.row
      if (!this.#runtime.isClosed) await this.#engine.inbox.done(one.row)
    }
  }

  async #waitingAfter(row: string | undefined): Promise<(Waiting & { readonly row: string }) | undefined> {
    if (!this.#runtime.isClosed) for await (const one of this.#engine.inbox.waiting(row)) return one
    return undefined
  }

  /** What changes: messages and what is said about them, chats, contacts. Returns what ends it. */
  onChange(listener: (changes: readonly Change[]) => void): () => void {
    return this.#runtime.onChange(listener)
  }

  /** Resolves when all that was sent so far was handed to the network, and what came was read. */
  settled(): Promise<void> {
    return this.#runtime.settled()
  }

  /** Asks stores for what came while this device was away. Throws `messaging/no-network`. */
  fetch(): Promise<void> {
    return this.#runtime.fetch()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#runtime[Symbol.asyncDispose]()
  }
}

const nameRow = 'self/name'

function contactOf({ key, name, handshake, isBlocked }: Person): Contact {
  const id = userId(key)
  if (areContacts(handshake)) return { id, name, isBlocked, state: 'contact' }
  if (handshake.ours === 'sent') return { id, name, isBlocked, state: 'asked' }
  const asks = handshake.theirs === 'received' && handshake.ours === 'none'
  return { id, name, isBlocked, state: asks ? 'asks us' : 'none' }
}
