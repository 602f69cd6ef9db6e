/** The process of archive-writer.ts, and what it leaves behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { type Archive, openArchive } from '../../src/archive/archive.ts'
import { openLevel } from '../../src/archive/level/level.ts'
import type { MessageHash } from '../../src/core/hash.ts'
import { maxQueryHashes, type Query } from '../../src/core/query.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { hashes, pages } from '../archive/kit.ts'
import { environment } from '../kit/environment.ts'

const contentTopics = ['/kill/1/0/x', '/kill/1/1/x', '/kill/1/2/x', '/kill/1/3/x']

/** A message that the writer was told is on disk. */
export interface Acknowledged {
  readonly hash: MessageHash
  readonly timestamp: bigint
}

export type Outcome = Acknowledged | { readonly failed: string }

/** A running writer; it starts under `command` if one is given. Kill the process to end the outcomes. */
export function startWriter(args: readonly string[], command: readonly string[] = []): ChildProcess {
  const script = new URL('./archive-writer.js', import.meta.url).pathname
  const [program = process.execPath, ...rest] = [...command, process.execPath, script, ...args]
  return spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'], env: environment() })
}

/** What the writer says until its process is dead. */
export async function* outcomesOf(writer: ChildProcess): AsyncGenerator<Outcome, void, undefined> {
  // Spawned with a pipe.
  for await (const line of createInterface(writer.stdout!)) {
    const [hash = '', rest = ''] = line.split(' ')
    if (/^[0-9a-f]{64}$/.test(hash)) yield { hash, timestamp: BigInt(rest) }
    // The line in which it was killed may be half of one.
    else if (hash === 'failed') yield { failed: rest }
  }
}

/** Opens what the writer left, and closes it after `look`. */
export async function reopened<Result>(folder: string, look: (archive: Archive) => Promise<Result>): Promise<Result> {
  const backend = await openLevel({ folder })
  await using archive = await openArchive({ backend, metrics: createMetrics(), log: silentLog() })
  return await look(archive)
}

/** The hashes of all messages that are stored, after a check that all ways to them agree. */
export async function consistent(t: Test, archive: Archive): Promise<Set<MessageHash>> {
  const stored = await all(archive, {})
  t.equal(archive.held.messages, stored.length, 'the count is that of the records')
  t.same(await all(archive, { contentTopics }), stored, 'the content topics lead to the same messages')
  for (let start = 0; start < stored.length; start += maxQueryHashes) {
    const some = stored.slice(start, start + maxQueryHashes)
    t.same(await all(archive, { hashes: some }), some, 'so do the hashes')
  }
  const last = await archive.query({ direction: 'backward', limit: 100, includeData: true })
  t.same(hashes(last.messages), stored.slice(-100), 'the records are what their hashes say')
  return new Set(stored)
}

/** The hashes of all messages that match, in order. */
export async function all(archive: Archive, criteria: Partial<Query>): Promise<MessageHash[]> {
  return (await pages(archive, { includeData: false, ...criteria })).flatMap(({ messages }) => hashes(messages))
}
