/**
 * Sessions, and the challenges that lead to them. Both are tied to a node id and the address that it speaks from, so that
 * nobody else can use them (discv5-theory v5.1, "Session Cache").
 */
import { randomBytes } from 'node:crypto'
import type { Clock, Milliseconds } from '../../../core/time.ts'
import type { SocketAddress } from '../address-fields.ts'
import type { NodeId } from './ids.ts'
import { unseal } from './keys.ts'
import { type MessagePacket, nonceBytes } from './packet.ts'
import type { Neighbour } from './records.ts'

/** A node id at an address. */
export interface Endpoint extends SocketAddress {
  readonly id: NodeId
}

export function endpointKey({ id, address, port }: Endpoint): string {
  return `${id}@${address}|${port}`
}

/** What we write with, and what we read with. */
export interface Keys {
  readonly write: Uint8Array
  readonly read: Uint8Array
}

interface Session {
  readonly keys: Keys
  /** Both sides may open a session at once; then each may speak under the keys that the other opened. */
  readonly former: Keys | undefined
  /** Messages sent, in each nonce, so that none comes twice. */
  sent: number
}

type Sealed = Pick<MessagePacket, 'nonce' | 'sealed' | 'head'>

export class Sessions {
  readonly #capacity: number
  /** The one used least recently first. */
  readonly #sessions = new Map<string, Session>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#sessions.size
  }

  has(endpoint: Endpoint): boolean {
    return this.#sessions.has(endpointKey(endpoint))
  }

  set(endpoint: Endpoint, keys: Keys): void {
    const former = this.#sessions.get(endpointKey(endpoint))?.keys
    this.#put(endpointKey(endpoint), { keys, former, sent: 0 })
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size > this.#capacity && oldest !== undefined) this.#sessions.delete(oldest)
  }

  /** The key and the nonce for one message to `endpoint`; undefined without a session. */
  next(endpoint: Endpoint): { key: Uint8Array; nonce: Uint8Array } | undefined {
    const session = this.#used(endpoint)
    if (session === undefined) return undefined
    const nonce = Buffer.concat([Buffer.alloc(4), randomBytes(nonceBytes - 4)])
    nonce.writeUInt32BE(session.sent % 2 ** 32)
    session.sent += 1
    return { key: session.keys.write, nonce }
  }

  /** The message of `endpoint`; undefined when no session fits. */
  read(endpoint: Endpoint, { nonce, sealed, head }: Sealed): Uint8Array | undefined {
    const session = this.#used(endpoint)
    if (session === undefined) return undefined
    const message = unseal(session.keys.read, nonce, sealed, head)
    if (message !== undefined || session.former === undefined) return message
    return unseal(session.former.read, nonce, sealed, head)
  }

  #used(endpoint: Endpoint): Session | undefined {
    const key = endpointKey(endpoint)
    const session = this.#sessions.get(key)
    if (session !== undefined) this.#put(key, session)
    return session
  }

  #put(key: string, session: Session): void {
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
  }
}

/** A WHOAREYOU that we sent. */
export interface Challenge {
  /** The whole packet, unmasked. */
  readonly data: Uint8Array
  /** The node, when we have its record: then it need not send it. */
  readonly known: Neighbour | undefined
}

interface ChallengesOptions {
  readonly capacity: number
  readonly lifetime: Milliseconds
  readonly clock: Clock
}

export class Challenges {
  readonly #options: ChallengesOptions
  /** The oldest first. */
  readonly #open = new Map<string, Challenge & { readonly until: Milliseconds }>()

  constructor(options: ChallengesOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#open.size
  }

  /** Whether `endpoint` has a challenge to answer: it gets no second one meanwhile. */
  has(endpoint: Endpoint): boolean {
    return (this.#open.get(endpointKey(endpoint))?.until ?? 0) > this.#options.clock()
  }

  add(endpoint: Endpoint, challenge: Challenge): void {
    const { capacity, lifetime, clock } = this.#options
    const key = endpointKey(endpoint)
    this.#open.delete(key)
    this.#open.set(key, { ...challenge, until: clock() + lifetime })
    const [oldest] = this.#open.keys()
    if (this.#open.size > capacity && oldest !== undefined) this.#open.delete(oldest)
  }

  /** The challenge that a handshake of `endpoint` answers. Each is answered once. */
  take(endpoint: Endpoint): Challenge | undefined {
    const challenge = this.has(endpoint) ? this.#open.get(endpointKey(endpoint)) : undefined
    this.#open.delete(endpointKey(endpoint))
    return challenge
  }
}
