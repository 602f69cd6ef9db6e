/**
 * What comes from the network is opened, put together, decrypted, confirmed and judged; what it changes, and what is done about it, is
 * one turn.
 */
import { createHash } from 'node:crypto'
import { RecentSet } from '../../core/recent-set.ts'
import { type Milliseconds, toMilliseconds } from '../../core/time.ts'
import { judge } from '../application/judge.ts'
import type { Origin, Place } from '../application/origin.ts'
import { judgeBundle } from '../encryption/bundle.ts'
import { anyInstallation } from '../encryption/one-shot.ts'
import { type EncryptedMessage, type ProtocolMessage, protocolMessage } from '../encryption/protocol-message.ts'
import type { Opening } from '../encryption/sessions.ts'
import { type PublicKey, uncompress, userId } from '../keys.ts'
import { parseSyncPayload } from '../mvds/payload.ts'
import type { Carried } from '../network.ts'
import type { Person } from '../people/person.ts'
import { Reassembler } from '../segmentation/reassembler.ts'
import type { Engine, Handle, News, Turn } from './engine.ts'

/** Envelopes remembered, which stores and several nodes hand over again. */
const remembered = { lifetime: 60 * 60 * 1000, most: 50_000 } as const

/** How long somebody is not told again that a message of theirs could not be opened. status-go; and how many are remembered. */
const told = { lifetime: 2 * 60 * 60 * 1000, most: 1000 } as const

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

/** To whom it is handed on. */
export interface Readers {
  /** Takes what was believed. */
  readonly handle: Handle
  /** Opens what is under keys of groups, which the engine has not. */
  readonly readGroup: ReadGroup
}

type Decrypted = Pick<Origin, 'protection' | 'encryption'> & {
  readonly person: Person
  readonly plaintext: Uint8Array
  readonly released?: readonly Incoming[]
}

export class Intake {
  readonly #engine: Engine
  readonly #readers: Readers
  readonly #segments: Reassembler
  readonly #recent: RecentSet<string>
  readonly #told: RecentSet<string>

  constructor(engine: Engine, readers: Readers) {
    const { me, people, clock } = engine
    this.#engine = engine
    this.#readers = readers
    this.#segments = new Reassembler({ clock, isKnown: (sender) => sender === me.id || people.isKept(sender) })
    this.#recent = new RecentSet({ ...remembered, clock })
    this.#told = new RecentSet({ ...told, clock })
  }

  /** Takes what the network handed over: what is not for us, or was had before, changes nothing. */
  async take({ message }: Carried): Promise<readonly News[]> {
    const { contentTopic, payload, timestamp } = message
    const hash = createHash('sha256').update(payload).digest('base64')
    if (this.#recent.has(hash)) return []
    const news = await this.#open(contentTopic, payload, toMilliseconds(timestamp ?? 0n))
    // Not before: what a failing disk has kept from being read is to be read when it comes again.
    this.#recent.add(hash)
    return news
  }

  async #open(contentTopic: string, payload: Uint8Array, sentAt: Milliseconds): Promise<readonly News[]> {
    const { channels, me } = this.#engine
    const opened = await channels.open(contentTopic, payload)
    if (opened?.author === undefined) return []
    const id = userId(opened.author)
    const whole = this.#whole(id, opened.data)
    const message = whole && readingOf(whole)
    // Our own of this very device, which stores and the network hand back.
    if (message === undefined || (id === me.id && message.installation === me.installation)) return []
    const incoming = { place: opened.listening.place, author: opened.author, message, sentAt }
    return (await this.#engine.turn((turn) => this.#read(turn, incoming))).news
  }

  #whole(sender: string, data: Uint8Array): Uint8Array | undefined {
    const segment = this.#segments.accept(sender, data)
    if (segment.kind === 'whole') return segment.payload
    return segment.kind === 'not a segment' ? data : undefined
  }

  async #read(turn: Turn, incoming: Incoming): Promise<void> {
    const { author, place, message, sentAt } = incoming
    const { rows, now } = turn
    const engine = this.#engine
    const before = this.#learn(await engine.person(rows, author), message, now)
    const opening = await this.#decrypt(turn, before, incoming)
    if ('why' in opening) {
      if (engine.people.has(author)) await engine.keep(rows, before)
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
    const me = uncompress(engine.me.chat.publicKey)
    for (const body of bodies) {
      const judged = judge(body, { ...hears.origin, sentAt, now }, me)
      if (judged.believed) await this.#readers.handle(turn, { ...hears, body, believed: judged, author: judged.author })
    }
    for (const id of confirmed) await engine.settle(turn, id, 'delivered')
    for (const one of released) await this.#read(turn, one)
  }

  async #tellLost(turn: Turn, person: Person): Promise<void> {
    if (this.#told.add(userId(person.key))) await this.#engine.askToBeginAnew(turn, person)
  }

  /** What the encryption layer had in it: payloads that are new, and which messages of ours have come. */
  #unwrapped(author: PublicKey, plaintext: Uint8Array, isPrivate: boolean) {
    const payload = isPrivate ? parseSyncPayload(plaintext) : undefined
    if (payload === undefined) return { bodies: [plaintext], confirmed: [] }
    const { delivered, confirmed } = this.#engine.receive(author, payload)
    return { bodies: delivered.map(({ message }) => message.body), confirmed }
  }

  /** Somebody who wrote in private is remembered, and listened to where the two talk. */
  async #keepHeard({ rows, now }: Turn, person: Person, isPrivate: boolean): Promise<void> {
    const engine = this.#engine
    if (isPrivate) {
      await engine.keep(rows, { ...person, hasWritten: true, heardAt: now })
      engine.listenTo(person.key)
    } else if (engine.people.has(person.key)) await engine.keep(rows, person)
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
  ): Promise<Decrypted | Extract<Opening, { opened: false }>> {
    const { rows, now } = turn
    const { message, sentAt } = incoming
    if (message.publicMessage !== undefined) return { protection: 'open', person, plaintext: message.publicMessage }
    const shared = message.encrypted.get(anyInstallation)
    if (shared?.hashRatchet !== undefined) {
      const reading = await this.#readers.readGroup(turn, incoming, shared)
      return reading ? { ...reading, person } : { opened: false, why: 'not for us' }
    }
    const opening = await this.#engine.sessions.open(rows, person, { message, now, at: Math.min(sentAt, now) })
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
