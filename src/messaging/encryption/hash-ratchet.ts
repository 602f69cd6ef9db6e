/**
 * The hash ratchet of encrypted communities: message n is under keccak-256, n times, of the group key. All members share the
 * sequence, so two may write under one number and one key; the nonces are random, and AES-256-GCM bears that.
 *
 * It looks forward only: from a key follow all later ones. Keys of a past window stay, since others' messages come late; what
 * is before the window cannot be computed any more. A value, as the double ratchet is.
 */
import { inspect } from 'node:util'
import { gcmKeyBytes, openGcm, sealGcm } from '../aes-gcm.ts'
import { keccak256, sameBytes } from '../keys.ts'
import { bytes, field, message, uint32 } from '../schema.ts'
import { readStored, unreadable } from '../stored.ts'
import type { GroupKey } from './group-key.ts'
import { type EncryptedMessage, type HashRatchetHeader, maxGroupIdBytes } from './protocol-message.ts'

/** Messages that may be missing before one that is opened: some milliseconds of hashing, which anybody can ask for. */
export const maxSequenceSteps = 2000

/** Messages that may be opened late. */
export const sequenceWindow = 1000

/** Why a message was not opened: before the window, too far ahead, no data at all, or not under this key. */
export type HashRatchetRefusal = 'forgotten' | 'too-far' | 'no-data' | 'forged'

export type HashRatchetOpened =
  | { readonly opened: true; readonly plaintext: Uint8Array; readonly next: HashRatchet }
  | { readonly opened: false; readonly why: HashRatchetRefusal }

/** A message, or a part of one, as far as its ratchet looks at it. */
export interface UnderGroupKey extends Pick<EncryptedMessage, 'payload'> {
  readonly hashRatchet?: Pick<HashRatchetHeader, 'keyId' | 'sequence'> | undefined
}

/** A message as it is written. */
export interface GroupSealed {
  readonly hashRatchet: Pick<HashRatchetHeader, 'deprecatedKeyId' | 'sequence' | 'groupId' | 'keyId'>
  readonly payload: Uint8Array
}

/** The key of message `n`. */
interface Step {
  readonly n: number
  readonly key: Uint8Array
}

interface HashRatchetState {
  readonly groupId: Uint8Array
  readonly keyId: Uint8Array
  readonly deprecatedKeyId: number
  /** The oldest from which we can compute. */
  readonly floor: Step
  /** The newest that was used. */
  readonly tip: Step
}

const version = 1
const stepTable = message('a step of a hash ratchet', { n: field(1, uint32), key: field(2, bytes(gcmKeyBytes)) })
const stateTable = message('a hash ratchet', {
  version: field(1, uint32),
  groupId: field(2, bytes(maxGroupIdBytes)),
  keyId: field(3, bytes(gcmKeyBytes)),
  deprecatedKeyId: field(4, uint32),
  floor: field(5, stepTable),
  tip: field(6, stepTable),
})

export class HashRatchet {
  readonly #state: HashRatchetState

  private constructor(state: HashRatchetState) {
    this.#state = state
  }

  /** The ratchet of a group key, before its first message. A key that comes again goes on with the ratchet that is there. */
  static of(groupKey: GroupKey): HashRatchet {
    const step = { n: 0, key: groupKey.secretBytes() }
    const { groupId, id: keyId, deprecatedId: deprecatedKeyId } = groupKey
    return new HashRatchet({ groupId, keyId, deprecatedKeyId, floor: step, tip: step })
  }

  /** Reads what `toBytes` gave. Throws `session/unreadable`. */
  static fromBytes(stored: Uint8Array): HashRatchet {
    const read = readStored(stateTable, version, stored)
    const areKeys = [read.floor, read.tip].every(({ key }) => key.length === gcmKeyBytes)
    if (!areKeys || read.floor.n > read.tip.n) throw unreadable('a step of a hash ratchet is damaged')
    return new HashRatchet(read)
  }

  /** The form on disk: it has the secrets. */
  toBytes(): Uint8Array {
    return stateTable.encode({ ...this.#state, version })
  }

  /** By which messages name the key. */
  get keyId(): Uint8Array {
    return this.#state.keyId
  }

  /** The number of the newest message that we know. */
  get sequence(): number {
    return this.#state.tip.n
  }

  /** `plaintext` for the group, one number after the newest that we know. Keep `next` before `message` goes out. */
  encrypt(plaintext: Uint8Array): { message: GroupSealed; next: HashRatchet } {
    const { tip, groupId, keyId, deprecatedKeyId } = this.#state
    const step = walk(tip, tip.n + 1)
    const hashRatchet = { deprecatedKeyId, sequence: step.n, groupId, keyId }
    return { message: { hashRatchet, payload: sealGcm(step.key, plaintext) }, next: this.#advanced(step) }
  }

  /** What a member sent. It may be opened again: others write under the same number. */
  decrypt({ hashRatchet, payload }: UnderGroupKey): HashRatchetOpened {
    const { floor, tip, keyId } = this.#state
    if (hashRatchet === undefined || !sameBytes(hashRatchet.keyId, keyId)) return refused('forged')
    const { sequence } = hashRatchet
    if (sequence === 0) return refused('no-data')
    if (sequence < floor.n) return refused('forgotten')
    const from = sequence < tip.n ? floor : tip
    if (sequence - from.n > maxSequenceSteps) return refused('too-far')
    const step = walk(from, sequence)
    const plaintext = openGcm(step.key, payload)
    if (plaintext === undefined) return refused('forged')
    return { opened: true, plaintext, next: this.#advanced(step) }
  }

  /** Nothing before number `sequence` can be opened any more: when a message is known to be read by all. */
  forgetBefore(sequence: number): HashRatchet {
    const { floor, tip } = this.#state
    const target = Math.min(sequence, tip.n)
    return target <= floor.n ? this : new HashRatchet({ ...this.#state, floor: walk(floor, target) })
  }

  #advanced(step: Step): HashRatchet {
    if (step.n <= this.#state.tip.n) return this
    return new HashRatchet({ ...this.#state, tip: step }).forgetBefore(step.n - sequenceWindow)
  }

  toJSON(): { floor: number; tip: number } {
    return { floor: this.#state.floor.n, tip: this.#state.tip.n }
  }

  [inspect.custom](): string {
    return `HashRatchet ${JSON.stringify(this)}`
  }
}

function walk(from: Step, n: number): Step {
  let key = from.key
  for (let at = from.n; at < n; at += 1) key = keccak256(key)
  return { n, key }
}

function refused(why: HashRatchetRefusal): HashRatchetOpened {
  return { opened: false, why }
}
