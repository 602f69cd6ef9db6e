/**
 * The devices of one person: each announces itself to the others, and counts for another one when the person has said
 * so there. What one of them is told or says, it hands to the others.
 */
import type { Chat } from '../chats/chat.ts'
import { newChat } from '../chats/chat.ts'
import { nextClock } from '../clock.ts'
import { areContacts, type Handshake, synced } from '../contacts/handshake.ts'
import { maxDevices } from '../encryption/bundle.ts'
import { maxInstallationIdBytes } from '../encryption/protocol-message.ts'
import { keyOfUser, userId } from '../keys.ts'
import { type KnownInstallation, type OwnDevices, ownDevices } from '../people/own-devices.ts'
import type { Person } from '../people/person.ts'
import type { Rows } from '../storage/rows.ts'
import type { Engine, Turn } from './engine.ts'
import type { Handlers, HeardOf } from './handlers.ts'
import { publicChat } from './places.ts'
import { cannotSend, checked } from './refusal.ts'

/** What this device is, to the person's others. */
const deviceType = 'desktop'

/** How others write what became of a request. */
const stateNumbers: Readonly<Record<Handshake['ours'] | Handshake['theirs'], bigint>> = {
  none: 0n,
  sent: 2n,
  received: 3n,
  dismissed: 4n,
}

/** A device of ours, as it is told. */
export interface DeviceInfo extends KnownInstallation {
  readonly isThis: boolean
}

export class Devices {
  readonly #engine: Engine

  constructor(engine: Engine) {
    this.#engine = engine
  }

  readonly handlers: Handlers = {
    syncPairInstallation: (turn, one) => this.#heardDevice(turn, one),
    syncInstallationContact: (turn, one) => this.#heardContact(turn, one),
    syncChat: (turn, one) => this.#heardChat(turn, one),
    syncChatMessagesRead: (turn, one) => this.#heardRead(turn, one),
  }

  async #load({ rows }: Turn): Promise<OwnDevices> {
    return await ownDevices.load(rows)
  }

  /** All that have announced themselves, this one first. */
  async list(rows: Pick<Rows, 'get'>): Promise<readonly DeviceInfo[]> {
    const { installation } = this.#engine.me
    const own = await ownDevices.load(rows)
    const here = { installation, name: own.name, clock: own.clock, isEnabled: true, isThis: true }
    return [here, ...own.others.map((one) => ({ ...one, isThis: false }))]
  }

  /** Tells the person's other devices of this one. They do nothing about it until the person says so. */
  async announce(turn: Turn, name: string): Promise<void> {
    const { me } = this.#engine
    const own = await this.#load(turn)
    const clock = nextClock(own.clock, turn.now)
    const draft = { clock, name, deviceType, installationId: me.installation, version: 1 }
    checked('syncPairInstallation', draft, turn)
    ownDevices.save(turn.rows, { ...own, name, clock })
    await this.#engine.announce(turn, this.#engine.sign('syncPairInstallation', draft))
  }

  /** Lets another device of ours have all from now on, and what is needed to begin; or ends it. */
  async enable(turn: Turn, installation: string, isEnabled: boolean): Promise<void> {
    const own = await this.#load(turn)
    const device = own.others.find((one) => one.installation === installation)
    if (device === undefined) throw cannotSend('no such device has announced itself')
    const enabled = own.others.filter((one) => one.isEnabled && one !== device).length
    if (isEnabled && enabled >= maxDevices - 1)
      throw cannotSend(`others write to ${maxDevices} devices of a person: disable one first`)
    const others = own.others.map((one) => (one === device ? { ...one, isEnabled } : one))
    ownDevices.save(turn.rows, { ...own, others })
    if (!isEnabled) return
    await this.#handOver(turn)
    // Where this one was enabled before, what was handed over until now was not taken here: it is asked for so.
    await this.announce(turn, own.name || deviceType)
  }

  /** Contacts, groups and public chats, for a device that begins. */
  async #handOver(turn: Turn): Promise<void> {
    for await (const person of this.#engine.people.all())
      if (userId(person.key) !== this.#engine.me.id) await this.tell(turn, person)
    for await (const chat of this.#engine.chats.all()) await this.#tellChat(turn, chat)
  }

  async #tellChat(turn: Turn, { kind, id, name, isOpen, clock, events }: Chat): Promise<void> {
    if (!isOpen) return
    if (kind === 'public')
      await this.#engine.mirror(turn, this.#engine.sign('syncChat', { id, name, chatType: 2, active: true, clock }))
    if (kind === 'group')
      await this.#engine.mirror(turn, this.#engine.sign('membershipUpdate', { chatId: id, events: [...events] }))
  }

  /** Tells our other devices how far we have come with somebody. */
  async tell(turn: Turn, { key, name, handshake, isBlocked }: Person): Promise<void> {
    const { ours, ourClock, theirs, theirClock } = handshake
    if (ours === 'none' && theirs === 'none' && !isBlocked) return
    const signed = this.#engine.sign('syncInstallationContact', {
      id: userId(key),
      displayName: name,
      lastUpdatedLocally: BigInt(Math.floor(turn.now)),
      added: ours === 'sent',
      hasAddedUs: theirs === 'received',
      blocked: isBlocked,
      contactRequestLocalState: stateNumbers[ours],
      contactRequestLocalClock: ourClock,
      contactRequestRemoteState: stateNumbers[theirs],
      contactRequestRemoteClock: theirClock,
    })
    await this.#engine.mirror(turn, signed)
  }

  async tellRead(turn: Turn, chat: string, clock: bigint): Promise<void> {
    await this.#engine.mirror(turn, this.#engine.sign('syncChatMessagesRead', { id: chat, clock }))
  }

  /** Tells our other devices of a public chat that we joined. */
  async tellJoined(turn: Turn, chat: Chat): Promise<void> {
    await this.#tellChat(turn, chat)
  }

  async #heardDevice(turn: Turn, { message }: HeardOf<'syncPairInstallation'>): Promise<void> {
    const { installationId: installation, name, clock } = message
    const isOther =
      installation !== this.#engine.me.installation && Buffer.byteLength(installation) <= maxInstallationIdBytes
    if (!isOther) return
    const own = await this.#load(turn)
    const held = own.others.find((one) => one.installation === installation)
    if (held !== undefined && clock <= held.clock) return
    const device = { installation, name, clock, isEnabled: held?.isEnabled ?? false }
    const others = [device, ...own.others.filter((one) => one !== held)]
    ownDevices.save(turn.rows, { ...own, others: others.slice(0, ownDevices.most) })
    if (device.isEnabled) await this.#handOver(turn)
    turn.news.push({ kind: 'device', installation })
  }

  async #heardContact(turn: Turn, { message, installation }: HeardOf<'syncInstallationContact'>): Promise<void> {
    const key = idKey(message.id)
    if (key === undefined || !(await this.#isEnabled(turn, installation))) return
    const person = await this.#engine.person(turn.rows, key)
    const handshake = synced(person.handshake, message)
    const next = { ...person, handshake, name: message.displayName || person.name, isBlocked: message.blocked }
    await this.#engine.keep(turn.rows, { ...next, heardAt: turn.now })
    this.#engine.listenTo(key)
    if (next.devices.recipients.length === 0) this.#engine.lookUp(key)
    if (areContacts(handshake)) {
      const chat = await this.#engine.chats.need(turn.rows, userId(key), 'person', next.name)
      this.#engine.chats.save(turn.rows, { ...chat, isOpen: true })
    }
    turn.news.push({ kind: 'contact', person: userId(key) })
  }

  async #heardChat(turn: Turn, { message, installation }: HeardOf<'syncChat'>): Promise<void> {
    const { id, chatType, active } = message
    if (chatType !== 2 || !active || id === '' || !(await this.#isEnabled(turn, installation))) return
    const chat = (await this.#engine.chats.find(turn.rows, id)) ?? newChat(id, 'public', id)
    if (chat.kind !== 'public') return
    this.#engine.chats.save(turn.rows, { ...chat, isOpen: true })
    this.#engine.listen(publicChat(id))
    turn.news.push({ kind: 'chat', chat: id })
  }

  async #heardRead(turn: Turn, { message, installation }: HeardOf<'syncChatMessagesRead'>): Promise<void> {
    const chat = await this.#engine.chats.find(turn.rows, message.id)
    if (chat === undefined || chat.unread === 0 || !(await this.#isEnabled(turn, installation))) return
    this.#engine.chats.save(turn.rows, { ...chat, unread: 0 })
    turn.news.push({ kind: 'chat', chat: chat.id })
  }

  async #isEnabled(turn: Turn, installation: string): Promise<boolean> {
    return (await this.#load(turn)).others.some((one) => one.installation === installation && one.isEnabled)
  }
}

function idKey(id: string) {
  try {
    return keyOfUser(id)
  } catch {
    return undefined
  }
}
