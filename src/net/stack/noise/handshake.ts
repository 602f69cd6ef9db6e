/**
 * The handshake Noise_XX_25519_ChaChaPoly_SHA256 as a state machine, without a connection: the HandshakeState of the Noise
 * Protocol Framework, revision 34, section 5.3 (https://noiseprotocol.org/noise.html), for the one pattern that libp2p
 * speaks (https://github.com/libp2p/specs/blob/master/noise/README.md, "XX").
 */
import type { Cipher } from './cipher.ts'
import { generateKeyPair, type KeyPair, keyBytes, sharedSecret } from './key-pair.ts'
import { SymmetricState } from './symmetric-state.ts'

const protocolName = 'Noise_XX_25519_ChaChaPoly_SHA256'

/** A key that is sent, or two whose secret is mixed in. */
type Token = 'e' | 's' | 'ee' | 'es' | 'se'

/** The three messages. The initiator sends the first and the last. */
const pattern: readonly (readonly Token[])[] = [['e'], ['e', 'ee', 's', 'es'], ['s', 'se']]

export interface HandshakeOptions {
  readonly initiator: boolean
  readonly staticKey: KeyPair
  /** What both ends must know already; nothing in libp2p. */
  readonly prologue?: Uint8Array
  /** A new one, but for test vectors. */
  readonly ephemeralKey?: KeyPair
}

/** The two directions of a connection, as one end has them. */
export interface Ciphers {
  readonly send: Cipher
  readonly receive: Cipher
}

export class Handshake {
  readonly #initiator: boolean
  readonly #static: KeyPair
  readonly #ephemeral: KeyPair
  readonly #state = new SymmetricState(protocolName)
  #remoteStatic: Uint8Array | undefined
  #remoteEphemeral: Uint8Array | undefined
  #turn = 0

  constructor({ initiator, staticKey, prologue, ephemeralKey }: HandshakeOptions) {
    this.#initiator = initiator
    this.#static = staticKey
    this.#ephemeral = ephemeralKey ?? generateKeyPair()
    this.#state.mixHash(prologue ?? new Uint8Array())
  }

  /** The next message, with `payload` in it. The first one is read by anybody, the second by whoever dialled. */
  write(payload: Uint8Array): Uint8Array {
    const parts = this.#tokens(this.#initiator).map((token) => this.#writeToken(token))
    return Buffer.concat([...parts, this.#state.encryptAndHash(payload)])
  }

  /** The payload of the other end's next message. Throws when it is not the one that this handshake waits for. */
  read(message: Uint8Array): Uint8Array {
    let rest = message
    for (const token of this.#tokens(!this.#initiator)) rest = rest.subarray(this.#readToken(token, rest))
    return this.#state.decryptAndHash(rest)
  }

  /** The other end's static key, known after the message that brings it. */
  get remoteStatic(): Uint8Array {
    return known(this.#remoteStatic)
  }

  /** Of all three messages: the same at both ends, and in no other handshake. */
  get hash(): Uint8Array {
    return this.#state.hash
  }

  /** The keys of the connection, after the last message. */
  split(): Ciphers {
    if (this.#turn !== pattern.length) throw new Error('a handshake that is not complete')
    const { first, second } = this.#state.split()
    return this.#initiator ? { send: first, receive: second } : { send: second, receive: first }
  }

  #tokens(byInitiator: boolean): readonly Token[] {
    const tokens = pattern[this.#turn]
    if (tokens === undefined || byInitiator !== (this.#turn % 2 === 0)) throw new Error('not the turn of this end')
    this.#turn += 1
    return tokens
  }

  /** What goes over the wire for a token: nothing for a secret. */
  #writeToken(token: Token): Uint8Array {
    if (token === 's') return this.#state.encryptAndHash(this.#static.publicBytes)
    if (token !== 'e') return this.#mixSecret(token)
    this.#state.mixHash(this.#ephemeral.publicBytes)
    return this.#ephemeral.publicBytes
  }

  /** How many bytes at the beginning of `message` a token takes. */
  #readToken(token: Token, message: Uint8Array): number {
    if (token !== 'e' && token !== 's') return this.#mixSecret(token).length
    const length = keyBytes + (token === 's' ? this.#state.overhead : 0)
    if (message.length < length) throw new Error('a handshake message cut short')
    const bytes = message.subarray(0, length)
    if (token === 's') this.#remoteStatic = this.#state.decryptAndHash(bytes)
    else this.#readEphemeral(bytes)
    return length
  }

  #readEphemeral(bytes: Uint8Array): void {
    this.#remoteEphemeral = bytes
    this.#state.mixHash(bytes)
  }

  #mixSecret(token: 'ee' | 'es' | 'se'): Uint8Array {
    this.#state.mixKey(this.#secret(token))
    return new Uint8Array()
  }

  /** The first letter of a token is the initiator's key, the second the responder's. */
  #secret(token: 'ee' | 'es' | 'se'): Uint8Array {
    const [ours, theirs] = this.#initiator ? [token[0], token[1]] : [token[1], token[0]]
    const remote = theirs === 'e' ? this.#remoteEphemeral : this.#remoteStatic
    return sharedSecret(ours === 'e' ? this.#ephemeral : this.#static, known(remote))
  }
}

/** Keys that the pattern has brought by then. */
function known(key: Uint8Array | undefined): Uint8Array {
  if (key === undefined) throw new Error('a key that the other end has not sent')
  return key
}
