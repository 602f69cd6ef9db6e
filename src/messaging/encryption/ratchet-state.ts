/** What a party of the double ratchet knows, and its form on disk. */
import { type CompressedKey, compressedKey, compressedKeyBytes, KeyPair, secretKeyBytes } from '../keys.ts'
import { bytes, field, message, repeated, uint32 } from '../schema.ts'
import { readStored, unreadable } from '../stored.ts'

/** Message keys that a session keeps for messages that are still on their way. */
export const maxKeptKeys = 2000

/** A chain of message keys: the key from which the next follows, and that one's number. */
export interface Chain {
  readonly key: Uint8Array
  readonly next: number
}

/** The key of a message that was passed over. */
export interface KeptKey {
  readonly theirs: CompressedKey
  readonly n: number
  readonly key: Uint8Array
  /** The count of keys when it was made, by which it grows old. */
  readonly madeAt: number
}

/** Never changed: each message makes another one. */
export interface RatchetState {
  readonly own: KeyPair
  /** Undefined until they have written. */
  readonly theirs: CompressedKey | undefined
  readonly rootKey: Uint8Array
  readonly sending: Chain
  readonly receiving: Chain
  /** Messages in our sending chain before this one. */
  readonly previous: number
  /** The oldest first. */
  readonly kept: readonly KeptKey[]
  /** Message keys of theirs that were made so far. */
  readonly made: number
}

const version = 1
const key = bytes(secretKeyBytes)
const publicKey = bytes(compressedKeyBytes)

const chainTable = message('a chain of a session', { key: field(1, key), next: field(2, uint32) })
const keptTable = message('a kept key of a session', {
  theirs: field(1, publicKey),
  n: field(2, uint32),
  key: field(3, key),
  madeAt: field(4, uint32),
})
const stateTable = message('the ratchet of a session', {
  version: field(1, uint32),
  own: field(2, key),
  theirs: field(3, publicKey),
  rootKey: field(4, key),
  sending: field(5, chainTable),
  receiving: field(6, chainTable),
  previous: field(7, uint32),
  kept: repeated(8, keptTable, maxKeptKeys),
  made: field(9, uint32),
})

/** The form on disk: it has every secret of the session. */
export function encodeState(state: RatchetState): Uint8Array {
  return stateTable.encode({
    ...state,
    version,
    own: state.own.secretBytes(),
    theirs: state.theirs ?? new Uint8Array(0),
  })
}

/** Reads what `encodeState` wrote. Throws `session/unreadable`. */
export function decodeState(stored: Uint8Array): RatchetState {
  const { own, theirs, rootKey, sending, receiving, previous, kept, made } = readStored(stateTable, version, stored)
  const keys = [rootKey, sending.key, receiving.key, ...kept.map((one) => one.key)]
  if (keys.some(({ length }) => length !== secretKeyBytes)) throw unreadable('a key of a session is missing')
  try {
    return {
      own: KeyPair.fromSecret(own),
      theirs: theirs.length === 0 ? undefined : compressedKey(theirs),
      // Looked at when it came; what is on our disk only has to be whole.
      kept: kept.map((one) => ({ ...one, theirs: one.theirs as CompressedKey })),
      ...{ rootKey, sending, receiving, previous, made },
    }
  } catch {
    throw unreadable('a key of a session is damaged')
  }
}
