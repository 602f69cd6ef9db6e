/**
 * A person on one device, for tests: keeps sessions, prekeys and the bundles of others in memory, as bytes, so that each message
 * begins from what a restart would find. Does what whoever keeps sessions is told to do.
 */
import { judgeBundle, signBundle } from '../../../src/messaging/encryption/bundle.ts'
import { DeviceList } from '../../../src/messaging/encryption/devices.ts'
import { anyInstallation, openOneShot, sealOneShot } from '../../../src/messaging/encryption/one-shot.ts'
import { PrekeyRing } from '../../../src/messaging/encryption/prekeys.ts'
import {
  type Bundle,
  type EncryptedMessage,
  protocolMessage,
} from '../../../src/messaging/encryption/protocol-message.ts'
import { Session } from '../../../src/messaging/encryption/session.ts'
import { KeyPair, userId } from '../../../src/messaging/keys.ts'

export interface Read {
  /** undefined where it was refused. */
  readonly text: string | undefined
  readonly why?: string
  readonly kind?: 'ratchet' | 'one-shot'
}

export class Party {
  readonly identity = KeyPair.generate()
  readonly installation: string
  #ring: Uint8Array
  /** The newest last; the newest writes. */
  #sessions: Uint8Array[] = []
  readonly #devices = new Map<string, DeviceList>()

  constructor(installation: string, now: bigint) {
    this.installation = installation
    this.#ring = PrekeyRing.create(now).toBytes()
  }

  get id(): string {
    return userId(this.identity.publicKey)
  }

  /** All that a thief of the device finds. */
  get storage(): Buffer {
    return Buffer.concat([this.identity.secretBytes(), this.#ring, ...this.#sessions])
  }

  /** The sessions with one device, as they are kept. */
  sessionsWith(other: Party): Session[] {
    return this.#sessions.map((one) => Session.fromBytes(one)).filter((one) => one.installation === other.installation)
  }

  /** What the device turns back to where it was lost and is restored from a copy. */
  snapshot(): () => void {
    const [ring, sessions] = [this.#ring, [...this.#sessions]]
    return () => {
      this.#ring = ring
      this.#sessions = [...sessions]
    }
  }

  get prekeys(): PrekeyRing {
    return PrekeyRing.fromBytes(this.#ring)
  }

  bundle(now: bigint): Bundle {
    this.#ring = this.prekeys.turn(now).toBytes()
    const prekeys = new Map([[this.installation, this.prekeys.current]])
    // A draft that has every field is a bundle.
    return signBundle(this.identity, prekeys, now) as Bundle
  }

  learn(other: Party, bundle: Bundle, now: bigint): void {
    if (judgeBundle(bundle, other.identity.publicKey) !== 'sound') return
    this.#devices.set(other.id, this.devicesOf(other).learn(bundle, other.installation, now))
  }

  devicesOf(other: Party): DeviceList {
    return this.#devices.get(other.id) ?? DeviceList.empty
  }

  /** Begins a session by the bundle that is known, also where there is one. */
  begin(other: Party): void {
    const device = this.devicesOf(other).find(other.installation)
    if (device === undefined) throw new Error(`no bundle of ${other.installation}`)
    const invitation = { ...device, identity: other.identity.publicKey }
    this.#keep(Session.start(this.identity, invitation))
  }

  write(other: Party, text: string, now: bigint): Uint8Array {
    if (this.sessionsWith(other).length === 0 && this.devicesOf(other).recipients.length > 0) this.begin(other)
    const session = this.sessionsWith(other).at(-1)
    const bundles = [this.bundle(now)]
    const { installation } = this
    if (session === undefined) {
      const message = sealOneShot(other.identity.publicKey, Buffer.from(text))
      return protocolMessage.encode({ installation, bundles, encrypted: new Map([[anyInstallation, message]]) })
    }
    const { message, next } = session.encrypt(Buffer.from(text))
    this.#replace(session, next)
    return protocolMessage.encode({ installation, bundles, encrypted: new Map([[other.installation, message]]) })
  }

  read(other: Party, wire: Uint8Array, now: bigint): Read {
    this.#ring = this.prekeys.turn(now).toBytes()
    const message = protocolMessage.parse(wire)
    if (message === undefined) return { text: undefined, why: 'malformed' }
    for (const bundle of message.bundles) this.learn(other, bundle, now)
    const mine = message.encrypted.get(this.installation)
    if (mine !== undefined) return this.#readRatcheted(other, message.installation, mine)
    const plaintext = openOneShot(this.identity, message.encrypted.get(anyInstallation) ?? blank)
    return plaintext === undefined
      ? { text: undefined, why: 'not for us' }
      : { text: Buffer.from(plaintext).toString(), kind: 'one-shot' }
  }

  #readRatcheted(other: Party, installation: string, message: EncryptedMessage): Read {
    const known = this.#sessions
      .map((one) => Session.fromBytes(one))
      .filter((one) => one.installation === installation && one.takes(message))
    let why = 'no session'
    for (const session of known) {
      const result = session.decrypt(message)
      if (result.opened) {
        this.#replace(session, result.next)
        return { text: Buffer.from(result.plaintext).toString(), kind: 'ratchet' }
      }
      why = result.why
    }
    return known.length > 0 ? { text: undefined, why } : this.#answer(other, installation, message)
  }

  #answer(other: Party, installation: string, message: EncryptedMessage): Read {
    const prekey = message.x3dh && this.prekeys.find(message.x3dh.prekey)
    if (prekey === undefined) return { text: undefined, why: 'no session' }
    const device = { identity: other.identity.publicKey, installation }
    const result = Session.answer(this.identity, prekey, device, message)?.decrypt(message)
    if (result?.opened !== true) return { text: undefined, why: result?.why ?? 'no session' }
    this.#keep(result.next)
    return { text: Buffer.from(result.plaintext).toString(), kind: 'ratchet' }
  }

  #keep(session: Session): void {
    this.#sessions.push(session.toBytes())
  }

  #replace(session: Session, next: Session): void {
    const before = Buffer.from(session.toBytes())
    this.#sessions = this.#sessions.map((one) => (before.equals(one) ? next.toBytes() : one))
  }
}

const blank = {
  payload: new Uint8Array(0),
  x3dh: undefined,
  ratchet: undefined,
  oneShot: undefined,
  hashRatchet: undefined,
}
