/** doctor looks at a real PostgreSQL: its files, its schema, its replica, each with a fault made for real. */
import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { openPostgres } from '../../../src/archive/postgres/postgres.ts'
import { checkDatabaseFiles, checkDatabaseServer } from '../../../src/cli/doctor/database.ts'
import { Authority } from '../../kit/authority.ts'
import { waypost } from '../../kit/cli.ts'
import { freePort } from '../../kit/free-port.ts'
import { password, postgres, replicaOf } from '../../kit/postgres.ts'
import { needs } from '../../kit/tools.ts'
import { allWell, examined, trouble } from './kit.ts'

/** What a check gets of an archive at `url`. */
function looked(url: string, ...more: readonly string[]) {
  return examined(['--store', `--store-message-db-url=${url}`, ...more])
}

// Before the first test: what is set up here ends with the last.
const program = needs(t, 'postgres')
const primary = program === undefined ? undefined : await postgres(t, program)
const standby = primary && (await replicaOf(t, primary))

t.test('the files of an address are looked through: there, to be read, whose they are, until when', async (t) => {
  if (needs(t, 'openssl') === undefined) return
  const folder = t.testdir()
  const authority = new Authority(folder)
  const client = authority.issue({ name: 'waypost', days: 90 })
  const words = (files: Readonly<Record<string, string>>) => {
    const all = { sslrootcert: authority.file, sslcert: client.certificateFile, sslkey: client.keyFile, ...files }
    return looked(`postgres://u:geheim@a,b/waku?${new URLSearchParams({ sslmode: 'verify-full', ...all })}`)
  }
  chmodSync(client.keyFile, 0o600)
  await allWell(t, checkDatabaseFiles, words({}))
  t.same(await checkDatabaseFiles(looked('postgres://u:p@a/waku')), [], 'where there are none')
  t.same(
    await checkDatabaseFiles(words({ sslrootcert: 'system' })),
    await checkDatabaseFiles(words({})).then((all) => all.slice(1)),
  )

  const told = (files: Readonly<Record<string, string>>) => trouble(t, checkDatabaseFiles, words(files))
  t.match(await told({ sslrootcert: path.join(folder, 'absent') }), { level: 'fail', says: /sslrootcert: .*ENOENT/ })
  writeFileSync(path.join(folder, 'empty'), '')
  t.match(await told({ sslrootcert: path.join(folder, 'empty') }), { says: /holds no certificate/ })
  const late = authority.issue({ name: 'waypost', days: -1 })
  chmodSync(late.keyFile, 0o600)
  t.match(await told({ sslcert: late.certificateFile, sslkey: late.keyFile }), {
    level: 'fail',
    says: /sslcert: .*ended on/,
  })
  const soon = authority.issue({ name: 'waypost', days: 3 })
  chmodSync(soon.keyFile, 0o600)
  t.match(await told({ sslcert: soon.certificateFile, sslkey: soon.keyFile }), { level: 'warn', says: /days\)/ })
  t.match(await told({ sslkey: soon.keyFile }), { level: 'fail', says: /sslkey: .* does not belong to sslcert/ })
  writeFileSync(path.join(folder, 'geheim'), 'no key', { mode: 0o600 })
  t.match(await told({ sslkey: path.join(folder, 'geheim') }), {
    level: 'fail',
    says: /sslkey: .* holds no key that can/,
  })
  chmodSync(client.keyFile, 0o644)
  const { advice = '', says } = await told({})
  t.match(says, /sslkey: .* is open to other users \(mode 644\) \(--store-message-db-url\)/)
  execFileSync('sh', ['-c', advice])
  await allWell(t, checkDatabaseFiles, words({}))
})

if (primary !== undefined && standby !== undefined) {
  const replica = `--store-read-url=${standby.url}`

  const says = async (t: Test, ...[url, ...more]: Parameters<typeof looked>) => {
    const findings = await checkDatabaseServer(looked(url, ...more))
    t.notMatch(JSON.stringify(findings), new RegExp(`${password}|${encodeURIComponent(password)}`))
    return findings.map(({ level, says }) => `${level} ${says}`)
  }

  t.test('an empty database is told of, and left as it was', async (t) => {
    t.match(await says(t, primary.url), [
      /^ok PostgreSQL \d+\.\d+.* answers$/,
      'ok there is no archive in it yet; the first start makes one',
    ])
    t.same(await primary.sql(`select 1 from pg_namespace where nspname = 'waypost'`), [])
  })

  t.test('a user who may not make an archive is told of', async (t) => {
    await primary.sql(`create role guest login password 'geheim'`)
    const url = primary.url.replace(/waypost:[^@]*/, 'guest:geheim')
    t.match((await says(t, url)).at(-1), /^fail there is no archive in it, and this user may not make one/)
  })

  t.test('an archive is told of with its schema and its replica', async (t) => {
    const archive = await openPostgres({ url: primary.url })
    t.teardown(() => archive.close())
    t.match(await says(t, primary.url, replica), [
      /^ok PostgreSQL/,
      'ok there is an archive in it (schema 1)',
      /^ok the replica, PostgreSQL .*, answers$/,
      /^ok the replica (?:is not behind|was .* of log behind, and had it after)/,
    ])
    t.match((await says(t, primary.url, `--store-read-url=${primary.url}`)).at(-1), /^warn .*follows no primary/)
    t.match((await says(t, standby.url))[1], /^fail it takes no writes/)
  })

  t.test('a replica that does not go on is told of as behind', async (t) => {
    await standby.sql('select pg_wal_replay_pause()')
    await primary.sql('create table behind (number integer)')
    t.match(
      (await says(t, primary.url, replica, '--store-read-max-lag=0.2s')).at(-1),
      /^warn the replica was .* of log behind, and lacks it/,
    )
    await standby.sql('select pg_wal_replay_resume()')
    t.match((await says(t, primary.url, replica)).at(-1), /^ok the replica/)
  })

  t.test('an archive of a later release is told of', async (t) => {
    await primary.sql('update waypost.schema_version set version = 99')
    t.match((await says(t, primary.url)).at(-1), /^fail its archive is of a later release \(schema 99\)/)
    await primary.sql('update waypost.schema_version set version = 1')
  })

  t.test('a server that is away or refuses the password is told of without it', async (t) => {
    const absent = primary.url.replace(`:${primary.port}`, `:${await freePort()}`)
    t.match(await says(t, absent), [/^fail --store-message-db-url cannot be used: .*ECONNREFUSED/])
    t.match(await says(t, primary.url.replace(/waypost:[^@]*/, 'waypost:geheim')), [
      /^fail .*password authentication failed/,
    ])
    t.match((await says(t, primary.url, `--store-read-url=${absent}`)).at(-1), /^warn --store-read-url cannot be used/)
  })

  t.test('the program tells it in a row of its own, and shows no password', async (t) => {
    const flags = [`--data-dir=${t.testdir()}`, '--tcp-port=0', '--rest-port=0', '--store']
    const { code, stdout } = await waypost(t, ['doctor', ...flags, `--store-message-db-url=${primary.url}`])
    t.equal(code, 0, stdout)
    t.match(stdout, /^ok +database +PostgreSQL .* answers$/m)
    t.match(stdout, /^ok +database +there is an archive in it \(schema 1\)$/m)
    t.notMatch(stdout, new RegExp(encodeURIComponent(password)))
  })
}
