/**
 * Sessions as a device keeps them: a message for a person is encrypted for each of the person's devices, and one that
 * came is read by whichever session takes it.
 *
 * All within one transaction of the database: what follows a used key is on disk together with what was encrypted by it.
 * Written is by the session of the latest message, so that one which is played again moves nothing, and one is begun once for a
 * prekey of theirs (docs/decisions/0041). None is dropped while its prekey may be used: a first message that is played again has to
 * meet the session that has read it.
 */
import { randomBytes } from 'node:crypto'
import { type Milliseconds, toNanoseconds } from '../../core/time.ts'
import type { Account } from '../identity/account.ts'
import { compress, sameBytes } from '../keys.ts'
import { maxSessions, type Person, type SessionEntry } from '../people/person.ts'
import type { DraftOf } from '../schema.ts'
import type { Rows } from '../storage/rows.ts'
import { maxDevices, signBundle } from './bundle.ts'
import type { KnownDevice } from './devices.ts'
import type { RatchetRefusal } from './double-ratchet.ts'
import { anyInstallation, openOneShot, sealOneShot } from './one-shot.ts'
import { PrekeyRing } from './prekeys.ts'
import {
  type bundle,
  type EncryptedMessage,
  type encryptedMessage,
  type ProtocolMessage,
  protocolMessage,
  type SignedPrekey,
} from './protocol-message.ts'
import { Session } from './session.ts'

const prekeyRow = 'secret/prekeys'

/** A session that has read nothing for so long is begun anew where the other device has a newer prekey. */
const staleAfter: Milliseconds = 24 * 60 * 60 * 1000

export interface Sealed {
  /** The person, whose sessions have moved on: to be saved. */
  readonly person: Person
  /** A message of the encryption layer. */
  readonly bytes: Uint8Array
}

export type Opening =
  | {
      readonly opened: true
      readonly by: 'session' | 'static'
      readonly plaintext: Uint8Array
      readonly person: Person
    }
  | { readonly opened: false; readonly why: RatchetRefusal | 'no session' | 'not for us' }

/** A message that came. */
export interface Received {
  readonly message: ProtocolMessage
  /** When it was sent, never later than it came. */
  readonly at: Milliseconds
  readonly now: Milliseconds
}

/** What else is in a message to a person. */
export interface SealOptions {
  /** Other devices of our own, whose prekeys our bundle tells too. */
  readonly siblings: readonly KnownDevice[]
  /** In place of the person's devices, where only some of them are meant. */
  readonly devices?: readonly KnownDevice[]
  readonly now: Milliseconds
}

export class Sessions {
  readonly #me: Account

  constructor(me: Account) {
    this.#me = me
  }

  /** `plaintext` for the devices of a person; where none is known, under the person's key, without forward secrecy. */
  async seal(rows: Rows, person: Person, plaintext: Uint8Array, options: SealOptions): Promise<Sealed> {
    const devices = options.devices ?? person.devices.recipients
    const encrypted = new Map<string, DraftOf<typeof encryptedMessage>>()
    let next = person
    for (const device of devices) {
      const { row, session, sessions } = await this.#writing(rows, next, device, options.now)
      const { message, next: moved } = session.encrypt(plaintext)
      rows.put(row, moved.toBytes())
      encrypted.set(device.installation, message)
      next = { ...next, sessions }
    }
    if (encrypted.size === 0) encrypted.set(anyInstallation, sealOneShot(person.key, plaintext))
    return { person: next, bytes: await this.#encode(rows, { encrypted }, options) }
  }

  /** A message that everybody may read who finds it, with our bundle. */
  async sealPublic(rows: Rows, publicMessage: Uint8Array, options: SealOptions): Promise<Uint8Array> {
    return await this.#encode(rows, { publicMessage }, options)
  }

  async #encode(
    rows: Rows,
    draft: DraftOf<typeof protocolMessage>,
    { siblings, now }: SealOptions,
  ): Promise<Uint8Array> {
    const bundles = [await this.#bundle(rows, siblings, now)]
    return protocolMessage.encode({ installation: this.#me.installation, bundles, ...draft })
  }

  async #bundle(rows: Rows, siblings: readonly KnownDevice[], now: Milliseconds): Promise<DraftOf<typeof bundle>> {
    const { current } = await this.#prekeys(rows, now)
    const others = siblings
      .filter(({ installation }) => installation !== this.#me.installation)
      .slice(0, maxDevices - 1)
      .map(({ installation, prekey, ...rest }): [string, SignedPrekey] => [installation, { key: prekey, ...rest }])
    return signBundle(this.#me.chat, new Map([[this.#me.installation, current], ...others]), toNanoseconds(now))
  }

  /** Our prekeys as they have to be at `now`. */
  async #prekeys(rows: Rows, now: Milliseconds): Promise<PrekeyRing> {
    const stored = await rows.get(prekeyRow)
    const held = stored && PrekeyRing.fromBytes(stored)
    const ring = held?.turn(toNanoseconds(now)) ?? PrekeyRing.create(toNanoseconds(now))
    if (ring !== held) rows.put(prekeyRow, ring.toBytes())
    return ring
  }

  /** The session by which a device is written to, begun where it has to be; and all sessions with it. */
  async #writing(
    rows: Rows,
    person: Person,
    device: KnownDevice,
    now: Milliseconds,
  ): Promise<{ row: string; session: Session; sessions: readonly SessionEntry[] }> {
    const entry = latest(person.sessions.filter((one) => one.installation === device.installation && !one.isLost))
    const stored = entry && !isStale(entry, person, device, now) ? await rows.get(entry.row) : undefined
    if (entry !== undefined && stored !== undefined)
      return { row: entry.row, session: Session.fromBytes(stored), sessions: person.sessions }
    const session = Session.start(this.#me.chat, { ...device, identity: person.key })
    return { ...withSession(rows, person, session, now), session }
  }

  /** Reads what is for this device in a message of a person. */
  async open(rows: Rows, person: Person, received: Received): Promise<Opening> {
    const { encrypted } = received.message
    const mine = encrypted.get(this.#me.installation)
    if (mine !== undefined) return await this.#openRatcheted(rows, person, received, mine)
    const shared = encrypted.get(anyInstallation)
    const plaintext = shared && openOneShot(this.#me.chat, shared)
    if (plaintext === undefined) return { opened: false, why: 'not for us' }
    return { opened: true, by: 'static', plaintext, person }
  }

  async #openRatcheted(rows: Rows, person: Person, received: Received, mine: EncryptedMessage): Promise<Opening> {
    let why: RatchetRefusal | 'no session' = 'no session'
    for await (const { entry, session } of this.#takers(rows, person, received, mine)) {
      const result = session.decrypt(mine)
      if (result.opened) {
        rows.put(entry.row, result.next.toBytes())
        const used = { ...entry, at: Math.max(entry.at, received.at) }
        const sessions = person.sessions.map((one) => (one === entry ? used : one))
        return { opened: true, by: 'session', plaintext: result.plaintext, person: { ...person, sessions } }
      }
      why = result.why
    }
    return why === 'no session' ? await this.#answer(rows, person, received, mine) : { opened: false, why }
  }

  /** The sessions that may have been written by. */
  async *#takers(rows: Rows, person: Person, { message }: Received, mine: EncryptedMessage) {
    const prekey = mine.ratchet?.prekey
    if (prekey === undefined) return
    for (const entry of person.sessions) {
      if (entry.installation !== message.installation || !sameBytes(entry.prekey, prekey)) continue
      const stored = await rows.get(entry.row)
      const session = stored && Session.fromBytes(stored)
      if (session?.takes(mine)) yield { entry, session }
    }
  }

  async #answer(rows: Rows, person: Person, received: Received, mine: EncryptedMessage): Promise<Opening> {
    const { message, now, at } = received
    const prekey = mine.x3dh && (await this.#prekeys(rows, now)).find(mine.x3dh.prekey)
    const device = { identity: compress(person.key), installation: message.installation }
    const begun = prekey && Session.answer(this.#me.chat, prekey, device, mine)
    if (begun === undefined) return { opened: false, why: 'no session' }
    const result = begun.decrypt(mine)
    if (!result.opened) return result
    const { sessions } = withSession(rows, person, result.next, at)
    return { opened: true, by: 'session', plaintext: result.plaintext, person: { ...person, sessions } }
  }
}

/** The entry of which the latest message is, or which we began since. */
function latest(entries: readonly SessionEntry[]): SessionEntry | undefined {
  return entries.toSorted((one, other) => other.at - one.at)[0]
}

/** Whether a session is to be left for a new one: the other device goes on with a newer prekey, and does not answer by this. */
function isStale({ prekey, at }: SessionEntry, { sessions }: Person, device: KnownDevice, now: Milliseconds): boolean {
  if (sameBytes(prekey, device.prekey) || now - at < staleAfter) return false
  return !sessions.some(
    (one) => one.installation === device.installation && !one.isLost && sameBytes(one.prekey, device.prekey),
  )
}

/** Stores a new session; the one of the oldest message makes room. */
function withSession(
  rows: Rows,
  { sessions }: Person,
  session: Session,
  at: Milliseconds,
): { row: string; sessions: readonly SessionEntry[] } {
  const row = `secret/session/${randomBytes(16).toString('hex')}`
  const { installation, prekey } = session
  rows.put(row, session.toBytes())
  const entry = { row, installation, prekey: Uint8Array.from(prekey), at, isLost: false }
  const newestFirst = [entry, ...sessions.toSorted((one, other) => other.at - one.at)]
  for (const { row: old } of newestFirst.slice(maxSessions)) rows.remove(old)
  return { row, sessions: newestFirst.slice(0, maxSessions) }
}
