/**
 * A real PostgreSQL for a test: Debian's, in a folder of its own, on a free loopback port, gone with the test.
 *
 * It runs as `postgres` when the test is root, which the server refuses to be; its password is demanded, and every commit
 * is synced to disk as in earnest. When the process of the test dies, however, the server ends too.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chmod, chown, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import pg from 'pg'
import { systemCode } from '../../src/core/errors.ts'
import type { CertificateFiles } from '../../src/net/certificate.ts'
import { freePort } from './free-port.ts'
import type { Owner } from './owner.ts'

const run = promisify(execFile)

export const password = 'correct horse battery staple'

/** How a server is stopped: `immediate` is a crash, after which it recovers from its log. */
const stopSignals = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

export interface PostgresOptions {
  /** Lines of postgresql.conf beside those of the kit. */
  readonly settings?: readonly string[]
  /** Its certificate; without one it has no TLS. */
  readonly tls?: CertificateFiles
  /** Whose certificates it takes from clients. */
  readonly clientAuthority?: string
  /** Lines of pg_hba.conf in place of its own. */
  readonly access?: readonly string[]
}

/** Who runs the server. */
interface Account {
  readonly uid?: number
  readonly gid?: number
}

const settings = [
  "listen_addresses = '127.0.0.1'",
  'shared_buffers = 32MB',
  'max_wal_size = 256MB',
  'log_min_messages = log',
  'fsync = on',
  'synchronous_commit = on',
]

/** Starts a server; `found` is the path of `postgres`. */
export async function postgres(
  t: Owner,
  found: string,
  { settings: extra = [], ...safety }: PostgresOptions = {},
): Promise<PostgresServer> {
  // The other programs of the server stand beside it, not beside a link to it.
  const program = await realpath(found)
  const account = await serverAccount()
  const folder = await emptyFolder(t, account)
  const passwordFile = path.join(folder, 'password')
  await give(account, passwordFile, password)
  const data = path.join(folder, 'data')
  const initdb = path.join(path.dirname(program), 'initdb')
  const choices = ['--auth=scram-sha-256', '--username=waypost', `--pwfile=${passwordFile}`, '--encoding=UTF8']
  await run(initdb, ['--pgdata', data, '--no-sync', '--no-instructions', ...choices], { ...account, cwd: folder })
  const safe = await safetySettings(folder, account, safety)
  return await startServer(t, { program, folder, data, account, settings: [...extra, ...safe] })
}

/** Copies what the server is to read, for its own eyes, and says where that is. */
async function safetySettings(
  folder: string,
  account: Account,
  { tls, clientAuthority, access }: PostgresOptions,
): Promise<string[]> {
  const files = [
    { setting: 'ssl_cert_file', from: tls?.certificateFile },
    { setting: 'ssl_key_file', from: tls?.keyFile },
    { setting: 'ssl_ca_file', from: clientAuthority },
  ]
  const lines = tls === undefined ? [] : ['ssl = on']
  for (const { setting, from } of files) {
    if (from === undefined) continue
    await give(account, path.join(folder, setting), await readFile(from, 'utf8'))
    lines.push(`${setting} = '${path.join(folder, setting)}'`)
  }
  if (access === undefined) return lines
  const hba = path.join(folder, 'pg_hba.conf')
  await give(account, hba, `${access.join('\n')}\n`)
  return [...lines, `hba_file = '${hba}'`]
}

/** Writes a file that only the server may read. */
async function give({ uid, gid }: Account, file: string, content: string): Promise<void> {
  await writeFile(file, content, { mode: 0o600 })
  if (uid !== undefined && gid !== undefined) await chown(file, uid, gid)
}

/** Copies a running server into one that follows it and answers questions. */
export async function replicaOf(t: Owner, server: PostgresServer): Promise<PostgresServer> {
  const { program, account } = server.place
  const folder = await emptyFolder(t, account)
  const data = path.join(folder, 'data')
  const basebackup = path.join(path.dirname(program), 'pg_basebackup')
  await run(
    basebackup,
    ['--pgdata', data, '--write-recovery-conf', '--checkpoint=fast', '--no-sync', '--dbname', server.url],
    {
      ...account,
      cwd: folder,
    },
  )
  return await startServer(t, { program, folder, data, account, settings: [] })
}

interface Place {
  readonly program: string
  readonly folder: string
  readonly data: string
  readonly account: Account
  readonly settings: readonly string[]
}

async function startServer(t: Owner, place: Place): Promise<PostgresServer> {
  const server = new PostgresServer(place, await freePort())
  t.teardown(() => server.stop('immediate'))
  await server.start()
  return server
}

export class PostgresServer {
  readonly place: Place
  readonly port: number
  /** What the server said, for a test that fails. */
  readonly log: string[] = []
  #process: ChildProcess | undefined
  #pid = 0
  #down = Promise.withResolvers<void>()

  constructor(place: Place, port: number) {
    this.place = place
    this.port = port
  }

  get url(): string {
    return this.urlOf('postgres')
  }

  urlOf(database: string): string {
    return `postgres://waypost:${encodeURIComponent(password)}@127.0.0.1:${this.port}/${database}`
  }

  /** Settles when the server takes connections. */
  async start(): Promise<void> {
    const { program, folder, data, account, settings: extra } = this.place
    const chosen = [...settings, `port = ${this.port}`, `unix_socket_directories = '${folder}'`, ...extra]
    const flags = chosen.flatMap((line) => ['-c', line.replace(/ = '?/, '=').replace(/'$/, '')])
    // The shell ends the server when our end of its pipe closes, which it does however we end. One that hangs goes on first.
    const script = '"$@" & echo "pid $!"; cat >/dev/null; kill -CONT $! 2>/dev/null; kill -QUIT $! 2>/dev/null; wait'
    const child = spawn('sh', ['-c', script, 'sh', program, '-D', data, ...flags], {
      ...account,
      cwd: folder,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#process = child
    createInterface(child.stdout).on('line', (line) => {
      this.#pid = Number(line.replace('pid ', ''))
    })
    const ready = Promise.withResolvers<void>()
    const down = Promise.withResolvers<void>()
    this.#down = down
    createInterface(child.stderr).on('line', (line) => {
      this.log.push(line)
      if (line.includes('ready to accept')) ready.resolve()
      if (line.includes('database system is shut down')) down.resolve()
    })
    child.once('exit', () => down.resolve())
    child.once('exit', () => ready.reject(new Error(`the server ended: ${this.log.slice(-5).join('\n')}`)))
    await ready.promise
  }

  /** Settles when it has ended. */
  async stop(how: keyof typeof stopSignals = 'fast'): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    // One that hangs would not hear of it.
    this.resume()
    process.kill(this.#pid, stopSignals[how])
    // When our end closes the shell ends it at once, which would be a crash.
    if (how === 'fast') await this.#down.promise
    child.stdin?.end()
    await exit
  }

  /** Stops all of its processes where they are: connections stay open, and nobody answers. */
  hang(): void {
    this.#signal('SIGSTOP')
  }

  /** Lets them go on. */
  resume(): void {
    this.#signal('SIGCONT')
  }

  #signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const pid of this.#pids) {
      try {
        process.kill(pid, signal)
      } catch (error) {
        // A connection may end, and its process with it, at any time.
        if (systemCode(error) !== 'ESRCH') throw error
      }
    }
  }

  /** The server first, so that it starts no more of the others. */
  get #pids(): number[] {
    const children = readFileSync(`/proc/${this.#pid}/task/${this.#pid}/children`, 'utf8').trim()
    return [this.#pid, ...children.split(' ').filter(Boolean).map(Number)]
  }

  /** Runs one statement of a test on a connection of its own. */
  async sql(text: string, values: readonly unknown[] = [], database = 'postgres'): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.urlOf(database), application_name: 'test' })
    await client.connect()
    try {
      const { rows } = await client.query<Record<string, unknown>>(text, [...values])
      return rows
    } finally {
      await client.end()
    }
  }

  /** Makes an empty database and gives its URL. */
  async database(name: string): Promise<string> {
    await this.sql(`create database "${name}"`)
    return this.urlOf(name)
  }
}

async function serverAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)),
  )
  return { uid, gid }
}

async function emptyFolder(t: Owner, { uid, gid }: Account): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'waypost-postgres-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o700)
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid)
  return folder
}
