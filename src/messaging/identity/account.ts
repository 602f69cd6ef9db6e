/** A person on one device: the words that stand for the person's keys, and the id by which others tell this device from the rest. */
import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { type KeyPair, userId } from '../keys.ts'
import { keysOf, newMnemonic, readMnemonic } from './mnemonic.ts'

/** What prints or serialises it shows who it is, and neither words nor secrets. */
export class Account {
  /** By which the person signs and is written to. */
  readonly chat: KeyPair
  /** For what is kept encrypted on this device. */
  readonly encryption: KeyPair
  /** Id of this device; each of a person's devices has its own. */
  readonly installation: string
  readonly #mnemonic: string

  private constructor(mnemonic: string, keys: { chat: KeyPair; encryption: KeyPair }, installation: string) {
    this.#mnemonic = mnemonic
    this.chat = keys.chat
    this.encryption = keys.encryption
    this.installation = installation
  }

  /** A new person. */
  static create(): Promise<Account> {
    return Account.restore(newMnemonic())
  }

  /** The person whose words these are, on the device `installation`: a new one unless it is said. Throws `mnemonic/invalid`. */
  static async restore(words: string, installation: string = randomUUID()): Promise<Account> {
    const mnemonic = readMnemonic(words)
    return new Account(mnemonic, await keysOf(mnemonic), installation)
  }

  /** `0x` and the 130 digits of the chat key. */
  get id(): string {
    return userId(this.chat.publicKey)
  }

  /** The words: for the person to write down, and for the key file. */
  mnemonic(): string {
    return this.#mnemonic
  }

  toJSON(): { id: string; installation: string } {
    return { id: this.id, installation: this.installation }
  }

  [inspect.custom](): string {
    return `Account ${this.id} on ${this.installation}`
  }
}
