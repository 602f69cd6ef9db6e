/** Addresses of PostgreSQL, as libpq reads them. */
import t from 'tap'
import { parseDatabaseUrl, shownDatabaseUrl } from '../../src/core/postgres-url.ts'

interface Case {
  readonly id: string
  readonly url: string
  readonly urls: readonly string[]
  readonly wanted?: string
}

const cases: readonly Case[] = [
  { id: 'one host', url: 'postgres://u:p@h:5433/db', urls: ['postgres://u:p@h:5433/db'] },
  {
    id: 'ports of their own',
    url: 'postgresql://u:p@h1:1,h2:2/db?target_session_attrs=read-write',
    urls: ['postgresql://u:p@h1:1/db', 'postgresql://u:p@h2:2/db'],
    wanted: 'read-write',
  },
  { id: 'no port', url: 'postgres://h1,h2:2/db', urls: ['postgres://h1:5432/db', 'postgres://h2:2/db'] },
  {
    id: 'one port for all',
    url: 'postgres://u@h1,h2/db?port=7&sslmode=require',
    urls: ['postgres://u@h1:7/db?sslmode=require', 'postgres://u@h2:7/db?sslmode=require'],
  },
  {
    id: 'ports beside',
    url: 'postgres://h1,h2/db?port=7,8&target_session_attrs=prefer-standby',
    urls: ['postgres://h1:7/db', 'postgres://h2:8/db'],
    wanted: 'prefer-standby',
  },
  {
    id: 'IPv6 and an @ in the password',
    url: 'postgres://u:p@x@[::1]:1,[fe80::2]/db',
    urls: ['postgres://u:p%40x@[::1]:1/db', 'postgres://u:p%40x@[fe80::2]:5432/db'],
  },
]

for (const { id, url, urls, wanted = 'any' } of cases)
  t.test(`an address with ${id} names its servers`, async (t) => {
    t.same(parseDatabaseUrl(url), { urls, wanted })
  })

const bad: Readonly<Record<string, RegExp>> = {
  'postgres://u:geheim@h1:1,h2:x/db': /of its 2 hosts, number 2 is not of the form <host>:<port>/,
  'postgres://u:geheim@h1:1,,h3/db': /of its 3 hosts, number 2/,
  'postgres://u:geheim@h1:1,h2:65536/db': /of its 2 hosts, number 2/,
  'postgres://u:geheim@h1:1,::1/db': /of its 2 hosts, number 2/,
  'postgres://u:geheim@h1,h2,h3/db?port=1,2': /2 ports for 3 hosts/,
  'postgres://u:geheim@h1,h2/db?port=geheim': /number 1/,
  'postgres://u:geheim@h1,h2/db?host=/geheim': /names its hosts twice/,
  'postgres://u:geheim@h1,h2/db?target_session_attrs=geheim': /target_session_attrs is one of any, read-write/,
  'postgres://u:geheim@h1,h2': /not of the form/,
  'postgres://u:geheim,x/y@h1,h2/db': /not of the form/,
  'postgres://u:1,geheim/y@h1,h2/db': /not of the form/,
}

t.test('a bad list is told without quoting it', async (t) => {
  for (const [url, problem] of Object.entries(bad)) {
    const read = parseDatabaseUrl(url)
    t.match(read, { problem }, url)
    t.notMatch(JSON.stringify(read), /geheim/)
  }
})

t.test('what is shown of an address has its hosts, and no password', async (t) => {
  t.equal(shownDatabaseUrl('postgres://u:a:b@c@h1:1,h2/db?password=x'), 'postgres://u:hidden@h1:1,h2/db')
  t.equal(shownDatabaseUrl('postgres://u@h1/db'), 'postgres://u@h1/db')
})
