/**
 * A session with one device of another person: X3DH and the double ratchet that begins with its secret, as messages of
 * the encryption layer. A value, as the ratchet is: keep the next one before a message goes out.
 *
 * Two people may begin at once, and one may begin again. Whoever keeps sessions keeps them all for reading (`takes` says which may
 * read a message), and writes by one. A session is kept as long as its prekey: a first message that is played again
 * then meets the session that has read it, and is refused.
 */
import { inspect } from 'node:util'
import { compressedKeyBytes, type KeyPair, keyOrNone, type PublicKey, sameBytes } from '../keys.ts'
import { bool, bytes, type DraftOf, field, message, text, uint32 } from '../schema.ts'
import { readStored } from '../stored.ts'
import { Ratchet, type RatchetRefusal } from './double-ratchet.ts'
import { type EncryptedMessage, type encryptedMessage, maxInstallationIdBytes } from './protocol-message.ts'
import { answerX3dh, type Invitation, startX3dh } from './x3dh.ts'

/** A device of another person. */
export interface Device {
  readonly identity: PublicKey
  readonly installation: string
}

export type SessionOpened =
  | { readonly opened: true; readonly plaintext: Uint8Array; readonly next: Session }
  | { readonly opened: false; readonly why: RatchetRefusal }

interface SessionState {
  readonly installation: string
  /** The receiver's, by which both name the session. */
  readonly prekey: Uint8Array
  /** The key that who began made for it. */
  readonly ephemeralKey: Uint8Array
  /** We began, and have read nothing yet: each message has to say how to begin. */
  readonly introduces: boolean
  readonly ratchet: Ratchet
}

const version = 1
const sessionTable = message('a session', {
  version: field(1, uint32),
  installation: field(2, text(maxInstallationIdBytes)),
  prekey: field(3, bytes(compressedKeyBytes)),
  ephemeralKey: field(4, bytes(compressedKeyBytes)),
  introduces: field(5, bool),
  ratchet: field(6, bytes()),
})

export class Session {
  readonly #state: SessionState

  private constructor(state: SessionState) {
    this.#state = state
  }

  /** A session that we begin, with a prekey of a bundle that was judged to be sound. */
  static start(own: KeyPair, { prekey, identity, installation }: Invitation & Device): Session {
    const { sharedKey, ephemeralKey } = startX3dh(own, { identity, prekey })
    const ratchet = Ratchet.start(sharedKey, prekey)
    sharedKey.fill(0)
    return new Session({ installation, prekey, ephemeralKey, introduces: true, ratchet })
  }

  /**
   * The session that `device` begins with `message`, by our prekey that it names; undefined where it does not begin one. To be
   * kept only when it reads that message.
   */
  static answer(own: KeyPair, ownPrekey: KeyPair, device: Device, { x3dh }: EncryptedMessage): Session | undefined {
    const ephemeralKey = x3dh && keyOrNone(x3dh.key)
    if (ephemeralKey === undefined) return undefined
    const sharedKey = answerX3dh(own, ownPrekey, device.identity, ephemeralKey)
    const ratchet = Ratchet.answer(sharedKey, ownPrekey)
    sharedKey.fill(0)
    const { installation } = device
    return new Session({ installation, prekey: ownPrekey.publicKey, ephemeralKey, introduces: false, ratchet })
  }

  /** Reads what `toBytes` gave. Throws `session/unreadable`. */
  static fromBytes(stored: Uint8Array): Session {
    const { version: _, ratchet, ...rest } = readStored(sessionTable, version, stored)
    return new Session({ ...rest, ratchet: Ratchet.fromBytes(ratchet) })
  }

  /** The form on disk: it has every secret of the session. */
  toBytes(): Uint8Array {
    return sessionTable.encode({ ...this.#state, version, ratchet: this.#state.ratchet.toBytes() })
  }

  /** The other device. */
  get installation(): string {
    return this.#state.installation
  }

  /** The receiver's prekey, with which it began. */
  get prekey(): Uint8Array {
    return this.#state.prekey
  }

  /** Whether `received` may be of this session: of this prekey, and where it begins one, this one. */
  takes({ x3dh, ratchet }: EncryptedMessage): boolean {
    const { prekey, ephemeralKey } = this.#state
    if (ratchet === undefined || !sameBytes(ratchet.prekey, prekey)) return false
    return x3dh === undefined || (sameBytes(x3dh.prekey, prekey) && sameBytes(x3dh.key, ephemeralKey))
  }

  /** `plaintext` for the other device. `next` has to be kept before `message` goes out. */
  encrypt(plaintext: Uint8Array): { message: DraftOf<typeof encryptedMessage>; next: Session } {
    const { ratchet, prekey, ephemeralKey, introduces } = this.#state
    const { message, next } = ratchet.encrypt(plaintext)
    const { ciphertext, ...position } = message
    const x3dh = introduces ? { key: ephemeralKey, prekey } : undefined
    return {
      message: { x3dh, ratchet: { ...position, prekey }, payload: ciphertext },
      next: new Session({ ...this.#state, ratchet: next }),
    }
  }

  /** What the other device sent; one that it does not take is refused as forged. */
  decrypt(received: EncryptedMessage): SessionOpened {
    if (received.ratchet === undefined || !this.takes(received)) return { opened: false, why: 'forged' }
    const { key, n, previous } = received.ratchet
    const result = this.#state.ratchet.decrypt({ key, n, previous, ciphertext: received.payload })
    if (!result.opened) return result
    const next = new Session({ ...this.#state, introduces: false, ratchet: result.next })
    return { opened: true, plaintext: result.plaintext, next }
  }

  toJSON(): { installation: string; ratchet: Ratchet } {
    return { installation: this.installation, ratchet: this.#state.ratchet }
  }

  [inspect.custom](): string {
    return `Session ${JSON.stringify(this)}`
  }
}
