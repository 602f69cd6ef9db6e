/** TLS to a real server, with certificates made for the run: who gets a connection, who does not, and in which words. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { postgresArchive } from '../../../src/archive/postgres/postgres.ts'
import { messageOf } from '../../../src/core/errors.ts'
import { Authority } from '../../kit/authority.ts'
import { daemon } from '../../kit/daemon.ts'
import { type PostgresServer, password, postgres } from '../../kit/postgres.ts'
import { needs } from '../../kit/tools.ts'
import { freshSchema } from './kit.ts'

const secrets = [password, encodeURIComponent(password)]

/** The server's address with `words` behind it; its certificate is for `localhost`. */
function urlOf({ url }: PostgresServer, words: string, host = 'localhost'): string {
  return `${url.replace('127.0.0.1', host)}?${words}`
}

/** Opens an archive, and tells what its connections are like, or why there is none. */
async function outcome(server: PostgresServer, url: string): Promise<string> {
  const archive = postgresArchive({ url, connections: 2, schema: freshSchema() })
  try {
    await archive.recover()
    const [row] = await server.sql(
      `select bool_and(s.ssl) as all, bool_or(s.ssl) as some from pg_stat_activity a join pg_stat_ssl s using (pid)
       where a.application_name like 'waypost%'`,
    )
    return row?.all === true ? 'encrypted' : row?.some === false ? 'plain' : 'mixed'
  } catch (error) {
    return messageOf(error)
  } finally {
    await archive.close()
  }
}

/** Closes all connections of the archive. */
async function throwOut(server: PostgresServer): Promise<void> {
  await server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'waypost%'`)
}

const stranger = /^the certificate of the database is not of an authority that is trusted: /
const otherHost = /^the certificate of the database is for another host: .*127\.0\.0\.1/
const noTls = /^the database has no TLS, and sslmode demands it$/

interface Case {
  readonly words: string
  readonly host?: string
  readonly is: string | RegExp
}

async function holds(t: Test, server: PostgresServer, cases: readonly Case[]): Promise<void> {
  for (const { words, host, is } of cases) {
    const told = await outcome(server, urlOf(server, words, host))
    const name = `${words || 'nothing said'} of ${host ?? 'localhost'}: ${told}`
    t.ok(typeof is === 'string' ? told === is : is.test(told), name)
    for (const secret of secrets) t.notOk(told.includes(secret))
  }
}

const [program, openssl] = [needs(t, 'postgres'), needs(t, 'openssl')]
if (program !== undefined && openssl !== undefined) {
  const folder = t.testdir({ ours: {}, theirs: {} })
  const [ours, theirs] = [new Authority(path.join(folder, 'ours')), new Authority(path.join(folder, 'theirs'))]
  const tls = ours.issue({ name: 'localhost', days: 2 })
  const client = ours.issue({ name: 'waypost', days: 2 })
  const identity = `sslcert=${client.certificateFile}&sslkey=${client.keyFile}`
  const server = await postgres(t, program, { tls })
  const root = `sslrootcert=${ours.file}`
  const wrongRoot = `sslrootcert=${theirs.file}`

  t.test('a server with TLS is met as sslmode says, and as libpq would', (t) =>
    holds(t, server, [
      { words: '', is: 'encrypted' },
      { words: 'sslmode=disable', is: 'plain' },
      { words: 'sslmode=prefer', is: 'encrypted' },
      { words: 'sslmode=require', is: 'encrypted' },
      { words: `sslmode=require&${root}`, is: 'encrypted' },
      { words: `sslmode=require&${wrongRoot}`, is: stranger },
      { words: `sslmode=verify-ca&${root}`, is: 'encrypted' },
      { words: `sslmode=verify-ca&${root}`, host: '127.0.0.1', is: 'encrypted' },
      { words: `sslmode=verify-ca&${wrongRoot}`, is: stranger },
      { words: `sslmode=verify-full&${root}`, is: 'encrypted' },
      { words: `sslmode=verify-full&${root}`, host: '127.0.0.1', is: otherHost },
      { words: `sslmode=verify-full&${wrongRoot}`, is: stranger },
      { words: 'sslmode=verify-full', is: stranger },
      { words: 'sslmode=verify-full&sslrootcert=system', is: stranger },
    ]),
  )

  t.test('a certificate that has ended is refused where it is looked at', async (t) => {
    const old = await postgres(t, program, { tls: ours.issue({ name: 'localhost', days: -1 }) })
    await holds(t, old, [
      { words: 'sslmode=require', is: 'encrypted' },
      { words: `sslmode=verify-full&${root}`, is: /^the certificate of the database does not hold now: .*expired/ },
    ])
  })

  t.test('a server without TLS is refused by those who demand it', async (t) => {
    const plain = await postgres(t, program)
    await holds(t, plain, [
      { words: '', is: 'plain' },
      { words: 'sslmode=disable', is: 'plain' },
      { words: 'sslmode=prefer', is: 'plain' },
      { words: 'sslmode=require', is: noTls },
      { words: `sslmode=verify-ca&${root}`, is: noTls },
      { words: `sslmode=verify-full&${root}`, is: noTls },
      { words: 'sslmode=require', host: encodeURIComponent(plain.place.folder), is: 'plain' },
    ])
  })

  t.test('with prefer, the server has the word', async (t) => {
    const account = 'all waypost 127.0.0.1/32 scram-sha-256'
    const forced = await postgres(t, program, { tls, access: [`hostssl ${account}`] })
    const url = urlOf(forced, 'sslmode=disable')
    t.match(await outcome(forced, url).catch(messageOf), /pg_hba\.conf.*no encryption/)
    const banned = await postgres(t, program, { tls, access: [`hostnossl ${account}`] })
    t.equal(await outcome(banned, urlOf(banned, 'sslmode=prefer')), 'plain')
    t.match(await outcome(banned, urlOf(banned, 'sslmode=require')), /pg_hba\.conf.*SSL encryption/)
  })

  t.test('a server that asks clients for a certificate gets that of the URL', async (t) => {
    const access = [
      'hostssl all waypost 127.0.0.1/32 scram-sha-256 clientcert=verify-ca',
      'hostnossl all waypost 127.0.0.1/32 scram-sha-256',
    ]
    const asking = await postgres(t, program, { tls, clientAuthority: ours.file, access })
    await holds(t, asking, [
      { words: `sslmode=verify-full&${root}&${identity}`, is: 'encrypted' },
      { words: `sslmode=require&${identity}`, is: 'encrypted' },
      { words: `sslmode=verify-full&${root}`, is: /client certificate/ },
    ])
  })

  t.test('another root certificate in the same file holds for the next connection', async (t) => {
    const folder = t.testdir({})
    const file = path.join(folder, 'root.pem')
    const swap = (content: string) => {
      writeFileSync(`${file}.new`, content)
      renameSync(`${file}.new`, file)
    }
    swap(readFileSync(ours.file, 'utf8'))
    const url = urlOf(server, `sslmode=verify-full&sslrootcert=${file}`)
    const archive = postgresArchive({ url, connections: 2, schema: freshSchema() })
    t.teardown(() => archive.close())
    const again = async () => {
      await throwOut(server)
      return await archive.recover().then(() => 'open', messageOf)
    }
    t.equal(await again(), 'open')
    swap(readFileSync(theirs.file, 'utf8'))
    t.match(await again(), stranger)
    swap('being written')
    t.match(await again(), stranger, 'what cannot be read changes nothing')
    swap(readFileSync(ours.file, 'utf8'))
    t.equal(await again(), 'open')
  })

  t.test('words that mean nothing, or less than they seem to, are refused at once', async (t) => {
    const refused = [
      ['sslmode=verify', /sslmode is one of disable, prefer, require, verify-ca, verify-full$/],
      ['sslmode=constructor', /sslmode is one of/],
      ['sslmode=verify-ca', /verify-ca needs sslrootcert/],
      ['sslmode=verify-ca&sslrootcert=system', /system needs sslmode=verify-full/],
      [`sslcert=${client.certificateFile}`, /sslcert and sslkey go together/],
      ['ssl=true', /ssl is not among what it may say of TLS/],
      ['sslcrl=x.pem', /sslcrl is not among/],
      ['sslnegotiation=direct', /sslnegotiation is not among/],
      ['channel_binding=require', /channel_binding is not among/],
      ['sslmode=verify-full&sslrootcert=/no/such.pem', /\/no\/such\.pem cannot be read: ENOENT/],
      [`sslmode=verify-full&sslrootcert=${import.meta.filename}`, /holds no certificate/],
      [`sslcert=${client.certificateFile}&sslkey=${tls.keyFile}`, /cannot be used: .*key/i],
    ] as const
    for (const [words, why] of refused) {
      const error = t.throws(() => postgresArchive({ url: urlOf(server, words) }), { code: 'archive/bad-database-url' })
      t.match(messageOf(error), why, words)
      for (const secret of secrets) t.notOk(messageOf(error).includes(secret))
    }
  })

  t.test('a node says why its database is away, and never its password', async (t) => {
    const url = urlOf(server, `sslmode=verify-full&${wrongRoot}`)
    const node = await daemon(t, { env: { WAYPOST_STORE_MESSAGE_DB_URL: url } })
    const line = await node.line(({ msg }) => msg === 'database away, messages go to the spool')
    t.match(line.why, stranger)
    const health = await (await fetch(`${node.restUrl}/health`)).text()
    t.match(health, 'not of an authority that is trusted')
    for (const secret of secrets) t.notOk((JSON.stringify(node.lines) + health).includes(secret))
  })
}
