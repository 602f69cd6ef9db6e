/**
 * The address of a PostgreSQL as libpq reads it: `postgres://user:password@host:port,host:port/database?...`, of one host
 * or of several that are tried in order. (PostgreSQL manual, 34.1.1 Connection Strings) Pure; what it says of a bad
 * one quotes nothing of it, since a password may stand anywhere in such a one.
 */

/** What a connection may be used for, in libpq's words. */
export const sessionAttributes = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const

export type SessionAttributes = (typeof sessionAttributes)[number]

export interface DatabaseServers {
  /** One of each host, without `target_session_attrs`. */
  readonly urls: readonly string[]
  readonly wanted: SessionAttributes
}

export interface BadDatabaseUrl {
  readonly problem: string
}

const form = 'postgres://<user>:<password>@<host>:<port>/<database>'
const misformed: BadDatabaseUrl = { problem: `not of the form ${form}` }

/** Scheme, user and password, hosts, database, and what is asked for beside. An @ in the database is the end of a password. */
const parts = /^(postgres(?:ql)?:\/\/)((?:[^/?#]*@)?)([^@/?#]*)(\/[^?#@]*)(?:\?([^#]*))?$/i

/** A name or an address, IPv6 in brackets, and a port. */
const hostAndPort = /^(\[[\da-f:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/i

/** libpq's, as PostgreSQL's. */
const defaultPort = '5432'

export function parseDatabaseUrl(text: string): DatabaseServers | BadDatabaseUrl {
  const [, scheme = '', user = '', hosts = '', database = '', query = ''] = parts.exec(text.trim()) ?? []
  const asked = new URLSearchParams(query)
  const wanted = asked.get('target_session_attrs') ?? 'any'
  asked.delete('target_session_attrs')
  if (!isSessionAttributes(wanted)) return { problem: `target_session_attrs is one of ${sessionAttributes.join(', ')}` }
  const places = hosts.includes(',') ? placesOf(hosts.split(','), asked) : [hosts]
  if ('problem' in places) return places
  const rest = asked.size === 0 ? '' : `?${asked}`
  const urls = places.flatMap((place) => {
    const url = URL.parse(`${scheme}${user}${place}${database}${rest}`)
    return url?.hostname && url.pathname.length > 1 ? [url.href] : []
  })
  return urls.length === places.length ? { urls, wanted } : misformed
}

function isSessionAttributes(text: string): text is SessionAttributes {
  return (sessionAttributes as readonly string[]).includes(text)
}

/** Each host with its port; takes the parameter `port` out of `asked`, which has one for each or one for all. */
function placesOf(hosts: readonly string[], asked: URLSearchParams): readonly string[] | BadDatabaseUrl {
  if (asked.has('host')) return { problem: 'it names its hosts twice, before the database and as ?host=' }
  const ports = asked.get('port')?.split(',') ?? []
  asked.delete('port')
  if (ports.length > 1 && ports.length !== hosts.length)
    return { problem: `it has ${ports.length} ports for ${hosts.length} hosts; give one for each, or one for all` }
  const places = hosts.map((host, index) => placeOf(host, ports[index] ?? ports[0]))
  const bad = places.indexOf(undefined)
  if (bad !== -1) return { problem: `of its ${hosts.length} hosts, number ${bad + 1} is not of the form <host>:<port>` }
  return places.map(String)
}

/** Undefined when it is none. */
function placeOf(text: string, given: string | undefined): string | undefined {
  const [, host, own = defaultPort] = hostAndPort.exec(text) ?? []
  const port = given ?? own
  const isPort = /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535
  return host !== undefined && isPort ? `${host}:${port}` : undefined
}

/** The name of the database in a good one. */
export function databaseIn(text: string): string {
  return parts.exec(text)?.[4]?.slice(1) ?? ''
}

/** A good one for eyes: without its password, and without what is asked for beside. */
export function shownDatabaseUrl(text: string): string {
  const [, scheme = '', user = '', hosts = '', database = ''] = parts.exec(text) ?? []
  return `${scheme}${user.replace(/:.*@$/s, ':hidden@')}${hosts}${database}`
}
