/**
 * Who may ask for what (`--rest-auth`). In `auto`, a client on this machine or on a private network needs no token; one
 * from elsewhere does, and so does one that a proxy forwards, since nobody knows where it is. A browser's page of
 * another site comes from elsewhere too, though the browser stands here. Admin from elsewhere needs the token always.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { type BodyAnswer, text } from './answer.ts'
import type { Access } from './route.ts'

export type AuthMode = 'auto' | 'token' | 'none'

export interface AccessOptions {
  readonly mode: AuthMode
  readonly token: string
  /** True for an address of this machine or of a private network. */
  readonly isNear: (address: string) => boolean
}

/** Where a request comes from, as far as its socket and headers tell. */
export interface Caller {
  readonly address: string
  readonly headers: IncomingHttpHeaders
  /** The page that sends it belongs to an origin that may (CORS). */
  readonly originAllowed: boolean
}

export class AccessControl {
  readonly #options: AccessOptions

  constructor(options: AccessOptions) {
    this.#options = options
  }

  /** Undefined when the caller may ask, else what it is told. */
  refuse(access: Access, caller: Caller): BodyAnswer | undefined {
    if (!this.#needsToken(access, caller) || this.#hasToken(caller.headers)) return undefined
    return text(
      401,
      'This needs the token of the node: Authorization: Bearer <token> (see --rest-auth and --rest-token-file)',
    )
  }

  #needsToken(access: Access, caller: Caller): boolean {
    const { mode } = this.#options
    if (access === 'open') return false
    if (mode === 'token') return true
    const near = this.#isNear(access, caller)
    return access === 'admin' || mode === 'auto' ? !near : false
  }

  /** An origin on the list may do what scripts do, but administer nothing: the list may be `*`. */
  #isNear(access: Access, { address, headers, originAllowed }: Caller): boolean {
    if (!this.#options.isNear(address) || isForwarded(headers) || !isLocalName(headers.host)) return false
    return isOwnPage(headers) || (originAllowed && access !== 'admin')
  }

  #hasToken({ authorization = '' }: IncomingHttpHeaders): boolean {
    const [, given = ''] = /^bearer +(\S+)$/i.exec(authorization) ?? []
    // Digests have one length, and tell nothing of how much is right.
    return timingSafeEqual(digest(given), digest(this.#options.token))
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function isForwarded(headers: IncomingHttpHeaders): boolean {
  return ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => headers[name] !== undefined)
}

/**
 * No page at all, or one that this server itself gave out. A browser names no origin for an image or a link, but it says
 * since 2020 whether what asks is of the same site.
 */
function isOwnPage({ origin, host, 'sec-fetch-site': site = 'none' }: IncomingHttpHeaders): boolean {
  if (site !== 'none' && site !== 'same-origin') return false
  return origin === undefined || origin === `http://${host}`
}

const privateSuffixes = ['.local', '.localhost', '.internal', '.lan', '.home.arpa']

/**
 * True for a host name that the public DNS cannot hold. A page that makes its own name point to us (DNS rebinding)
 * shows that name here.
 */
function isLocalName(host: string | undefined): boolean {
  if (host === undefined) return true
  const name = host
    .replace(/:\d*$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
  return isIP(name) !== 0 || !name.includes('.') || privateSuffixes.some((suffix) => name.endsWith(suffix))
}

/** For the line in the log that says who may ask. */
export function describeAccess(mode: AuthMode): string {
  return descriptions[mode]
}

const descriptions: Readonly<Record<AuthMode, string>> = {
  auto: 'without a token from loopback and private addresses, with it from elsewhere',
  token: 'with the token only',
  none: 'without a token; admin from elsewhere with it',
}
