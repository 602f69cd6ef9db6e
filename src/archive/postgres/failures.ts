/** What an error of the database, or of the way to it, means. */
import { messageOf } from '../../core/errors.ts'

/** Classes of SQLSTATE in which the database refuses what it was given: sent again, it is refused again. */
const refusing = ['22', '23']

/** A row lies in no partition. It is one of class 23, and mended by making the partition. */
const noPartition = '23514'

/** A statement was cancelled: by its time limit, or on a replica that had to apply a change. */
const cancelled = ['57014', '40001']

/** A table is not there: on a replica that is behind. */
const missing = ['42P01', '3F000']

/** The server wants TLS on this connection, or will not have it, by its pg_hba.conf. */
const notAdmitted = '28000'

/** What the driver says of a server that answers no to TLS. */
const noTls = 'The server does not support SSL connections'

/** The SQLSTATE of what was thrown, if the database said one. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** True when the database took offence at the data itself: no retry helps. All else is the database's own trouble. */
export function isRefusal(error: unknown): boolean {
  const state = sqlState(error)
  return state !== undefined && state !== noPartition && refusing.includes(state.slice(0, 2))
}

export function isNoPartition(error: unknown): boolean {
  return sqlState(error) === noPartition
}

/** True when a replica could not answer what the primary may. A slow statement is not asked a second time. */
export function isReplicaTrouble(error: unknown): boolean {
  const state = sqlState(error)
  if (state === undefined || missing.includes(state) || state === cancelled[1]) return true
  return state !== cancelled[0] && !isRefusal(error)
}

/** True when the server speaks no TLS, or not with us. */
export function isTlsMissing(error: unknown): boolean {
  return sqlState(error) === notAdmitted || (error instanceof Error && error.message === noTls)
}

export function isUnencryptedRefused(error: unknown): boolean {
  return sqlState(error) === notAdmitted
}

/** What Node says of a certificate, and what that is for the operator of a database. */
const tlsTroubles: readonly (readonly [codes: RegExp, says: string])[] = [
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'the certificate of the database is for another host'],
  [/^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/, 'the certificate of the database does not hold now'],
  [
    /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/,
    'the certificate of the database is not of an authority that is trusted',
  ],
]

/** An error with a text: Node wraps the attempts at several addresses of one host into one without. */
export function told(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  if (error.message === noTls) return new Error('the database has no TLS, and sslmode demands it', { cause: error })
  if (error instanceof AggregateError && error.message === '')
    return new Error(messageOf(error.errors[0]), { cause: error })
  const code = 'code' in error ? String(error.code) : ''
  const trouble = tlsTroubles.find(([codes]) => codes.test(code))
  return trouble === undefined ? error : new Error(`${trouble[1]}: ${error.message}`, { cause: error })
}
