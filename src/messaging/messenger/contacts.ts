/**
 * Contacts: who asks whom, and what each says of himself. Until both have said yes, nothing but the request is shown:
 * strangers cannot write to us.
 */
import { ChatKind, ContentType } from '../application/chat.ts'
import { heard, ticked } from '../chats/chats.ts'
import { areContacts, propagated, steps, strangers, toWire } from '../contacts/handshake.ts'
import { type PublicKey, userId } from '../keys.ts'
import type { Person } from '../people/person.ts'
import type { Devices } from './devices.ts'
import { type Engine, idText, type Turn } from './engine.ts'
import type { Handlers, HeardOf } from './handlers.ts'
import { checked } from './refusal.ts'

export interface ContactParts {
  readonly engine: Engine
  /** What we call ourselves. */
  readonly name: () => string
  readonly devices: Devices
}

export class Contacts {
  readonly #engine: Engine
  readonly #name: () => string
  readonly #devices: Devices

  constructor({ engine, name, devices }: ContactParts) {
    this.#engine = engine
    this.#name = name
    this.#devices = devices
  }

  readonly handlers: Handlers = {
    contactUpdate: (turn, one) => this.#heardUpdate(turn, one),
    acceptContactRequest: (turn, one) => this.#heardAcceptance(turn, one),
    retractContactRequest: (turn, one) => this.#heardRetraction(turn, one),
    chatIdentity: (turn, { author, message }) => this.#heardName(turn, author, message.displayName),
    contactCodeAdvertisement: (turn, { author, message }) =>
      this.#heardName(turn, author, message.chatIdentity?.displayName ?? ''),
  }

  /** Asks somebody to become a contact, with a few words. Returns the id of the request. */
  async request(turn: Turn, key: PublicKey, text: string): Promise<string> {
    const { engine, chat, person } = await this.#with(turn, key)
    const handshake = steps.send(person.handshake, chat.clock)
    const draft = {
      clock: chat.clock,
      timestamp: BigInt(Math.floor(turn.now)),
      text,
      chatId: userId(key),
      kind: ChatKind.oneToOne,
      contentType: ContentType.contactRequest,
      displayName: this.#name(),
      contactRequestState: toWire(handshake),
    }
    const signed = engine.sign('chatMessage', draft)
    // Until they say yes they pass over what else we write.
    const id = await engine.write(
      turn,
      { ...chat, isOpen: areContacts(handshake) },
      signed,
      checked('chatMessage', draft, turn),
    )
    await this.#keep(turn, { ...person, handshake, requestId: id, heardAt: turn.now })
    engine.post(turn, key, { signed, isHistory: true })
    turn.news.push({ kind: 'contact', person: userId(key) })
    return id
  }

  /** Says yes to somebody who asked. */
  async accept(turn: Turn, key: PublicKey): Promise<void> {
    const { engine, chat, person } = await this.#with(turn, key)
    const { clock } = chat
    const handshake = steps.send(person.handshake, clock)
    await this.#keep(turn, { ...person, handshake, heardAt: turn.now })
    engine.chats.save(turn.rows, { ...chat, isOpen: true, lastAt: turn.now })
    if (person.requestId !== '')
      engine.post(turn, key, { signed: engine.sign('acceptContactRequest', { id: person.requestId, clock }) })
    this.#sendUpdate(turn, key, { ...person, handshake }, clock)
    turn.news.push({ kind: 'contact', person: userId(key) })
  }

  /** Puts somebody's request aside. They are told nothing. */
  async dismiss(turn: Turn, key: PublicKey): Promise<void> {
    const { chat, person } = await this.#with(turn, key)
    await this.#keep(turn, { ...person, handshake: steps.dismiss(person.handshake, chat.clock) })
    turn.news.push({ kind: 'contact', person: userId(key) })
  }

  /** Ends it, for both. */
  async end(turn: Turn, key: PublicKey): Promise<void> {
    const { engine, chat, person } = await this.#with(turn, key)
    const { clock } = chat
    engine.post(turn, key, { signed: engine.sign('retractContactRequest', { id: person.requestId, clock }) })
    await this.#keep(turn, { ...person, handshake: steps.retract(person.handshake, clock) })
    engine.chats.save(turn.rows, { ...chat, isOpen: false })
    turn.news.push({ kind: 'contact', person: userId(key) })
  }

  /** Takes nothing more of somebody, or again. They are told nothing. */
  async block(turn: Turn, key: PublicKey, isBlocked: boolean): Promise<void> {
    const person = await this.#engine.person(turn.rows, key)
    const handshake = isBlocked ? strangers : person.handshake
    await this.#keep(turn, { ...person, isBlocked, handshake })
    turn.news.push({ kind: 'contact', person: userId(key) })
  }

  /** Takes the message by which somebody asks. */
  async heardRequest(turn: Turn, { author, believed, message }: HeardOf<'chatMessage'>): Promise<void> {
    const engine = this.#engine
    const person = await engine.person(turn.rows, author)
    if (person.isBlocked) return
    const state = message.contactRequestState
    const taken = state === undefined ? person.handshake : propagated(person.handshake, state).state
    const handshake = steps.receive(taken, message.clock)
    const requestId = idText(believed.id)
    await this.#keep(turn, { ...person, handshake, requestId, name: message.displayName, heardAt: turn.now })
    const chat = await engine.chats.need(turn.rows, userId(author), 'person', message.displayName)
    // Not open before we say yes: it is a request, not yet a conversation.
    const isOpen = areContacts(handshake)
    // Of somebody whom nobody here has answered one request is kept, however often it is said anew.
    const isFirst = person.requestId === '' || person.handshake.ours === 'sent'
    if (isFirst) await engine.hear(turn, { ...heard(chat, message.clock, turn.now), isOpen }, believed, message)
    // They lost what they knew of us, or our yes: it is said again.
    if (areContacts(person.handshake)) await this.accept(turn, author)
    turn.news.push({ kind: 'contact', person: userId(author) })
  }

  async #heardUpdate(turn: Turn, { author, message }: HeardOf<'contactUpdate'>): Promise<void> {
    const person = await this.#engine.people.find(turn.rows, author)
    if (person === undefined || person.isBlocked) return
    const state = message.contactRequestState
    const taken = state && propagated(person.handshake, state)
    const handshake = taken?.state ?? person.handshake
    const next = { ...person, handshake, name: message.displayName || person.name, heardAt: turn.now }
    await this.#keep(turn, next)
    if (taken?.sendBack === true) {
      const chat = ticked(await this.#engine.chats.need(turn.rows, userId(author), 'person'), turn.now)
      this.#engine.chats.save(turn.rows, chat)
      this.#sendUpdate(turn, author, next, chat.clock)
    }
    await this.#open(turn, next)
  }

  async #heardAcceptance(turn: Turn, { author, message }: HeardOf<'acceptContactRequest'>): Promise<void> {
    const person = await this.#engine.people.find(turn.rows, author)
    // Who was not asked cannot say yes.
    if (person === undefined || person.handshake.ours !== 'sent') return
    const next = { ...person, handshake: steps.receive(person.handshake, message.clock), heardAt: turn.now }
    await this.#keep(turn, next)
    await this.#open(turn, next)
  }

  async #heardRetraction(turn: Turn, { author, message }: HeardOf<'retractContactRequest'>): Promise<void> {
    const person = await this.#engine.people.find(turn.rows, author)
    if (person === undefined) return
    const next = { ...person, handshake: steps.receiveRetraction(person.handshake, message.clock) }
    await this.#keep(turn, next)
    await this.#open(turn, next)
  }

  /** Keeps how far we have come with somebody, here and on our other devices. */
  async #keep(turn: Turn, person: Person): Promise<void> {
    await this.#engine.keep(turn.rows, person)
    await this.#devices.tell(turn, person)
  }

  /** The chat with somebody is open as long as the two are contacts. */
  async #open({ rows, news }: Turn, person: Person): Promise<void> {
    const id = userId(person.key)
    const chat = await this.#engine.chats.need(rows, id, 'person', person.name)
    this.#engine.chats.save(rows, { ...chat, name: person.name || chat.name, isOpen: areContacts(person.handshake) })
    news.push({ kind: 'contact', person: id })
  }

  async #heardName(turn: Turn, author: PublicKey, name: string): Promise<void> {
    const person = await this.#engine.people.find(turn.rows, author)
    if (person === undefined || name === '' || name === person.name) return
    await this.#engine.keep(turn.rows, { ...person, name })
    turn.news.push({ kind: 'contact', person: userId(author) })
  }

  #sendUpdate(turn: Turn, key: PublicKey, { handshake }: Person, clock: bigint): void {
    const signed = this.#engine.sign('contactUpdate', {
      clock,
      displayName: this.#name(),
      contactRequestClock: handshake.ourClock,
      contactRequestState: toWire(handshake),
    })
    this.#engine.post(turn, key, { signed })
  }

  /** The chat with somebody, its clock moved on, and what is known of the person. */
  async #with({ rows, now }: Turn, key: PublicKey) {
    const engine = this.#engine
    const chat = ticked(await engine.chats.need(rows, userId(key), 'person'), now)
    engine.chats.save(rows, chat)
    return { engine, chat, person: await engine.person(rows, key) }
  }
}
