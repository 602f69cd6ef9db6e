/**
 * A client of a certificate authority, by ACME (RFC 8555): an account, an order for one name, a proof that the name is
 * ours, and a certificate.
 */
import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, WaypostError } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import { type Answer, ask, oneLine } from './ask.ts'
import { certificateRequest } from './der.ts'
import { mostPolls, type Proof, pollInterval } from './proof.ts'

/** For one request. */
const requestTimeout: Milliseconds = 20_000

/** A nonce may be used up or forgotten: then a new one comes with the refusal. */
const mostNonces = 3

export interface AcmeOptions {
  readonly directoryUrl: string
  readonly accountKey: KeyObject
  /** Whom the authority writes to when something is wrong. */
  readonly email?: string | undefined
  readonly signal: AbortSignal
  /** Between two looks. */
  readonly pollInterval?: Milliseconds
}

export interface AcmeOrder {
  /** A name, or all names below one: `*.example.org`. */
  readonly domain: string
  /** The key of the certificate. */
  readonly key: KeyObject
  readonly proof: Proof
}

type Fields = Readonly<Record<string, unknown>>

export class AcmeClient {
  readonly #options: AcmeOptions
  readonly #jwk: Readonly<Record<string, string>>
  #directory: Fields = {}
  #account = ''
  #nonce = ''

  constructor(options: AcmeOptions) {
    this.#options = options
    const { crv, kty, x, y } = createPublicKey(options.accountKey).export({ format: 'jwk' })
    // In the order of RFC 7638, which hashes it.
    this.#jwk = { crv: String(crv), kty: String(kty), x: String(x), y: String(y) }
  }

  /** The certificate and its chain, PEM. Throws `acme/failed`. */
  async certificate({ domain, key, proof }: AcmeOrder): Promise<string> {
    await this.#signIn()
    const asked = await this.#post(this.#at('newOrder'), { identifiers: [{ type: 'dns', value: domain }] }, 'newOrder')
    const order = asked.headers.get('location') ?? ''
    const { authorizations, finalize } = fieldsOf(asked.text, 'newOrder')
    for (const url of textsOf(authorizations)) await this.#prove(url, proof)
    await this.#poll(order, ['ready', 'valid'], 'order')
    const csr = certificateRequest(domain, key).toString('base64url')
    await this.#post(String(finalize), { csr }, 'finalize')
    const { certificate } = await this.#poll(order, ['valid'], 'order')
    return (await this.#post(String(certificate), undefined, 'certificate')).text
  }

  async #signIn(): Promise<void> {
    const { directoryUrl, email } = this.#options
    this.#directory = fieldsOf((await this.#fetch(directoryUrl, { method: 'GET' }, 'directory')).text, 'directory')
    const { headers } = await this.#fetch(this.#at('newNonce'), { method: 'HEAD' }, 'newNonce')
    this.#nonce = headers.get('replay-nonce') ?? ''
    const contact = email === undefined ? {} : { contact: [`mailto:${email}`] }
    const account = { termsOfServiceAgreed: true, ...contact }
    this.#account = (await this.#post(this.#at('newAccount'), account, 'newAccount')).headers.get('location') ?? ''
  }

  /** Proves that the name is ours, unless the authority still knows. */
  async #prove(url: string, proof: Proof): Promise<void> {
    const { status, challenges } = fieldsOf((await this.#post(url, undefined, 'authorization')).text, 'authorization')
    if (status === 'valid') return
    const all = Array.isArray(challenges) ? (challenges as readonly Fields[]) : []
    const challenge = all.find(({ type }) => type === proof.type)
    const token = String(challenge?.token)
    // It becomes part of a path that we serve, and of a hash.
    if (challenge === undefined || !/^[\w-]{16,256}$/.test(token))
      throw failed('authorization', `it offers no ${proof.type.toUpperCase()}`)
    await proof.show(token, `${token}.${this.#thumbprint()}`)
    await this.#post(String(challenge.url), {}, 'challenge')
    await this.#poll(url, ['valid'], 'authorization')
  }

  async #poll(url: string, wanted: readonly string[], step: string): Promise<Fields> {
    const { signal, pollInterval: wait = pollInterval } = this.#options
    for (let looks = 0; looks < mostPolls; looks++) {
      const fields = fieldsOf((await this.#post(url, undefined, step)).text, step)
      if (wanted.includes(String(fields.status))) return fields
      if (fields.status === 'invalid') throw failed(step, whyInvalid(fields))
      await delay(wait, undefined, { signal })
    }
    throw failed(step, 'it takes too long')
  }

  #thumbprint(): string {
    return createHash('sha256').update(JSON.stringify(this.#jwk)).digest('base64url')
  }

  #at(resource: string): string {
    return String(this.#directory[resource])
  }

  /** A signed request; without a payload it only asks. */
  async #post(url: string, payload: object | undefined, step: string): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const headers = { 'content-type': 'application/jose+json' }
      try {
        return await this.#fetch(url, { method: 'POST', headers, body: this.#signed(url, payload) }, step)
      } catch (error) {
        if (tries === mostNonces || !messageOf(error).includes('badNonce')) throw error
      }
    }
  }

  #signed(url: string, payload: object | undefined): string {
    const who = this.#account === '' ? { jwk: this.#jwk } : { kid: this.#account }
    const header = base64url({ alg: 'ES256', nonce: this.#nonce, url, ...who })
    const body = payload === undefined ? '' : base64url(payload)
    const key = { key: this.#options.accountKey, dsaEncoding: 'ieee-p1363' } as const
    const signature = sign('sha256', Buffer.from(`${header}.${body}`), key).toString('base64url')
    return JSON.stringify({ protected: header, payload: body, signature })
  }

  /** The authority says where to go on: at itself, or by https. Its word opens no other server of this machine. */
  #follows(url: string): boolean {
    if (!URL.canParse(url)) return false
    const { protocol, origin } = new URL(url)
    return protocol === 'https:' || origin === new URL(this.#options.directoryUrl).origin
  }

  async #fetch(url: string, init: RequestInit, step: string): Promise<Answer> {
    try {
      if (!this.#follows(url)) throw new Error('it leads to a URL that is neither its own nor https')
      const answer = await ask(url, { ...init, signal: this.#options.signal, timeout: requestTimeout })
      this.#nonce = answer.headers.get('replay-nonce') ?? this.#nonce
      if (answer.status < 200 || answer.status > 299) throw new Error(problemIn(answer.text, answer.status))
      return answer
    } catch (error) {
      throw failed(step, messageOf(error))
    }
  }
}

/** An error of the authority's (RFC 7807), in one short line. */
function problemIn(text: string, status: number): string {
  try {
    const { type, detail } = JSON.parse(text)
    return oneLine(`${String(type).replace('urn:ietf:params:acme:error:', '')}: ${detail}`)
  } catch {
    return `status ${status}`
  }
}

function whyInvalid({ challenges, error }: Fields): string {
  const all = Array.isArray(challenges) ? (challenges as readonly Fields[]) : []
  const found = (all.find((challenge) => challenge.error !== undefined)?.error ?? error) as Fields | undefined
  return oneLine(`it says invalid: ${found?.detail ?? 'no reason'}`)
}

function fieldsOf(text: string, step: string): Fields {
  try {
    const fields: unknown = JSON.parse(text)
    if (typeof fields === 'object' && fields !== null) return fields as Fields
  } catch {
    // Said below.
  }
  throw failed(step, 'its answer is no JSON object')
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.slice(0, 10).map(String) : []
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function failed(step: string, why: string): WaypostError {
  return new WaypostError('acme/failed', { step, why })
}
