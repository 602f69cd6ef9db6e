/** Archives on one PostgreSQL, a schema for each. */
import type { Test } from 'tap'
import { openPostgres, type PostgresOptions } from '../../../src/archive/postgres/postgres.ts'
import { type PostgresServer, postgres } from '../../kit/postgres.ts'
import type { Open } from '../conformance.ts'

let schemas = 0

/** The name of a schema that is not there yet. */
export function freshSchema(): string {
  schemas += 1
  return `archive_${schemas}`
}

/** Opens empty archives on a server of the test's own. */
export async function archivesOf(t: Test, program: string, options: Partial<PostgresOptions> = {}): Promise<Open> {
  const server = await postgres(t, program)
  return (_, clock) => openOn(server, { clock, ...options })
}

/** Opens an archive on `server`, an empty one unless its schema is given. */
export function openOn(server: PostgresServer, options: Partial<PostgresOptions> = {}) {
  return openPostgres({ url: server.url, connections: 4, schema: freshSchema(), ...options })
}
