/** A look at a database without touching it: what it is, whether an archive is in it, how far its replica is behind. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Milliseconds } from '../../core/time.ts'
import { booleanFrom, numberFrom, textFrom } from './binary.ts'
import { Pool, type Statement } from './pool.ts'
import { placeIn, replayed, written } from './replica.ts'
import { defaultSchema, schemaVersion, versionIn } from './schema.ts'

/** Somebody waits for it. */
const statementTimeout: Milliseconds = 5000

/** Time between two looks at a replica that is behind. */
const lookEvery: Milliseconds = 100

/** Shown in pg_stat_activity. */
const name = 'waypost look'

export interface DatabaseLook {
  /** As the server says it: `15.4 (Debian 15.4-1)`. */
  readonly version: string
  readonly major: number
  readonly takesWrites: boolean
  /** The version of the archive in it; undefined when there is none. */
  readonly schema: number | undefined
  /** The version that this release makes of it. */
  readonly knownSchema: number
  /** Whether we could make an archive. */
  readonly mayCreate: boolean
}

const facts: Statement = {
  name: 'facts',
  text: `select current_setting('server_version'), current_setting('server_version_num')::integer,
    pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean,
    has_database_privilege(current_database(), 'CREATE')`,
}

/** Looks in a transaction that could not write. Throws what the driver throws, and `archive/bad-database-url`. */
export async function lookAtDatabase(url: string, schema = defaultSchema): Promise<DatabaseLook> {
  await using pool = new Pool({ url, connections: 1, statementTimeout, name })
  return await pool.transaction(async ({ define, run }) => {
    await define('set transaction read only')
    const [row] = await run(facts)
    const [version, number, takesNone, mayCreate] = row ?? []
    return {
      version: textFrom(version),
      major: Math.floor(numberFrom(number) / 10_000),
      takesWrites: !booleanFrom(takesNone),
      schema: await versionIn({ run }, schema),
      knownSchema: schemaVersion,
      mayCreate: booleanFrom(mayCreate),
    }
  })
}

/** How a replica stands to its primary. */
export type Lag =
  | { readonly is: 'no replica' }
  | { readonly is: 'level' }
  /** Behind by so many bytes of log at first; `after` is how long it took to have them, undefined when it has not. */
  | { readonly is: 'behind'; readonly bytes: bigint; readonly after: Milliseconds | undefined }

/** Waits until the replica has what the primary has written by now, for `patience` at the most. Throws as `lookAtDatabase`. */
export async function measureLag(url: string, readUrl: string, patience: Milliseconds): Promise<Lag> {
  await using primary = new Pool({ url, connections: 1, statementTimeout, name })
  await using replica = new Pool({ url: readUrl, connections: 1, statementTimeout, name })
  const [goal = 0n, first] = [await placeIn(primary, written), await placeIn(replica, replayed)]
  if (first === undefined) return { is: 'no replica' }
  if (first >= goal) return { is: 'level' }
  const since = performance.now()
  const elapsed = () => performance.now() - since
  for (;;) {
    if (((await placeIn(replica, replayed)) ?? 0n) >= goal)
      return { is: 'behind', bytes: goal - first, after: elapsed() }
    if (elapsed() > patience) return { is: 'behind', bytes: goal - first, after: undefined }
    await pause(lookEvery)
  }
}
