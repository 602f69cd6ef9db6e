/**
 * The web server that proves that a name is ours (HTTP-01, RFC 8555, 8.3). It is open while a certificate is ordered, to
 * the whole world, and knows nothing but its tokens.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemCode, WaypostError } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import type { Proof } from './proof.ts'

/** Connections at a time. */
const mostConnections = 64

/** For one request, from when its connection was made. */
const requestTimeout: Milliseconds = 5000

/** Looks for those that are over, within that time: Node looks every 30 s, and idle connections would hold all places so long. */
const looks = 5

const path = '/.well-known/acme-challenge/'

export interface ChallengeOptions {
  readonly address: string
  readonly port: number
  /** For one request. */
  readonly timeout?: Milliseconds
}

export class Challenges implements Proof {
  readonly type = 'http-01'
  readonly #server: Server
  readonly #answers: Map<string, string>

  private constructor(server: Server, answers: Map<string, string>) {
    this.#server = server
    this.#answers = answers
  }

  /** Throws `acme/failed` when the port is not to be had. */
  static async open({ address, port, timeout = requestTimeout }: ChallengeOptions): Promise<Challenges> {
    const answers = new Map<string, string>()
    const limits = { requestTimeout: timeout, headersTimeout: timeout, connectionsCheckingInterval: timeout / looks }
    const server = createServer(limits, (request, response) => {
      const url = request.url ?? ''
      const text = url.startsWith(path) ? answers.get(url.slice(path.length)) : undefined
      response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain', connection: 'close' })
      response.end(text)
    })
    server.maxConnections = mostConnections
    try {
      server.listen(port, address)
      await once(server, 'listening')
    } catch (error) {
      throw new WaypostError('acme/failed', { step: `listen on port ${port}`, why: systemCode(error) })
    }
    server.on('error', () => {})
    return new Challenges(server, answers)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  show(token: string, keyAuthorization: string): void {
    this.#answers.set(token, keyAuthorization)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
