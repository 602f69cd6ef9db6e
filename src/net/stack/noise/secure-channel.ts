/**
 * The secure channel of libp2p, Noise, of our own: it speaks with every peer that speaks `/noise`
 * (https://github.com/libp2p/specs/blob/master/noise/README.md).
 */
import {
  ConnectionClosedError,
  type ConnectionEncrypter,
  InvalidCryptoExchangeError,
  type MessageStream,
  type PeerId,
  type PrivateKey,
  type SecureConnectionOptions,
  type SecuredConnection,
  type StreamMuxerFactory,
  serviceCapabilities,
  type Upgrader,
} from '@libp2p/interface'
import { messageOf } from '../../../core/errors.ts'
import { Channel } from './channel.ts'
import { Handshake } from './handshake.ts'
import { generateKeyPair } from './key-pair.ts'
import { readMessage, sendMessage } from './messages.ts'
import { decodePayload, encodePayload, type Identity, type Payload, signIdentity, verifyIdentity } from './payload.ts'

export interface SecureChannelComponents {
  readonly privateKey: PrivateKey
  readonly upgrader: Pick<Upgrader, 'getStreamMuxers'>
}

/** Makes the encrypter of one node. Its static key lives as long as the node, and nowhere else. */
export function noise(): (components: SecureChannelComponents) => ConnectionEncrypter {
  return (components) => new SecureChannel(components)
}

/** What a handshake finds out. */
interface Agreed {
  readonly remotePeer: PeerId
  /** Undefined where muxers are negotiated afterwards. */
  readonly muxer: string | undefined
}

class SecureChannel implements ConnectionEncrypter {
  readonly protocol = '/noise'
  readonly [Symbol.toStringTag] = 'waypost-noise'
  readonly [serviceCapabilities]: string[] = ['@libp2p/connection-encryption']
  readonly #components: SecureChannelComponents
  readonly #staticKey = generateKeyPair()
  #identity: Promise<Identity> | undefined

  constructor(components: SecureChannelComponents) {
    this.#components = components
  }

  async secureOutbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> {
    const handshake = new Handshake({ initiator: true, staticKey: this.#staticKey })
    return this.#secured(connection, handshake, await this.#initiate(connection, handshake, options))
  }

  async secureInbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> {
    const handshake = new Handshake({ initiator: false, staticKey: this.#staticKey })
    return this.#secured(connection, handshake, await this.#respond(connection, handshake, options))
  }

  async #initiate(connection: MessageStream, handshake: Handshake, options?: SecureConnectionOptions): Promise<Agreed> {
    // "The initiator MUST NOT send extensions in their first message": there is nothing in it but a key.
    sendMessage(connection, handshake.write(new Uint8Array()))
    const theirs = await receivePayload(connection, handshake, options)
    const remotePeer = await verifyIdentity(theirs, handshake.remoteStatic, options?.remotePeer)
    // It "MAY choose a single multiplexer from the responder's list and only send that value": no two ways to read it.
    const muxer = agree(this.#muxers(options), theirs.streamMuxers)
    sendMessage(connection, handshake.write(await this.#payload(muxer === undefined ? [] : [muxer])))
    return { remotePeer, muxer }
  }

  async #respond(connection: MessageStream, handshake: Handshake, options?: SecureConnectionOptions): Promise<Agreed> {
    readStep(handshake, await readMessage(connection, options?.signal))
    sendMessage(connection, handshake.write(await this.#payload(this.#muxers(options))))
    const theirs = await receivePayload(connection, handshake, options)
    const remotePeer = await verifyIdentity(theirs, handshake.remoteStatic, options?.remotePeer)
    return { remotePeer, muxer: agree(theirs.streamMuxers, this.#muxers(options)) }
  }

  #secured(connection: MessageStream, handshake: Handshake, { remotePeer, muxer }: Agreed): SecuredConnection {
    if (connection.status !== 'open') throw new ConnectionClosedError('the connection ended during the handshake')
    const streamMuxer = muxer === undefined ? undefined : this.#factories().get(muxer)
    return { connection: new Channel(connection, handshake.split()), remotePeer, ...(streamMuxer && { streamMuxer }) }
  }

  async #payload(streamMuxers: readonly string[]): Promise<Uint8Array> {
    const { privateKey } = this.#components
    this.#identity ??= signIdentity(privateKey, this.#staticKey.publicBytes)
    return encodePayload({ ...(await this.#identity), streamMuxers })
  }

  #muxers(options: SecureConnectionOptions | undefined): string[] {
    return options?.skipStreamMuxerNegotiation === true ? [] : [...this.#factories().keys()]
  }

  #factories(): Map<string, StreamMuxerFactory> {
    return this.#components.upgrader.getStreamMuxers()
  }
}

async function receivePayload(
  connection: MessageStream,
  handshake: Handshake,
  options: SecureConnectionOptions | undefined,
): Promise<Payload> {
  const bytes = readStep(handshake, await readMessage(connection, options?.signal))
  return exchanged(() => decodePayload(bytes))
}

function readStep(handshake: Handshake, message: Uint8Array): Uint8Array {
  return exchanged(() => handshake.read(message))
}

/** Whatever a peer sends that is no handshake is one error. */
function exchanged<T>(step: () => T): T {
  try {
    return step()
  } catch (error) {
    throw new InvalidCryptoExchangeError(messageOf(error))
  }
}

/**
 * "The multiplexer to use is determined by picking the first item from the initiator's list that both parties support."
 * "If there is no overlap [...], the handshake MUST fail." An end without a list leaves it to be negotiated afterwards.
 * https://github.com/libp2p/specs/blob/master/connections/inlined-muxer-negotiation.md
 */
function agree(initiators: readonly string[], responders: readonly string[]): string | undefined {
  if (initiators.length === 0 || responders.length === 0) return undefined
  const common = initiators.find((muxer) => responders.includes(muxer))
  if (common === undefined) throw new InvalidCryptoExchangeError('no muxer that both ends speak')
  return common
}
