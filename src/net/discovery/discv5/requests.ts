/** Our requests that wait for their answer. */
import { randomBytes } from 'node:crypto'
import type { Milliseconds } from '../../../core/time.ts'
import { maxRecords, maxRequestIdBytes } from './limits.ts'
import type { Asked, RequestMessage, ResponseMessage } from './messages.ts'
import type { Reachable } from './records.ts'
import { type Endpoint, endpointKey } from './session.ts'

/** Which message answers which. */
const answers = { ping: 'pong', findnode: 'nodes', talkreq: 'talkresp' } as const satisfies Record<
  RequestMessage['type'],
  ResponseMessage['type']
>

export interface OpenRequest {
  readonly to: Reachable
  readonly endpoint: Endpoint
  readonly message: RequestMessage
  /** What came; undefined when nothing did in time. */
  readonly done: Promise<readonly ResponseMessage[] | undefined>
}

interface Waiting extends OpenRequest {
  readonly came: ResponseMessage[]
  readonly end: () => void
  timer: NodeJS.Timeout | undefined
}

export class Requests {
  /** By endpoint and request id. */
  readonly #byId = new Map<string, Waiting>()
  /** By the nonce of the packet that a WHOAREYOU would name. */
  readonly #byNonce = new Map<string, Waiting>()

  get size(): number {
    return this.#byId.size
  }

  open(to: Reachable, endpoint: Endpoint, asked: Asked): OpenRequest {
    const message = { ...asked, id: randomBytes(maxRequestIdBytes) }
    const key = keyOf(endpoint, message)
    const { promise, resolve } = Promise.withResolvers<readonly ResponseMessage[] | undefined>()
    const came: ResponseMessage[] = []
    const waiting: Waiting = { to, endpoint, message, done: promise, came, timer: undefined, end: () => end() }
    const end = (): void => {
      clearTimeout(waiting.timer)
      this.#byId.delete(key)
      this.#forgetNonces(waiting)
      resolve(came.length === 0 ? undefined : came)
    }
    this.#byId.set(key, waiting)
    return waiting
  }

  /** The request went out in the packet with `nonce`, and has `limit` from now on. False: it is over already. */
  sent({ endpoint, message }: OpenRequest, nonce: Uint8Array, limit: Milliseconds): void {
    const waiting = this.#byId.get(keyOf(endpoint, message))
    if (waiting === undefined) return
    this.#forgetNonces(waiting)
    this.#byNonce.set(nonceKey(nonce), waiting)
    this.#restart(waiting, limit)
  }

  /** The request went out in a handshake: a second WHOAREYOU for it is none that we asked for. */
  challenged({ endpoint, message }: OpenRequest, limit: Milliseconds): void {
    const waiting = this.#byId.get(keyOf(endpoint, message))
    if (waiting === undefined) return
    this.#forgetNonces(waiting)
    this.#restart(waiting, limit)
  }

  /** The request that a WHOAREYOU from this address is about. */
  withNonce(nonce: Uint8Array, from: Pick<Endpoint, 'address' | 'port'>): OpenRequest | undefined {
    const waiting = this.#byNonce.get(nonceKey(nonce))
    const { address, port } = waiting?.endpoint ?? {}
    return address === from.address && port === from.port ? waiting : undefined
  }

  /** Takes an answer. False: nobody asked for it. */
  take(from: Endpoint, response: ResponseMessage): boolean {
    const waiting = this.#byId.get(keyOf(from, response))
    if (waiting === undefined || answers[waiting.message.type] !== response.type) return false
    waiting.came.push(response)
    if (isWhole(waiting.came)) waiting.end()
    return true
  }

  /** Ends all of them. */
  close(): void {
    for (const waiting of this.#byId.values()) waiting.end()
  }

  #restart(waiting: Waiting, limit: Milliseconds): void {
    clearTimeout(waiting.timer)
    waiting.timer = setTimeout(waiting.end, limit).unref()
  }

  #forgetNonces(waiting: Waiting): void {
    for (const [nonce, other] of this.#byNonce) if (other === waiting) this.#byNonce.delete(nonce)
  }
}

/** NODES come in several packets; the first says in how many. */
function isWhole(came: readonly ResponseMessage[]): boolean {
  const [first] = came
  if (first?.type !== 'nodes') return true
  const records = came.reduce((sum, one) => sum + (one.type === 'nodes' ? one.records.length : 0), 0)
  return came.length >= first.total || records >= maxRecords
}

function keyOf(endpoint: Endpoint, { id }: { readonly id: Uint8Array }): string {
  return `${endpointKey(endpoint)}/${Buffer.from(id).toString('hex')}`
}

function nonceKey(nonce: Uint8Array): string {
  return Buffer.from(nonce).toString('latin1')
}
