/**
 * A person's keys from words: BIP-39 words give a seed, BIP-32 paths give keys, and EIP-1581 says which path is for what, as in
 * Status. Who has the words has everything.
 */
import { HDKey } from '@scure/bip32'
import { generateMnemonic, mnemonicToSeed, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { WaypostError } from '../../core/errors.ts'
import { KeyPair } from '../keys.ts'

/** Bits of randomness in a new mnemonic: twelve words. */
const entropyBits = 128

/** How many words a mnemonic may have (BIP-39). */
const wordCounts = [12, 15, 18, 21, 24]

/** Where the keys of a person stand (EIP-1581). */
export const keyPaths = {
  /** By which a person is known, signs, and is written to. */
  chat: "m/43'/60'/1581'/0'/0",
  /** For what is kept encrypted on the person's own devices. */
  encryption: "m/43'/60'/1581'/1'/0",
} as const

export type KeyPurpose = keyof typeof keyPaths

/** Twelve words that nobody had before. */
export function newMnemonic(): string {
  return generateMnemonic(wordlist, entropyBits)
}

/** The words in lower case with one space between them. Throws `mnemonic/invalid`, which names no word. */
export function readMnemonic(text: string): string {
  const words = text.normalize('NFKD').toLowerCase().trim().split(/\s+/)
  if (!wordCounts.includes(words.length)) throw invalid(`${words.length} words instead of 12, 15, 18, 21 or 24`)
  const strange = words.findIndex((word) => !wordlist.includes(word))
  if (strange >= 0) throw invalid(`word ${strange + 1} is not in the list`)
  const mnemonic = words.join(' ')
  if (!validateMnemonic(mnemonic, wordlist)) throw invalid('a word is wrong or in the wrong place, the checksum tells')
  return mnemonic
}

/** The keys that `mnemonic` stands for. Throws `mnemonic/invalid`. */
export async function keysOf(mnemonic: string): Promise<Readonly<Record<KeyPurpose, KeyPair>>> {
  const root = HDKey.fromMasterSeed(await mnemonicToSeed(readMnemonic(mnemonic)))
  const keyFor = (purpose: KeyPurpose) => keyAt(root, keyPaths[purpose])
  const keys = { chat: keyFor('chat'), encryption: keyFor('encryption') }
  root.wipePrivateData()
  return keys
}

function keyAt(root: HDKey, path: string): KeyPair {
  const child = root.derive(path)
  // Each part of our paths leads from a secret key to a secret key.
  const pair = KeyPair.fromSecret(child.privateKey!)
  child.wipePrivateData()
  return pair
}

function invalid(why: string): WaypostError {
  return new WaypostError('mnemonic/invalid', { why })
}
