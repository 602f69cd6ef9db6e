/**
 * A client of a forge (AutoTLS, https://github.com/ipshipyard/p2p-forge): the name server of a domain below which every
 * peer id has a name, and every address of that peer one below it. It publishes the proof (DNS-01, RFC 8555, 8.4) of
 * whoever shows that the peer id is his and that the peer can be dialled.
 */
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { PrivateKey } from '@libp2p/interface'
import { messageOf, WaypostError } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import type { ResolveTxt } from '../discovery/dns/resolver.ts'
import { type Answer, ask, oneLine } from './ask.ts'
import { peerIdAuth } from './peer-id-auth.ts'
import { mostPolls, type Proof, pollInterval } from './proof.ts'

/** For one request: before it answers, a forge dials us. */
const requestTimeout: Milliseconds = 60_000

/** Addresses that it is told. */
const mostAddresses = 8

/** Characters of its cookies: they lead the second request to the server that answered the first. */
const cookieCharacters = 4096

export interface ForgeOptions {
  /** The URL of its API, without a path. */
  readonly endpoint: string
  /** Our name at the forge: `<peer id>.libp2p.direct`. */
  readonly domain: string
  readonly privateKey: PrivateKey
  /** Where we can be dialled. */
  readonly addresses: () => readonly string[]
  readonly resolveTxt: ResolveTxt
  readonly agent: string
  readonly signal: AbortSignal
  readonly timeout?: Milliseconds
  readonly pollInterval?: Milliseconds
}

export class Forge implements Proof {
  readonly type = 'dns-01'
  readonly #options: ForgeOptions

  constructor(options: ForgeOptions) {
    this.#options = options
  }

  /** Throws `acme/failed`. */
  async show(_token: string, keyAuthorization: string): Promise<void> {
    const value = createHash('sha256').update(keyAuthorization).digest('base64url')
    try {
      await this.#register(value)
    } catch (error) {
      this.#options.signal.throwIfAborted()
      throw new WaypostError('acme/failed', {
        step: `registration at ${this.#options.endpoint}`,
        why: messageOf(error),
      })
    }
    await this.#published(value)
  }

  /** It forgets by itself. */
  async [Symbol.asyncDispose](): Promise<void> {}

  async #register(value: string): Promise<void> {
    const { endpoint, privateKey, addresses } = this.#options
    const url = new URL('/v1/_acme-challenge', endpoint)
    const auth = peerIdAuth({ privateKey, hostname: url.host })
    const challenged = await this.#post(url, { authorization: auth.first })
    if (challenged.status !== 401) throw new Error(problemIn(challenged))
    const authorization = await auth.second(challenged.headers.get('www-authenticate') ?? '')
    const body = JSON.stringify({ value, addresses: addresses().slice(0, mostAddresses) })
    const answer = await this.#post(url, { authorization, ...cookiesOf(challenged) }, body)
    if (answer.status !== 200) throw new Error(problemIn(answer))
  }

  #post(url: URL, headers: Readonly<Record<string, string>>, body?: string): Promise<Answer> {
    const { agent, signal, timeout = requestTimeout } = this.#options
    const all = { ...headers, 'user-agent': agent, 'content-type': 'application/json' }
    return ask(url.href, { method: 'POST', headers: all, ...(body !== undefined && { body }), signal, timeout })
  }

  /** An authority that looks too early counts a failure against us. */
  async #published(value: string): Promise<void> {
    const { domain, resolveTxt, signal, pollInterval: wait = pollInterval } = this.#options
    for (let looks = 0; looks < mostPolls; looks++) {
      const found = await resolveTxt(`_acme-challenge.${domain}`, signal).catch((): readonly string[] => [])
      if (found.includes(value)) return
      await delay(wait, undefined, { signal })
    }
    throw new WaypostError('acme/failed', { step: 'registration', why: `_acme-challenge.${domain} does not show it` })
  }
}

function problemIn({ status, text }: Answer): string {
  return oneLine(`status ${status} ${text}`).trim()
}

function cookiesOf({ headers }: Answer): { cookie?: string } {
  const cookie = headers
    .getSetCookie()
    .map((text) => text.split(';', 1)[0])
    .join('; ')
  return cookie === '' || cookie.length > cookieCharacters ? {} : { cookie }
}
