/** Private groups: their logs as messages bring them, and what members do. Each message goes to each member by itself. */
import { randomUUID } from 'node:crypto'
import { ChatKind } from '../application/chat.ts'
import type { membershipUpdateMessage } from '../application/group.ts'
import type { Signed } from '../application/metadata.ts'
import type { PayloadName } from '../application/payloads.ts'
import { type Chat, newChat } from '../chats/chat.ts'
import { heard, ticked } from '../chats/chats.ts'
import type { Claimed } from '../chats/history.ts'
import { areContacts } from '../contacts/handshake.ts'
import { type Powers, withReaction } from '../conversation/claims.ts'
import { abridged } from '../groups/abridged.ts'
import { drafts, type EventDraft, groupId, openEvent, type SignedEvent, signEvent } from '../groups/event.ts'
import { GroupLog } from '../groups/group-log.ts'
import { eventFault } from '../groups/replay.ts'
import { keyOfUser, userId } from '../keys.ts'
import type { DraftOf } from '../schema.ts'
import type { Engine, Turn } from './engine.ts'
import type { Handlers, HeardOf } from './handlers.ts'
import { cannotSend } from './refusal.ts'

/** Groups whose logs are kept in memory, so that their signatures are not looked at for each message. */
const cachedLogs = 64

/** Groups that others may have put us into. */
const maxGroups = 1024

export class Groups {
  readonly #engine: Engine
  /** By the id of the group, the log and the events in the row that it was made of. */
  readonly #logs = new Map<string, { readonly log: GroupLog; readonly events: number }>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  readonly handlers: Handlers = {
    membershipUpdate: (turn, one) => this.#heardUpdate(turn, one),
  }

  #logOf(chat: Chat): GroupLog {
    const cached = this.#logs.get(chat.id)
    this.#logs.delete(chat.id)
    const log = cached?.events === chat.events.length ? cached.log : new GroupLog(chat.id, signedIn(chat))
    this.#cache(chat, log)
    return log
  }

  #cache({ id, events }: Chat, log: GroupLog): void {
    this.#logs.set(id, { log, events: events.length })
    const [oldest] = this.#logs.keys()
    if (this.#logs.size > cachedLogs && oldest !== undefined) this.#logs.delete(oldest)
  }

  /** Begins a group with these people. Returns its id. */
  async create(turn: Turn, name: string, members: readonly string[]): Promise<string> {
    const { me } = this.#engine
    const id = groupId(randomUUID(), me.chat)
    const chat = { ...newChat(id, 'group', name), lastAt: turn.now }
    await this.#act(turn, chat, (clock) => [
      drafts.created(name, defaultColor, clock),
      ...(members.length > 0 ? [drafts.membersAdded([...members], clock + 1n)] : []),
    ])
    turn.news.push({ kind: 'chat', chat: id })
    return id
  }

  async add(turn: Turn, chatId: string, members: readonly string[]): Promise<void> {
    await this.#act(turn, await this.#ours(turn, chatId), (clock) => [drafts.membersAdded([...members], clock)])
  }

  /**
   * Puts a member out, or ourselves. What is written from now on does not go to them, nor to whom they say afterwards that they
   * have let in.
   */
  async remove(turn: Turn, chatId: string, member: string): Promise<void> {
    const stay = (members: ReadonlySet<string>) => [...members].filter((id) => id !== member)
    await this.#act(turn, await this.#ours(turn, chatId), (clock, members) => [
      drafts.memberRemoved(member, clock, member === this.#engine.me.id ? undefined : stay(members)),
    ])
  }

  async rename(turn: Turn, chatId: string, name: string): Promise<void> {
    await this.#act(turn, await this.#ours(turn, chatId), (clock) => [drafts.nameChanged(name, clock)])
  }

  async promote(turn: Turn, chatId: string, members: readonly string[]): Promise<void> {
    await this.#act(turn, await this.#ours(turn, chatId), (clock) => [drafts.adminsAdded([...members], clock)])
  }

  async #ours({ rows }: Turn, chatId: string): Promise<Chat> {
    const chat = await this.#engine.chats.find(rows, chatId)
    if (chat?.kind !== 'group') throw cannotSend('there is no such group')
    return chat
  }

  /** Does something in a group, and tells those who are in it, and those who were until then. */
  async #act(
    turn: Turn,
    chat: Chat,
    events: (clock: bigint, members: ReadonlySet<string>) => readonly EventDraft[],
  ): Promise<void> {
    const log = this.#logOf(chat)
    const before = log.state.members
    for (const draft of events(log.nextClock(turn.now), before)) {
      const signed = signEvent(chat.id, draft, this.#engine.me.chat)
      // Taken as others take it: what finds no room here finds none there, and a longer log is read by nobody.
      const fault = eventFault(log.state, signed) ?? log.take(signed.raw, turn.now)
      if (fault !== 'new') {
        this.#logs.delete(chat.id)
        throw cannotSend(fault)
      }
    }
    const saved = await this.#save(turn, ticked(chat, turn.now), log)
    const update = this.#engine.sign('membershipUpdate', { chatId: chat.id, events: rawOf(abridged(log.state)) })
    const told = new Set([...before, ...log.state.members])
    told.delete(this.#engine.me.id)
    for (const id of told) this.#engine.post(turn, keyOfUser(id), { signed: update })
    await this.#engine.mirror(turn, update)
    turn.news.push({ kind: 'chat', chat: saved.id })
  }

  /** Keeps a group as its log now makes it; its members are people whom we have to reach. */
  async #save({ rows, now }: Turn, chat: Chat, log: GroupLog): Promise<Chat> {
    const engine = this.#engine
    const { name, members } = log.state
    const events = [...log.events].map(({ raw }) => raw)
    const saved = { ...chat, name, isOpen: members.has(engine.me.id), events }
    engine.chats.save(rows, saved)
    this.#cache(saved, log)
    if (saved.isOpen) for (const id of members) await this.#need(rows, id, now)
    return saved
  }

  async #need(rows: Turn['rows'], id: string, now: number): Promise<void> {
    const engine = this.#engine
    if (id === engine.me.id) return
    const person = await engine.person(rows, keyOfUser(id))
    if (!person.isNeeded) await engine.keep(rows, { ...person, isNeeded: true, heardAt: now })
    engine.listenTo(person.key)
    if (person.devices.recipients.length === 0) engine.lookUp(person.key)
  }

  /** The user ids of who is in a group. */
  members(chat: Chat): readonly string[] {
    return [...this.#logOf(chat).state.members]
  }

  powers(chat: Chat): Powers {
    const { admins, members } = this.#logOf(chat).state
    return { mayDelete: (id) => admins.has(id), mayPin: (id) => members.has(id) }
  }

  /** A message or reaction of a group, within its log; undefined for what is sent as it is. */
  wrapped(chat: Chat, name: PayloadName, draft: unknown): Signed | undefined {
    const kind = entityKinds[name]
    if (kind === undefined) return undefined
    const events = rawOf(abridged(this.#logOf(chat).state))
    const entity = { case: kind, value: draft } as NonNullable<DraftOf<typeof membershipUpdateMessage>['entity']>
    return this.#engine.sign('membershipUpdate', { chatId: chat.id, events, entity })
  }

  async #heardUpdate(turn: Turn, { author, believed, message }: HeardOf<'membershipUpdate'>): Promise<void> {
    const engine = this.#engine
    const known = await engine.chats.find(turn.rows, message.chatId)
    if (known === undefined && !(await this.#mayInvite(turn, userId(author)))) return
    if (known === undefined && (await this.#isFull())) return
    const chat = known ?? newChat(message.chatId, 'group', '')
    const log = this.#logOf(chat)
    const before = log.state.members.has(engine.me.id)
    const isNew = message.events.map((raw) => log.take(raw, turn.now)).includes('new')
    // One in which we never were, and are not now, is none of ours.
    if (known === undefined && !log.state.members.has(engine.me.id)) return void this.#logs.delete(chat.id)
    const saved = isNew ? await this.#save(turn, chat, log) : chat
    if (isNew) turn.news.push({ kind: 'chat', chat: chat.id })
    if (!saved.isOpen || (!before && !log.state.members.has(engine.me.id))) return
    if (log.state.members.has(userId(author))) await this.#heardEntity(turn, saved, { author, believed, message })
  }

  /** Contacts may put us into groups, left ones among them, and not into any number. */
  async #isFull(): Promise<boolean> {
    let groups = 0
    for await (const { kind } of this.#engine.chats.all()) if (kind === 'group') groups += 1
    return groups >= maxGroups
  }

  /** Who may put us into a group that we do not know: contacts, and ourselves on another device. */
  async #mayInvite({ rows }: Turn, id: string): Promise<boolean> {
    if (id === this.#engine.me.id) return true
    const person = await this.#engine.people.find(rows, keyOfUser(id))
    return person !== undefined && areContacts(person.handshake) && !person.isBlocked
  }

  async #heardEntity(
    turn: Turn,
    chat: Chat,
    { author, believed, message: { entity } }: Pick<HeardOf<'membershipUpdate'>, 'author' | 'believed' | 'message'>,
  ): Promise<void> {
    const engine = this.#engine
    if (entity?.case === 'message') {
      const { value } = entity
      await engine.hear(turn, heard(chat, value.clock, turn.now), { ...believed, author }, value)
    }
    if (entity?.case !== 'reaction' || entity.value.kind !== ChatKind.privateGroup) return
    const { value } = entity
    const claim: Claimed = (claims, writer) => withReaction(claims, userId(author), value, writer)
    if (await engine.history.claim(turn.rows, chat.id, value.messageId, claim))
      turn.news.push({ kind: 'changed', chat: chat.id, id: value.messageId })
  }
}

/** status-go wants one. */
const defaultColor = '#4360df'

const entityKinds: Readonly<Partial<Record<PayloadName, 'message' | 'reaction'>>> = {
  chatMessage: 'message',
  emojiReaction: 'reaction',
}

function rawOf(events: Iterable<SignedEvent>): Uint8Array[] {
  return [...events].map(({ raw }) => raw)
}

function signedIn({ id, events }: Chat): SignedEvent[] {
  return events.map((raw) => openEvent(id, raw)).filter((one) => one !== undefined)
}
