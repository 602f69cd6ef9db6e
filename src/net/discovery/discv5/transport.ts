/**
 * Messages over packets: finds or opens the session for each, answers what others ask, and brings the answers to what we
 * ask (discv5-theory v5.1, "Sessions").
 *
 * What comes may be forged, so the steps stand in the order of what they cost, each behind a budget: unmask, unseal,
 * challenge, and the curve at last. Before a handshake nothing leaves that is larger than what came.
 */
import { randomBytes } from 'node:crypto'
import { messageOf } from '../../../core/errors.ts'
import type { Clock } from '../../../core/time.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { Discv5Outcome } from '../../../telemetry/metrics.ts'
import { ownerOf } from '../../networks.ts'
import { Quota } from '../../quota.ts'
import type { SocketAddress } from '../address-fields.ts'
import type { Enr } from '../enr.ts'
import { idBytes, type NodeId } from './ids.ts'
import {
  ephemeralKeyPair,
  type Handshake,
  provesIdentity,
  seal,
  sessionKeys,
  sharedSecret,
  signIdentity,
  unseal,
} from './keys.ts'
import {
  challengeRates,
  handshakeRates,
  maxChallenges,
  maxRequests,
  maxSessions,
  packetRates,
  type Timings,
} from './limits.ts'
import {
  type Asked,
  decodeMessage,
  encodeMessage,
  isRequest,
  type Message,
  type RequestMessage,
  type ResponseMessage,
} from './messages.ts'
import {
  decodePacket,
  encodeHead,
  encodePacket,
  type HandshakePacket,
  handshakeData,
  type MessagePacket,
  nonceBytes,
  type ProtocolId,
  type WhoareyouPacket,
  whoareyouData,
} from './packet.ts'
import type { Neighbour, Reachable, Records } from './records.ts'
import { type OpenRequest, Requests } from './requests.ts'
import { Challenges, type Endpoint, endpointKey, type Keys, Sessions } from './session.ts'

export interface TransportParts {
  readonly id: NodeId
  /** secp256k1. */
  readonly privateKey: Uint8Array
  readonly protocol: ProtocolId
  readonly own: () => Enr
  readonly send: (bytes: Uint8Array, to: SocketAddress) => void
  /** Whose record we have. */
  readonly known: (id: NodeId) => Neighbour | undefined
  readonly records: Pick<Records, 'read'>
  readonly answer: (request: RequestMessage, from: Endpoint) => readonly ResponseMessage[]
  /** Somebody proved who it is. */
  readonly met: (neighbour: Neighbour, from: Endpoint) => void
  readonly count: (outcome: Discv5Outcome) => void
  readonly log: Log
  readonly clock: Clock
  readonly timings: Timings
}

/** What comes of a request: its answers, or none in time; or it never went out. */
export type Came = readonly ResponseMessage[] | 'silence' | 'unasked'

const ivBytes = 16
const challengeIdBytes = 16
/** Bytes of the message of a packet that only asks for a challenge: above those of the challenge. */
const randomMessageBytes = 44

export class Transport {
  readonly #parts: TransportParts
  readonly #idBytes: Uint8Array
  readonly #sessions = new Sessions(maxSessions)
  readonly #challenges: Challenges
  readonly #requests = new Requests()
  /** By endpoint: a request that may open a session. Others wait for it. */
  readonly #opening = new Map<string, Promise<unknown>>()
  readonly #packets: Quota
  readonly #strangers: Quota
  readonly #handshakes: Quota
  #isClosed = false

  constructor(parts: TransportParts) {
    const { clock, timings } = parts
    this.#parts = parts
    this.#idBytes = idBytes(parts.id)
    this.#challenges = new Challenges({ capacity: maxChallenges, lifetime: timings.handshake, clock })
    this.#packets = new Quota({ ...packetRates, clock })
    this.#strangers = new Quota({ ...challengeRates, clock })
    this.#handshakes = new Quota({ ...handshakeRates, clock })
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** Asks a node, unless too many wait for their answers already: then it is not asked. */
  async request(to: Reachable, asked: Asked): Promise<Came> {
    const endpoint = { id: to.id, ...to.record.udp }
    const key = endpointKey(endpoint)
    while (!this.#sessions.has(endpoint) && this.#opening.has(key)) await this.#opening.get(key)
    if (this.#requests.size >= maxRequests || this.#isClosed) return 'unasked'
    const request = this.#requests.open(to, endpoint, asked)
    if (!this.#sessions.has(endpoint)) this.#opening.set(key, request.done)
    this.#sendRequest(request)
    const came = await request.done
    if (this.#opening.get(key) === request.done) this.#opening.delete(key)
    return came ?? 'silence'
  }

  /** Takes a datagram. Never throws. */
  receive(bytes: Uint8Array, from: SocketAddress): void {
    const { log, count } = this.#parts
    try {
      count(this.#receive(bytes, from))
    } catch (error) {
      count('failed')
      log.debug({ reason: messageOf(error) }, 'discv5 packet failed')
    }
  }

  /** Requests under way end without an answer. */
  close(): void {
    this.#isClosed = true
    this.#requests.close()
  }

  #receive(bytes: Uint8Array, from: SocketAddress): Discv5Outcome {
    if (!this.#packets.take(ownerOf(from.address))) return 'limited'
    const packet = decodePacket(bytes, this.#idBytes, this.#parts.protocol)
    if (packet === undefined) return 'malformed'
    if (packet.kind === 'whoareyou') return this.#takeWhoareyou(packet, from)
    const endpoint = { id: packet.source, ...from }
    if (packet.kind === 'handshake') return this.#takeHandshake(packet, endpoint)
    return this.#takeMessage(packet, endpoint)
  }

  #takeMessage(packet: MessagePacket, from: Endpoint): Discv5Outcome {
    const plain = this.#sessions.read(from, packet)
    return plain === undefined ? this.#challenge(packet, from) : this.#deliver(plain, from)
  }

  #deliver(plain: Uint8Array, from: Endpoint): Discv5Outcome {
    const message = decodeMessage(plain)
    if (message === undefined) return 'malformed'
    if (!isRequest(message)) return this.#requests.take(from, message) ? 'read' : 'stray'
    for (const response of this.#parts.answer(message, from)) this.#send(response, from)
    return 'read'
  }

  /** Who are you? Once for each endpoint and time. */
  #challenge({ nonce, source }: MessagePacket, from: Endpoint): Discv5Outcome {
    if (this.#challenges.has(from)) return 'stray'
    if (!this.#strangers.take(ownerOf(from.address))) return 'limited'
    const known = this.#parts.known(source)
    const authdata = whoareyouData(randomBytes(challengeIdBytes), known?.enr.sequence ?? 0n)
    const head = this.#head('whoareyou', nonce, authdata)
    this.#challenges.add(from, { data: head, known })
    this.#parts.send(encodePacket(source, head), from)
    return 'challenged'
  }

  /** Our request could not be read there: it goes again, in a handshake. */
  #takeWhoareyou({ nonce, sequence, challenge }: WhoareyouPacket, from: SocketAddress): Discv5Outcome {
    const request = this.#requests.withNonce(nonce, from)
    if (request === undefined) return 'stray'
    const { id, privateKey, own, timings } = this.#parts
    const { to, endpoint, message } = request
    this.#requests.challenged(request, timings.handshake)
    const ephemeral = ephemeralKeyPair()
    const handshake = { initiator: id, recipient: to.id, challenge }
    const keys = sessionKeys(sharedSecret(to.enr.publicKey, ephemeral.privateKey), handshake)
    const signature = signIdentity(privateKey, ephemeral.publicKey, handshake)
    const record = own().sequence > sequence ? own().bytes : undefined
    const authdata = handshakeData(id, { signature, ephemeralKey: ephemeral.publicKey, record })
    this.#sessions.set(endpoint, { write: keys.initiator, read: keys.recipient })
    this.#sendSealed('handshake', authdata, message, endpoint)
    return 'handshake'
  }

  #takeHandshake(packet: HandshakePacket, from: Endpoint): Discv5Outcome {
    const challenge = this.#challenges.take(from)
    if (challenge === undefined) return 'stray'
    if (!this.#handshakes.take(ownerOf(from.address))) return 'limited'
    const neighbour = this.#senderOf(packet, challenge.known)
    if (neighbour === undefined) return 'malformed'
    const handshake = { initiator: from.id, recipient: this.#parts.id, challenge: challenge.data }
    const keys = this.#agree(packet, neighbour, handshake)
    const plain = keys && unseal(keys.read, packet.nonce, packet.sealed, packet.head)
    if (keys === undefined || plain === undefined) return 'malformed'
    this.#sessions.set(from, keys)
    this.#parts.met(neighbour, from)
    this.#deliver(plain, from)
    return 'handshake'
  }

  /** The record in the handshake, or the one that we have. */
  #senderOf({ source, record }: HandshakePacket, known: Neighbour | undefined): Neighbour | undefined {
    const neighbour = record === undefined ? known : this.#parts.records.read(record)
    return neighbour?.id === source ? neighbour : undefined
  }

  #agree(packet: HandshakePacket, { enr }: Neighbour, handshake: Handshake): Keys | undefined {
    const { signature, ephemeralKey } = packet
    if (!provesIdentity(signature, enr.publicKey, ephemeralKey, handshake)) return undefined
    const secret = secretOf(ephemeralKey, this.#parts.privateKey)
    if (secret === undefined) return undefined
    const { initiator, recipient } = sessionKeys(secret, handshake)
    return { write: recipient, read: initiator }
  }

  #sendRequest(request: OpenRequest): void {
    const { endpoint, message } = request
    const { request: short, handshake: long } = this.#parts.timings
    const nonce = this.#send(message, endpoint)
    if (nonce !== undefined) this.#requests.sent(request, nonce, short)
    else this.#requests.sent(request, this.#sendRandom(endpoint), long)
  }

  /** Without a session nothing can be said: any packet brings the challenge. */
  #sendRandom(to: Endpoint): Uint8Array {
    const nonce = randomBytes(nonceBytes)
    const head = this.#head('message', nonce, this.#idBytes)
    this.#parts.send(encodePacket(to.id, head, randomBytes(randomMessageBytes)), to)
    return nonce
  }

  #send(message: Message, to: Endpoint): Uint8Array | undefined {
    return this.#sendSealed('message', this.#idBytes, message, to)
  }

  /** Returns the nonce of the packet; undefined without a session. */
  #sendSealed(
    kind: 'message' | 'handshake',
    authdata: Uint8Array,
    message: Message,
    to: Endpoint,
  ): Uint8Array | undefined {
    const next = this.#sessions.next(to)
    if (next === undefined) return undefined
    const head = this.#head(kind, next.nonce, authdata)
    const sealed = seal(next.key, next.nonce, encodeMessage(message), head)
    this.#parts.send(encodePacket(to.id, head, sealed), to)
    return next.nonce
  }

  #head(kind: 'message' | 'whoareyou' | 'handshake', nonce: Uint8Array, authdata: Uint8Array): Buffer {
    return encodeHead({ iv: randomBytes(ivBytes), protocol: this.#parts.protocol, kind, nonce, authdata })
  }
}

/** Undefined when the key is no point of the curve. */
function secretOf(publicKey: Uint8Array, privateKey: Uint8Array): Uint8Array | undefined {
  try {
    return sharedSecret(publicKey, privateKey)
  } catch {
    return undefined
  }
}
