/**
 * Connections to PostgreSQL: a bounded number, each statement with a time limit, nothing waiting for ever.
 *
 * A connection on which a statement failed is closed: after a fail-over it may lead to the server that was primary.
 */
import { Socket } from 'node:net'
import pg from 'pg'
import type { Milliseconds } from '../../core/time.ts'
import { type Column, type Columns, RowConnection } from './rows.ts'
import { Attempt, type Candidate, Servers } from './servers.ts'

/** How long a connection may take, or one of the pool be waited for. */
const connectTimeout: Milliseconds = 2000

/** How much longer than the server we wait for an answer, before we hold the way to it for broken. */
const networkAllowance: Milliseconds = 2000

/** Time after which a connection that nobody needs is closed. */
const idleTimeout: Milliseconds = 30_000

/** Statements that wait for a connection at the most; above it they fail at once. */
const maxWaiting = 500

/**
 * Statements are planned with their values: only then are the partitions outside of a time range left alone. A plan for
 * all values locks every partition, and a server has locks for some thousand tables at a time. Nor are they compiled:
 * compiling takes ten times as long as a page.
 */
const planning = '-c plan_cache_mode=force_custom_plan -c jit=off'

export interface PoolOptions {
  readonly url: string
  readonly connections: number
  /** Time that a statement may take. */
  readonly statementTimeout: Milliseconds
  /** Shown in pg_stat_activity. */
  readonly name: string
}

/** A statement that every connection prepares once, under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** A value of a parameter; bytes go over as bytes. */
export type Value = string | number | bigint | Buffer | null

/** Runs statements, on some connection or within a transaction. */
export interface Runner {
  run(statement: Statement, values?: readonly Value[]): Promise<readonly Columns[]>
}

export interface Transaction extends Runner {
  /** Runs statements that define something, each in its own words. */
  define(...texts: readonly string[]): Promise<void>
}

const asItCame = { getTypeParser: () => (column: unknown) => column }

export class Pool implements Runner, AsyncDisposable {
  readonly #pool: pg.Pool
  readonly #servers: Servers
  readonly #sockets = new Set<Socket>()

  /** Throws `archive/bad-database-url`. */
  constructor({ url, connections, statementTimeout, name }: PoolOptions) {
    const servers = new Servers(url)
    const candidates = new WeakMap<pg.ClientBase, Candidate>()
    this.#servers = servers
    this.#pool = new pg.Pool({
      Client: clientWith(servers, candidates),
      onConnect: (client) => servers.check(client, candidates.get(client) ?? servers.next),
      stream: () => this.#socket(),
      max: connections,
      connectionTimeoutMillis: connectTimeout,
      idleTimeoutMillis: idleTimeout,
      statement_timeout: statementTimeout,
      query_timeout: statementTimeout + networkAllowance,
      idle_in_transaction_session_timeout: statementTimeout + networkAllowance,
      application_name: name,
      keepAlive: true,
      options: planning,
    })
    // A connection that broke while nobody used it: the next statement opens another.
    this.#pool.on('error', ignore)
    this.#pool.on('connect', (client) => client.on('error', ignore))
  }

  async run(statement: Statement, values: readonly Value[] = []): Promise<readonly Columns[]> {
    return await this.#withClient((client) => send(client, statement, values))
  }

  /** All or none of what `work` runs. */
  async transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    return await this.#withClient(async (client) => {
      await client.query('begin')
      const result = await work({
        run: (statement, values = []) => send(client, statement, values),
        async define(...texts) {
          for (const text of texts) await client.query(text)
        },
      })
      await client.query('commit')
      return result
    })
  }

  /** Runs statements that take no parameters outside of any transaction, on a connection that is closed afterwards. */
  async alone(...texts: readonly string[]): Promise<void> {
    await this.#withClient(async (client) => {
      for (const text of texts) await client.query(text)
    }, true)
  }

  /** Cuts what still runs off. A server that hangs would never take leave, and its sockets would keep the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#pool.end()
    for (const socket of this.#sockets) socket.destroySoon()
    await ended
  }

  #socket(): Socket {
    const socket = new Socket()
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }

  /** A connection on which something failed is closed, and with it goes what was not committed. */
  async #withClient<Result>(work: (client: pg.PoolClient) => Promise<Result>, once = false): Promise<Result> {
    if (this.#pool.waitingCount >= maxWaiting) throw new Error('too many statements wait for a connection')
    const client = await this.#connect()
    let failed = true
    try {
      const result = await work(client)
      failed = false
      return result
    } finally {
      client.release(failed || once)
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    const attempt = new Attempt(this.#servers)
    for (;;)
      try {
        return await this.#pool.connect()
      } catch (error) {
        if (!attempt.goesOn(error)) throw attempt.told(error)
      }
  }
}

/** The driver's client, but that each connection asks anew where it goes and how it is encrypted, and gives rows as bytes. */
function clientWith(servers: Servers, candidates: WeakMap<pg.ClientBase, Candidate>) {
  return class extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      const { next } = servers
      const own = { ...config, connectionString: next.url, ssl: next.encryption.options }
      const withConnection = { ...own, connection: new RowConnection(own) }
      super(withConnection)
      candidates.set(this, next)
    }
  }
}

async function send(
  client: pg.PoolClient,
  { name, text }: Statement,
  values: readonly Value[],
): Promise<readonly Columns[]> {
  const query = {
    name,
    text,
    values: values.map((value) => (typeof value === 'bigint' ? value.toString() : value)),
    rowMode: 'array',
    binary: true,
    types: asItCame,
  } as const
  const { rows } = await client.query<Column[]>(query)
  return rows
}

function ignore(): void {}
