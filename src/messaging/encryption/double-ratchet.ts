/**
 * The double ratchet (https://signal.org/docs/specifications/doubleratchet/, without header encryption) as Status peers
 * speak it: each message has a key of its own, each turn of the conversation a new Diffie-Hellman.
 *
 * A `Ratchet` is a value: to encrypt or decrypt gives the next one and leaves this one as it was. Nothing has to be undone when
 * a message turns out forged, and whoever keeps ratchets decides what counts: the next one is to be on disk before what
 * was encrypted goes out, else a crash encrypts two messages by one key and one iv. What it replaces is to be erased
 * there; the next one has neither the key that was used nor anything from which it follows.
 */
import { inspect } from 'node:util'
import { type CompressedKey, KeyPair, keyOrNone, sameBytes } from '../keys.ts'
import { openRatcheted, sealRatcheted, stepChain, stepRoot } from './ratchet-keys.ts'
import { type Chain, decodeState, encodeState, type KeptKey, maxKeptKeys, type RatchetState } from './ratchet-state.ts'

/** Messages that may be missing in a chain before one that is opened (MaxSkip of status-go). */
export const maxSkippedMessages = 1000

/** Keys made after a kept one until it is dropped (MaxKeep of status-go). */
const maxKeptAge = 3000

/** Where in the conversation a message stands. */
export interface RatchetPosition {
  /** The sender's ratchet key. */
  readonly key: Uint8Array
  readonly n: number
  /** Messages in the sender's chain before this one. */
  readonly previous: number
}

export interface Ratcheted extends RatchetPosition {
  readonly ciphertext: Uint8Array
}

/**
 * Why a message was not opened: it was opened before or its key is gone, it is too far ahead, or it is not what the other party
 * sent (or not of this session).
 */
export type RatchetRefusal = 'used' | 'too-far' | 'forged'

export type RatchetOpened =
  | { readonly opened: true; readonly plaintext: Uint8Array; readonly next: Ratchet }
  | { readonly opened: false; readonly why: RatchetRefusal }

/** One party's side. What prints it shows no key. */
export class Ratchet {
  readonly #state: RatchetState

  private constructor(state: RatchetState) {
    this.#state = state
  }

  /** The side of who begins: with the secret of X3DH and the prekey of the other. `own` is made here but in tests. */
  static start(sharedKey: Uint8Array, theirs: CompressedKey, own = KeyPair.generate()): Ratchet {
    const { rootKey, chainKey } = stepRoot(sharedKey, own.sharedSecret(theirs))
    // In status-go the other party may write by a chain that begins with the shared secret, before it has read anything.
    // That chain is stepped at once: the secret itself would give away what we send until they answer.
    const first = stepChain(sharedKey)
    return new Ratchet({
      own,
      theirs,
      rootKey,
      sending: { key: chainKey, next: 0 },
      receiving: { key: first.chainKey, next: 1 },
      previous: 0,
      kept: [{ theirs, n: 0, key: first.messageKey, madeAt: 0 }],
      made: 1,
    })
  }

  /** The side of who was written to: with the secret of X3DH and the prekey that was used. */
  static answer(sharedKey: Uint8Array, ownPrekey: KeyPair): Ratchet {
    const chain = { key: Uint8Array.from(sharedKey), next: 0 }
    const state = { own: ownPrekey, theirs: undefined, rootKey: chain.key, sending: chain, receiving: chain }
    return new Ratchet({ ...state, previous: 0, kept: [], made: 0 })
  }

  /** Reads what `toBytes` gave. Throws `session/unreadable`. */
  static fromBytes(stored: Uint8Array): Ratchet {
    return new Ratchet(decodeState(stored))
  }

  /** The form on disk: it has every secret of the session. */
  toBytes(): Uint8Array {
    return encodeState(this.#state)
  }

  /** `plaintext` for the other party. `next` has to be kept before `message` goes out. */
  encrypt(plaintext: Uint8Array): { message: Ratcheted; next: Ratchet } {
    const { own, sending, previous } = this.#state
    const { chainKey, messageKey } = stepChain(sending.key)
    const position = { key: own.publicKey, n: sending.next, previous }
    const ciphertext = sealRatcheted(messageKey, plaintext, associatedData(position))
    messageKey.fill(0)
    const next = new Ratchet({ ...this.#state, sending: { key: chainKey, next: sending.next + 1 } })
    return { message: { ...position, ciphertext }, next }
  }

  /** What the other party sent. Refusals are nothing unusual: messages come twice, late, and from anybody. */
  decrypt(message: Ratcheted): RatchetOpened {
    const { theirs, kept } = this.#state
    const held = kept.find(({ theirs, n }) => n === message.n && sameBytes(theirs, message.key))
    if (held !== undefined) return this.#openHeld(message, held)
    const isTheirs = theirs !== undefined && sameBytes(theirs, message.key)
    return isTheirs ? this.#openInChain(message) : this.#openInNewChain(message)
  }

  #openHeld(message: Ratcheted, held: KeptKey): RatchetOpened {
    const plaintext = openRatcheted(held.key, message.ciphertext, associatedData(message))
    if (plaintext === undefined) return refused('forged')
    return this.#opened(plaintext, { kept: this.#state.kept.filter((one) => one !== held) })
  }

  #openInChain(message: Ratcheted): RatchetOpened {
    const { theirs, receiving, made } = this.#state
    if (message.n < receiving.next) return refused('used')
    if (message.n - receiving.next > maxSkippedMessages) return refused('too-far')
    // Without a key of theirs there is no chain for it to be in.
    const read = openAt(receiving, message, theirs!, made)
    if (read === undefined) return refused('forged')
    return this.#opened(read.plaintext, { receiving: read.chain, ...this.#kept(read.passed) })
  }

  /** The other party turned: a new key of theirs, a new chain. */
  #openInNewChain(message: Ratcheted): RatchetOpened {
    const { own, rootKey, receiving, made, theirs: before } = this.#state
    const leftBehind = before === undefined ? 0 : Math.max(0, message.previous - receiving.next)
    if (leftBehind > maxSkippedMessages || message.n > maxSkippedMessages) return refused('too-far')
    const theirs = keyOrNone(message.key)
    if (theirs === undefined) return refused('forged')
    const root = stepRoot(rootKey, own.sharedSecret(theirs))
    const read = openAt({ key: root.chainKey, next: 0 }, message, theirs, made + leftBehind)
    if (read === undefined) return refused('forged')
    // Only now that the message is known to be theirs: the rest of the old chain, and our own turn.
    const rest = before === undefined ? [] : walkTo(receiving, receiving.next + leftBehind, before, made).passed
    const isGone = (one: KeptKey) => isNoMessage(one, before, message.previous)
    return this.#opened(read.plaintext, {
      ...{ theirs, receiving: read.chain },
      ...this.#turn(root.rootKey, theirs),
      ...this.#kept([...rest, ...read.passed], isGone),
    })
  }

  /** A new key of ours, and a new chain to send by. */
  #turn(rootKey: Uint8Array, theirs: CompressedKey) {
    const own = KeyPair.generate()
    const root = stepRoot(rootKey, own.sharedSecret(theirs))
    const sending = { key: root.chainKey, next: 0 }
    return { own, rootKey: root.rootKey, sending, previous: this.#state.sending.next }
  }

  /** The keys kept after a message was read and `passed` were passed over: neither too old nor too many. */
  #kept(passed: readonly KeptKey[], isGone: (one: KeptKey) => boolean = () => false) {
    const made = this.#state.made + passed.length + 1
    const young = [...this.#state.kept, ...passed].filter((one) => one.madeAt > made - maxKeptAge && !isGone(one))
    return { made, kept: young.slice(-maxKeptKeys) }
  }

  #opened(plaintext: Uint8Array, changes: Partial<RatchetState>): RatchetOpened {
    return { opened: true, plaintext, next: new Ratchet({ ...this.#state, ...changes }) }
  }

  toJSON(): Record<string, number> {
    const { sending, receiving, kept } = this.#state
    return { sent: sending.next, received: receiving.next, kept: kept.length }
  }

  [inspect.custom](): string {
    return `Ratchet ${JSON.stringify(this)}`
  }
}

/** Steps `chain` up to message `n`; the keys of those that are passed over are kept. */
function walkTo(chain: Chain, n: number, theirs: CompressedKey, made: number): { chain: Chain; passed: KeptKey[] } {
  const passed: KeptKey[] = []
  let key = chain.key
  for (let next = chain.next; next < n; next += 1) {
    const { chainKey, messageKey } = stepChain(key)
    passed.push({ theirs, n: next, key: messageKey, madeAt: made + passed.length })
    key = chainKey
  }
  return { chain: { key, next: n }, passed }
}

/** A key of the chain before, of a message that the other party says that it never sent. */
function isNoMessage(one: KeptKey, before: CompressedKey | undefined, sent: number): boolean {
  return before !== undefined && one.n >= sent && sameBytes(one.theirs, before)
}

/** Opens `message` in `chain`: keys of those before it are kept, its own is overwritten. Undefined where it does not open. */
function openAt(chain: Chain, message: Ratcheted, theirs: CompressedKey, made: number) {
  const { chain: reached, passed } = walkTo(chain, message.n, theirs, made)
  const { chainKey, messageKey } = stepChain(reached.key)
  const plaintext = openRatcheted(messageKey, message.ciphertext, associatedData(message))
  messageKey.fill(0)
  return plaintext && { plaintext, passed, chain: { key: chainKey, next: message.n + 1 } }
}

/** Bound to each message: where it stands. Neither identities nor devices (status-go). */
export function associatedData({ key, n, previous }: RatchetPosition): Uint8Array {
  const numbers = Buffer.alloc(8)
  numbers.writeUInt32LE(n, 0)
  numbers.writeUInt32LE(previous, 4)
  return Buffer.concat([numbers, key])
}

function refused(why: RatchetRefusal): RatchetOpened {
  return { opened: false, why }
}
