/** What is said in chats, and what becomes of it: messages, edits, deletions, reactions, pins. */
import {
  AudioFormat,
  ChatKind,
  type ChatMessage,
  ContentType,
  type chatMessage,
  Emotion,
  ImageFormat,
} from '../application/chat.ts'
import type { Signed } from '../application/metadata.ts'
import type { PayloadName } from '../application/payloads.ts'
import { type Chat, kindNumbers } from '../chats/chat.ts'
import { heard, ticked } from '../chats/chats.ts'
import type { Claimed } from '../chats/history.ts'
import type { AudioFormatName, EmotionName, ImageFormatName } from '../chats/message.ts'
import type { HistoryRecord } from '../chats/record.ts'
import { areContacts } from '../contacts/handshake.ts'
import { type Claims, type Powers, withDeletion, withEdit, withPin, withReaction } from '../conversation/claims.ts'
import { keyOfUser, type PublicKey, userId } from '../keys.ts'
import type { DraftOf } from '../schema.ts'
import type { Rows } from '../storage/rows.ts'
import { publicChatChannel } from '../topics.ts'
import type { Communities } from './communities.ts'
import type { Contacts } from './contacts.ts'
import type { Engine, Heard, Posting, Turn } from './engine.ts'
import type { Groups } from './groups.ts'
import type { Handlers, HeardOf } from './handlers.ts'
import { cannotSend, checked } from './refusal.ts'

/** What one says. */
export interface Content {
  readonly text?: string
  readonly image?: { readonly bytes: Uint8Array; readonly format: ImageFormatName }
  readonly audio?: { readonly bytes: Uint8Array; readonly format: AudioFormatName; readonly milliseconds: number }
  /** The id of the message that it answers. */
  readonly replyTo?: string
}

/** What somebody says of a message that is there. */
interface About {
  readonly clock: bigint
  readonly chatId: string
  readonly messageId: string
  readonly kind: number
}

const everybody: Powers = { mayDelete: () => false, mayPin: () => true }

export interface ConversationParts {
  readonly engine: Engine
  readonly contacts: Contacts
  readonly groups: Groups
  readonly communities: Communities
  /** What we call ourselves. */
  readonly name: () => string
}

export class Conversations {
  readonly #parts: ConversationParts

  constructor(parts: ConversationParts) {
    this.#parts = parts
  }

  readonly handlers: Handlers = {
    chatMessage: (turn, one) => this.#heardMessage(turn, one),
    editMessage: (turn, one) => this.#heardAbout(turn, one, claimOf('editMessage', one.message)),
    deleteMessage: (turn, one) => this.#heardAbout(turn, one, claimOf('deleteMessage', one.message)),
    emojiReaction: (turn, one) => this.#heardAbout(turn, one, claimOf('emojiReaction', one.message)),
    pinMessage: (turn, one) => this.#heardAbout(turn, one, claimOf('pinMessage', one.message)),
  }

  /** Says something in a chat. Returns the id of the message. Throws `messaging/cannot-send`. */
  async send(turn: Turn, chatId: string, content: Content): Promise<string> {
    const { engine } = this.#parts
    const chat = ticked(await this.#open(turn, chatId), turn.now)
    const draft = this.#draft(turn, chat, content)
    const message = checked('chatMessage', draft, turn)
    const signed = this.#signed(chat, 'chatMessage', draft)
    const id = await engine.write(turn, chat, signed, message)
    await this.#spread(turn, chat, { signed, isHistory: true })
    return id
  }

  #draft({ now }: Turn, { id, kind, clock }: Chat, { text = '', image, audio, replyTo = '' }: Content) {
    return {
      clock,
      timestamp: BigInt(Math.floor(now)),
      text,
      responseTo: replyTo,
      chatId: id,
      kind: kindNumbers[kind],
      displayName: this.#parts.name(),
      ...contentOf({ image, audio }),
    } satisfies DraftOf<typeof chatMessage>
  }

  /** Gives a message of ours another text. */
  async edit(turn: Turn, messageId: string, text: string): Promise<void> {
    const record = await this.#recordOf(turn, messageId)
    if (record.from !== this.#parts.engine.me.id) throw cannotSend('only its author edits a message')
    await this.#say(turn, messageId, 'editMessage', { text, contentType: ContentType.text })
  }

  async remove(turn: Turn, messageId: string): Promise<void> {
    const { engine } = this.#parts
    const record = await this.#recordOf(turn, messageId)
    const { mayDelete } = await this.powers(turn.rows, await this.#open(turn, record.chatId))
    if (record.from !== engine.me.id && !mayDelete(engine.me.id)) throw cannotSend('only its author deletes a message')
    await this.#say(turn, messageId, 'deleteMessage', {})
  }

  async react(turn: Turn, messageId: string, emotion: EmotionName, isRetracted: boolean): Promise<void> {
    await this.#say(turn, messageId, 'emojiReaction', { emotion: Emotion[emotion], retracted: isRetracted })
  }

  async pin(turn: Turn, messageId: string, isPinned: boolean): Promise<void> {
    await this.#say(turn, messageId, 'pinMessage', { pinned: isPinned })
  }

  async #say<Name extends 'editMessage' | 'deleteMessage' | 'emojiReaction' | 'pinMessage'>(
    turn: Turn,
    messageId: string,
    name: Name,
    rest: object,
  ): Promise<void> {
    const { engine } = this.#parts
    const record = await this.#recordOf(turn, messageId)
    const chat = ticked(await this.#open(turn, record.chatId), turn.now)
    const draft = { clock: chat.clock, chatId: chat.id, messageId, kind: kindNumbers[chat.kind], ...rest }
    engine.chats.save(turn.rows, chat)
    const claims = claimOf(name, draft)
    await engine.history.claim(turn.rows, chat.id, messageId, (held, author) => claims(held, engine.me.id, author))
    checked(name, draft, turn)
    await this.#spread(turn, chat, { signed: this.#signed(chat, name, draft) })
    turn.news.push({ kind: 'changed', chat: chat.id, id: messageId })
  }

  async #recordOf({ rows }: Turn, messageId: string): Promise<HistoryRecord> {
    const record = await this.#parts.engine.history.find(rows, messageId)
    if (record === undefined) throw cannotSend(`there is no message ${messageId}`)
    return record
  }

  /** The chat, where one may say something in it. */
  async #open({ rows }: Turn, chatId: string): Promise<Chat> {
    const chat = await this.#parts.engine.chats.find(rows, chatId)
    if (chat === undefined) throw cannotSend('there is no such chat')
    if (!chat.isOpen) throw cannotSend(closedBecause[chat.kind])
    return chat
  }

  /** A payload as it is sent in a chat: in a group, messages stand within its log. Whole, it has the id of the message. */
  #signed(chat: Chat, name: PayloadName, draft: object): Signed {
    const { engine, groups } = this.#parts
    return (chat.kind === 'group' && groups.wrapped(chat, name, draft)) || engine.sign(name, draft as never)
  }

  /** Hands a payload to all who are in a chat, and to our other devices. */
  async #spread(turn: Turn, chat: Chat, posting: Posting): Promise<void> {
    const { engine, communities } = this.#parts
    if (chat.kind === 'public') return await engine.postPublic(turn, publicChatChannel(chat.id), posting.signed)
    if (chat.kind === 'channel') return await communities.post(turn, chat.id, posting.signed)
    const audience = this.#audience(chat)
    const taken = audience.filter((key) => engine.post(turn, key, posting))
    // A member of a group who is away for good does not keep the others from hearing.
    if (audience.length > 0 && taken.length === 0) throw cannotSend('too many messages are on their way')
    await engine.mirror(turn, posting.signed)
  }

  #audience(chat: Chat): readonly PublicKey[] {
    const { engine, groups } = this.#parts
    if (chat.kind === 'person') return [keyOfUser(chat.id)]
    return groups
      .members(chat)
      .filter((id) => id !== engine.me.id)
      .map(keyOfUser)
  }

  async #heardMessage(turn: Turn, one: HeardOf<'chatMessage'>): Promise<void> {
    const { message } = one
    const { engine, contacts } = this.#parts
    const isOwn = userId(one.author) === engine.me.id
    if (message.contentType === ContentType.contactRequest && message.kind === ChatKind.oneToOne && !isOwn)
      return await contacts.heardRequest(turn, one)
    const chat = await this.#chatOf(turn, one, message)
    if (chat !== undefined) await engine.hear(turn, heard(chat, message.clock, turn.now), one.believed, message)
  }

  /** The chat that a message of a peer is in, where the peer may speak in it. */
  async #chatOf(turn: Turn, one: Heard, { chatId, kind }: About | ChatMessage): Promise<Chat | undefined> {
    const { engine, groups, communities } = this.#parts
    const from = userId(one.author)
    if (kind === ChatKind.oneToOne)
      return await this.#chatWith(turn, from === engine.me.id ? chatId.toLowerCase() : from)
    const chat = await engine.chats.find(turn.rows, chatId)
    if (chat?.isOpen !== true || kindNumbers[chat.kind] !== kind) return undefined
    if (chat.kind === 'group' && !groups.members(chat).includes(from)) return undefined
    return chat.kind !== 'channel' || (await communities.maySay(turn, chat.id, one)) ? chat : undefined
  }

  async #chatWith({ rows }: Turn, id: string): Promise<Chat | undefined> {
    const { engine } = this.#parts
    const person = await engine.people.find(rows, keyOfUser(id))
    // Who was asked and writes has said yes, though that may still be on its way.
    const isWelcome = person !== undefined && !person.isBlocked && person.handshake.ours === 'sent'
    if (!isWelcome) return undefined
    const chat = await engine.chats.need(rows, id, 'person', person.name)
    return { ...chat, isOpen: areContacts(person.handshake) || chat.isOpen }
  }

  async #heardAbout(turn: Turn, one: Heard & { readonly message: About }, claim: Claiming): Promise<void> {
    const chat = await this.#chatOf(turn, one, one.message)
    if (chat !== undefined)
      await this.claim(turn, chat, one.message, (claims, author) => claim(claims, userId(one.author), author))
  }

  /** Takes what somebody who may speak in a chat says of a message in it. */
  async claim(turn: Turn, chat: Chat, { clock, messageId }: About, claim: Claimed): Promise<void> {
    const { engine } = this.#parts
    engine.chats.save(turn.rows, { ...heard(chat, clock, turn.now), lastAt: chat.lastAt })
    const isChanged = await engine.history.claim(turn.rows, chat.id, messageId, claim)
    if (isChanged) turn.news.push({ kind: 'changed', chat: chat.id, id: messageId })
  }

  /** Who may delete what others wrote, and pin, in a chat. */
  async powers(rows: Pick<Rows, 'get'>, chat: Chat): Promise<Powers> {
    if (chat.kind === 'channel') return await this.#parts.communities.powers(rows, chat.id)
    return chat.kind === 'group' ? this.#parts.groups.powers(chat) : everybody
  }
}

const closedBecause: Readonly<Record<Chat['kind'], string>> = {
  person: 'this person is not a contact: both have to agree first',
  group: 'we are not in this group',
  public: 'this chat was left',
  channel: 'we are not in this community',
}

/** What is claimed by `from`, of a message of `author` where that is here. */
type Claiming = (claims: Claims, from: string, author?: string) => Claims

function claimOf(name: string, draft: object): Claiming {
  const claimings: Readonly<Record<string, Claiming>> = {
    editMessage: (claims, from, author) => withEdit(claims, from, draft as never, author),
    deleteMessage: (claims, from, author) => withDeletion(claims, from, draft as never, author),
    emojiReaction: (claims, from, author) => withReaction(claims, from, draft as never, author),
    pinMessage: (claims, from, author) => withPin(claims, from, draft as never, author),
  }
  return claimings[name] ?? ((claims) => claims)
}

function contentOf({ image, audio }: Pick<Content, 'image' | 'audio'>) {
  if (image !== undefined) {
    const value = { payload: image.bytes, format: ImageFormat[image.format] }
    return { contentType: ContentType.image, content: { case: 'image', value } as const }
  }
  if (audio === undefined) return { contentType: ContentType.text }
  const { bytes: payload, format, milliseconds } = audio
  const value = { payload, format: AudioFormat[format], durationMilliseconds: BigInt(Math.round(milliseconds)) }
  return { contentType: ContentType.audio, content: { case: 'audio', value } as const }
}
