/**
 * A replica that questions go to, as long as it answers and is not too far behind; the primary answers for it meanwhile,
 * and it for the primary.
 *
 * How far it is behind is measured, by what the primary has written down and the replica has replayed: the replica's own
 * clock for it stands still whenever nothing is written, and says nothing once its connection to the primary is gone.
 */
import { type Clock, type Milliseconds, type Schedule, systemSchedule } from '../../core/time.ts'
import { bigintFrom } from './binary.ts'
import { isReplicaTrouble } from './failures.ts'
import { Pool, type Runner, type Statement, type Value } from './pool.ts'
import type { Columns } from './rows.ts'

/** nwaku has no replicas. A client that asks again for what is new finds it well within its patience. */
export const defaultMaxLag: Milliseconds = 10_000

/** Time between two looks. */
const lookEvery: Milliseconds = 1000

/** A server that needs longer for one number is no help. */
const lookTimeout: Milliseconds = 1000

/** Looks that are remembered: a replica behind by more of them is behind by that much at the least. */
const maxLooks = 3600

/** What is known of the replica. */
export interface ReplicaState {
  /** True while questions go to it first. */
  readonly isUsed: boolean
  /** For how long the primary has had what it lacks. Unknown while one of the two does not answer. */
  readonly lag: Milliseconds | undefined
}

export interface ReplicaOptions {
  readonly primaryUrl: string
  readonly url: string
  /** Where questions go. */
  readonly primary: Runner
  readonly replica: Runner
  readonly maxLag: Milliseconds
  readonly clock: Clock
  readonly schedule?: Schedule
  /** Told at each look. */
  readonly onLook?: (state: ReplicaState) => void
}

/** How much log a primary has written, in bytes. */
export const written: Statement = { name: 'written', text: `select (pg_current_wal_lsn() - '0/0')::bigint` }

/** How much of it a stand-in has replayed. Nothing where the server is none, and behind nobody. */
export const replayed: Statement = { name: 'replayed', text: `select (pg_last_wal_replay_lsn() - '0/0')::bigint` }

/** What the primary had written down, and when that was seen. */
interface Look {
  readonly at: Milliseconds
  readonly written: bigint
}

export class Replica implements Runner, AsyncDisposable {
  readonly #options: ReplicaOptions
  readonly #schedule: Schedule
  readonly #watched: { readonly primary: Pool; readonly replica: Pool }
  /** Those that the replica has not caught up with, the oldest first. */
  #looks: readonly Look[] = []
  #state: ReplicaState = { isUsed: false, lag: undefined }
  #isPrimaryAway = false
  #closed = false
  #cancel = () => {}
  #looking: Promise<void>

  constructor(options: ReplicaOptions) {
    const pool = (url: string) =>
      new Pool({ url, connections: 1, statementTimeout: lookTimeout, name: 'waypost watch' })
    this.#options = options
    this.#schedule = options.schedule ?? systemSchedule
    this.#watched = { primary: pool(options.primaryUrl), replica: pool(options.url) }
    this.#looking = this.#look()
  }

  /** Asks the one that is to be asked, and the other when that one is away. */
  async run(statement: Statement, values: readonly Value[] = []): Promise<readonly Columns[]> {
    const { primary, replica } = this.#options
    const [first, second] = this.#isAskedFirst ? [replica, primary] : [primary, replica]
    try {
      return await first.run(statement, values)
    } catch (error) {
      if (!isReplicaTrouble(error)) throw error
      return await second.run(statement, values)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#cancel()
    const { primary, replica } = this.#watched
    await Promise.all([this.#looking, primary[Symbol.asyncDispose](), replica[Symbol.asyncDispose]()])
  }

  /** One that is behind is better than none. */
  get #isAskedFirst(): boolean {
    return this.#state.isUsed || this.#isPrimaryAway
  }

  async #look(): Promise<void> {
    const [primary, replica] = await Promise.allSettled([
      placeIn(this.#watched.primary, written),
      placeIn(this.#watched.replica, replayed),
    ])
    if (this.#closed) return
    this.#isPrimaryAway = primary.status === 'rejected'
    if (primary.status === 'fulfilled') this.#remember(primary.value)
    this.#state = replica.status === 'rejected' ? { isUsed: false, lag: undefined } : this.#judge(replica.value)
    this.#options.onLook?.(this.#state)
    this.#cancel = this.#schedule(() => {
      this.#looking = this.#look()
    }, lookEvery)
  }

  #remember(written: bigint | undefined): void {
    if (written === undefined) return
    // Less than before: another server, or restored from a backup.
    const before = this.#looks.filter((look) => look.written <= written)
    this.#looks = [...before, { at: this.#options.clock(), written }].slice(-maxLooks)
  }

  #judge(replayed: bigint | undefined): ReplicaState {
    if (replayed === undefined) this.#looks = []
    this.#looks = this.#looks.filter(({ written }) => replayed === undefined || written > replayed)
    const missing = this.#looks[0]
    const lag = missing === undefined ? 0 : Math.max(0, this.#options.clock() - missing.at)
    return { isUsed: lag <= this.#options.maxLag, lag: this.#isPrimaryAway ? undefined : lag }
  }
}

/** What such a statement gives. */
export async function placeIn(pool: Runner, statement: Statement): Promise<bigint | undefined> {
  const [row] = await pool.run(statement)
  return row?.[0] ? bigintFrom(row[0]) : undefined
}
