/**
 * TLS to PostgreSQL, asked for in the URL in the words of libpq: `sslmode`, `sslrootcert`, `sslcert`, `sslkey`. They mean
 * what they mean there, which is not what the driver makes of them. (PostgreSQL manual, 34.19 SSL Support)
 *
 * Without `sslmode` it is `prefer`, as in libpq: with TLS where the server has it, unverified.
 */
import { readFileSync } from 'node:fs'
import { type ConnectionOptions, createSecureContext, getCACertificates } from 'node:tls'
import { messageOf, systemCode, WaypostError } from '../../core/errors.ts'
import { isTlsMissing, isUnencryptedRefused } from './failures.ts'

/** What a mode asks of the server. */
interface Mode {
  /** Speaks TLS; `if possible` goes without where the server will not. */
  readonly encrypts: boolean | 'if possible'
  /** What of its certificate is checked: who signed it, and whose it is. With a root certificate `require` checks too. */
  readonly verifies: 'nothing' | 'signer, given one' | 'signer' | 'signer and host'
}

const modes: Readonly<Record<string, Mode>> = {
  disable: { encrypts: false, verifies: 'nothing' },
  prefer: { encrypts: 'if possible', verifies: 'nothing' },
  require: { encrypts: true, verifies: 'signer, given one' },
  'verify-ca': { encrypts: true, verifies: 'signer' },
  'verify-full': { encrypts: true, verifies: 'signer and host' },
}

const defaultMode = 'prefer'

/** The root certificates of the system, in libpq's words. Only with a host to check they say anything. */
const systemRoots = 'system'

const parameters = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'] as const

type Words = Partial<Record<(typeof parameters)[number], string>>

/** Words of libpq and of drivers that ask for safety that there is not here: none of them is passed over in silence. */
const unknownSafety = /^(?:ssl|gssencmode|channel_binding|require_auth)/

/** How a pool connects: the URL without its words on TLS, and what they mean. Throws `archive/bad-database-url`. */
export function tlsOf(url: string): { readonly url: string; readonly encryption: Encryption } {
  const bare = new URL(url)
  const words: Words = {}
  for (const name of parameters) {
    words[name] = bare.searchParams.get(name) ?? undefined
    bare.searchParams.delete(name)
  }
  const unknown = [...bare.searchParams.keys()].find((name) => unknownSafety.test(name))
  if (unknown !== undefined) throw unusable(`${unknown} is not among what it may say of TLS: ${parameters.join(', ')}`)
  return { url: bare.href, encryption: new Encryption(words, isSocket(bare)) }
}

/** The files that a URL names, of one host or several; the roots of the system are none. */
export type TlsFiles = Pick<Words, 'sslrootcert' | 'sslcert' | 'sslkey'>

export function tlsFilesOf(url: string): TlsFiles {
  const asked = new URLSearchParams(/\?([^#]*)/.exec(url)?.[1])
  const [sslrootcert, sslcert, sslkey] = ['sslrootcert', 'sslcert', 'sslkey'].map(
    (name) => asked.get(name) ?? undefined,
  )
  return { sslcert, sslkey, sslrootcert: sslrootcert === systemRoots ? undefined : sslrootcert }
}

/** As libpq has it, TLS is for the network alone. */
function isSocket({ hostname, searchParams }: URL): boolean {
  return /^(?:\/|%2f)/i.test(searchParams.get('host') ?? hostname)
}

/** What the next connection of a pool speaks. */
export class Encryption {
  readonly #words: Words
  readonly #mode: Mode
  #options: ConnectionOptions = {}
  /** Where TLS is but preferred: what the server took last. */
  #plain: boolean

  /** Use `tlsOf`. */
  constructor(words: Words, isSocket: boolean) {
    this.#words = words
    this.#mode = modeOf(words, isSocket)
    this.#plain = this.#mode.encrypts === false
    if (!this.#plain) this.#options = read(words, this.#mode)
  }

  /** For the driver. The files are read anew, since certificates end; as long as they cannot be, what they held holds. */
  get options(): ConnectionOptions | false {
    if (this.#plain) return false
    try {
      this.#options = read(this.#words, this.#mode)
    } catch {
      // They are being replaced.
    }
    return { ...this.#options }
  }

  /** True while connections go without TLS. */
  get isPlain(): boolean {
    return this.#plain
  }

  /** True when a connection that failed with `error`, plain or not, is to be tried once more, the other way. */
  turns(error: unknown, wasPlain: boolean): boolean {
    if (this.#mode.encrypts !== 'if possible') return false
    if (!(wasPlain ? isUnencryptedRefused(error) : isTlsMissing(error))) return false
    this.#plain = !wasPlain
    return true
  }
}

function modeOf({ sslmode = defaultMode, sslrootcert, sslcert, sslkey }: Words, isSocket: boolean): Mode {
  const mode = Object.hasOwn(modes, sslmode) ? modes[sslmode] : undefined
  if (mode === undefined) throw unusable(`sslmode is one of ${Object.keys(modes).join(', ')}`)
  if ((sslcert === undefined) !== (sslkey === undefined)) throw unusable('sslcert and sslkey go together')
  if (mode.verifies === 'signer' && sslrootcert === undefined)
    throw unusable(
      'sslmode=verify-ca needs sslrootcert=<file>: among all who are signed by a public authority is anybody',
    )
  if (sslrootcert === systemRoots && mode.verifies !== 'signer and host')
    throw unusable('sslrootcert=system needs sslmode=verify-full: a public authority signs for anybody')
  return isSocket ? { encrypts: false, verifies: 'nothing' } : mode
}

/** Reads what the words name. Throws `archive/bad-database-url`. */
function read({ sslrootcert, sslcert, sslkey }: Words, { verifies }: Mode): ConnectionOptions {
  const identity = sslcert === undefined || sslkey === undefined ? {} : { cert: text(sslcert), key: text(sslkey) }
  usable(`${sslcert} and ${sslkey}`, identity)
  const isVerified = verifies.startsWith('signer') && (sslrootcert !== undefined || verifies === 'signer and host')
  if (!isVerified) return { ...identity, rejectUnauthorized: false }
  const ca = sslrootcert === undefined ? undefined : rootsIn(sslrootcert)
  return {
    ...identity,
    ...(ca && { ca }),
    rejectUnauthorized: true,
    ...(verifies !== 'signer and host' && { checkServerIdentity: () => undefined }),
  }
}

function rootsIn(file: string): string | string[] {
  if (file === systemRoots) return getCACertificates('system')
  const ca = text(file)
  // OpenSSL passes over a file that holds no certificate, and then trusts nobody without saying why.
  if (!ca.includes('-----BEGIN')) throw unusable(`${file} holds no certificate`)
  usable(file, { ca })
  return ca
}

/** Throws when OpenSSL cannot use it. */
function usable(what: string, options: ConnectionOptions): void {
  try {
    createSecureContext(options)
  } catch (error) {
    // Without a cause: OpenSSL's errors are known to quote what they could not parse.
    throw unusable(`${what} cannot be used: ${messageOf(error)}`)
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw unusable(`${file} cannot be read: ${systemCode(error)}`)
  }
}

function unusable(why: string): WaypostError {
  return new WaypostError('archive/bad-database-url', { why })
}
