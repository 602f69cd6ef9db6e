/**
 * The servers that an address names, tried in order as libpq does: the next one where a server does not answer, is not
 * ready, or is not what `target_session_attrs` asks for. One that refuses us, by its password say, ends the attempt.
 *
 * New connections begin with the server that was good last, so that one that is gone does not cost each of them its time.
 */
import type pg from 'pg'
import { messageOf, WaypostError } from '../../core/errors.ts'
import { parseDatabaseUrl, type SessionAttributes } from '../../core/postgres-url.ts'
import { sqlState, told } from './failures.ts'
import { type Encryption, tlsOf } from './tls.ts'

/** A server, and what it has to be. */
export interface Candidate {
  readonly url: string
  readonly encryption: Encryption
  /** For people: host and port. */
  readonly name: string
  readonly wanted: Exclude<SessionAttributes, 'prefer-standby'>
  /** Taken where nothing better is to be had: the next connection looks for that again. */
  readonly isMakeshift: boolean
}

/** A server that starts, stops or recovers. */
const notReady = '57P03'

/** What the driver's pool says when it is at fault, and no server. */
const ofThePool = ['timeout exceeded when trying to connect', 'Cannot use a pool after calling end on the pool']

interface Session {
  readonly isStandby: boolean
  readonly isReadOnly: boolean
}

/** What a session has to be, and what it is called that is not. */
const checks: Readonly<Record<Candidate['wanted'], { is(session: Session): boolean; readonly otherwise: string }>> = {
  any: { is: () => true, otherwise: '' },
  'read-write': { is: ({ isStandby, isReadOnly }) => !isStandby && !isReadOnly, otherwise: 'it takes no writes' },
  'read-only': { is: ({ isStandby, isReadOnly }) => isStandby || isReadOnly, otherwise: 'it takes writes' },
  primary: { is: ({ isStandby }) => !isStandby, otherwise: 'it is a standby' },
  standby: { is: ({ isStandby }) => isStandby, otherwise: 'it is a primary' },
}

/** A server that is well, and not the one that is looked for. */
class OtherServer extends Error {}

export class Servers {
  readonly candidates: readonly Candidate[]
  #at = 0

  /** Throws `archive/bad-database-url`. */
  constructor(url: string) {
    const read = parseDatabaseUrl(url)
    if ('problem' in read) throw new WaypostError('archive/bad-database-url', { why: read.problem })
    const places = read.urls.map((one) => ({ ...tlsOf(one), name: new URL(one).host }))
    const candidates = (wanted: Candidate['wanted'], isMakeshift = false) =>
      places.map((place) => ({ ...place, wanted, isMakeshift }))
    this.candidates =
      read.wanted === 'prefer-standby'
        ? [...candidates('standby'), ...candidates('any', true)]
        : candidates(read.wanted)
  }

  /** Where the next connection goes. */
  get next(): Candidate {
    // There is one at least.
    return this.candidates[this.#at]!
  }

  /** To be told of each connection: throws when the server is not what it has to be. */
  async check(client: pg.ClientBase, { wanted }: Candidate): Promise<void> {
    const { is, otherwise } = checks[wanted]
    if (wanted !== 'any' && !is(await sessionOf(client)))
      throw new OtherServer(`${otherwise}, and target_session_attrs is ${wanted}`)
  }

  /** The first of an attempt: the one that was good last, unless that was a makeshift. */
  begin(): Candidate {
    if (this.next.isMakeshift) this.#at = 0
    return this.next
  }

  /** New connections go to the next that is not among `failed`, which are not all. */
  leave(failed: ReadonlyMap<Candidate, unknown>): void {
    while (failed.has(this.next)) this.#at = (this.#at + 1) % this.candidates.length
  }
}

async function sessionOf(client: pg.ClientBase): Promise<Session> {
  const { rows } = await client.query<{ standby: boolean; mode: string }>(
    `select pg_is_in_recovery() as standby, current_setting('transaction_read_only') as mode`,
  )
  return { isStandby: rows[0]?.standby === true, isReadOnly: rows[0]?.mode === 'on' }
}

/** What is tried until there is a connection. */
export class Attempt {
  readonly #servers: Servers
  readonly #failed = new Map<Candidate, string>()
  readonly #turned = new Set<Encryption>()
  #candidate: Candidate
  #wasPlain: boolean

  constructor(servers: Servers) {
    this.#servers = servers
    this.#candidate = servers.begin()
    this.#wasPlain = this.#candidate.encryption.isPlain
  }

  /** After `error`: true when another try is worth it, which begins now. */
  goesOn(error: unknown): boolean {
    if (!this.#turns(error) && !this.#leaves(error)) return false
    this.#candidate = this.#servers.next
    this.#wasPlain = this.#candidate.encryption.isPlain
    return true
  }

  /** What the last error comes to; of several servers, what became of each. */
  told(error: unknown): unknown {
    if (this.#failed.size < 2) return told(error)
    const each = Array.from(this.#failed, ([{ name }, why]) => `${name}: ${why}`)
    return new Error(`no server is to be had (${[...new Set(each)].join('; ')})`, { cause: error })
  }

  /** The same server once more, with TLS or without. */
  #turns(error: unknown): boolean {
    const { encryption } = this.#candidate
    if (this.#turned.has(encryption) || !encryption.turns(error, this.#wasPlain)) return false
    this.#turned.add(encryption)
    return true
  }

  #leaves(error: unknown): boolean {
    const state = sqlState(error)
    if ((state !== undefined && state !== notReady) || ofThePool.includes(messageOf(error))) return false
    this.#failed.set(this.#candidate, messageOf(told(error)))
    if (this.#failed.size === this.#servers.candidates.length) return false
    this.#servers.leave(this.#failed)
    return true
  }
}
