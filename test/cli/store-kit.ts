/** Archives and exports on disk, for the tests of `waypost store` and `waypost backup`. */
import { EventEmitter, once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Test } from 'tap'
import { openArchive } from '../../src/archive/archive.ts'
import type { ExportRecord } from '../../src/archive/export/format.ts'
import { openLevel } from '../../src/archive/level/level.ts'
import type { Envelope } from '../../src/core/envelope.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { read } from '../archive/export/kit.ts'
import { store } from '../archive/kit.ts'
import type { Ended } from '../kit/cli.ts'
import { testContentTopic, testPubsubTopic } from '../kit/messages.ts'

/** A running node that is administered, and keeps messages of any age. */
export const keepAll = ['--rest-admin', '--store-message-retention-policy=none']

/** A data folder whose archive holds `stored`, closed again. */
export async function closedFolder(t: Test, stored: readonly Envelope[], name = 'data'): Promise<string> {
  const folder = path.join(t.testdirName, name)
  const backend = await openLevel({ folder: path.join(folder, 'archive') })
  await using archive = await openArchive({ backend, metrics: createMetrics(), log: silentLog() })
  for (let start = 0; start < stored.length; start += 5000) await store(archive, stored.slice(start, start + 5000))
  return folder
}

/** The messages of a whole export. */
export async function recordsOf(file: string): Promise<readonly ExportRecord[]> {
  const { records, error } = read(await readFile(file))
  if (error !== undefined) throw error
  return records
}

/** What a command said with --json. */
export function json({ stdout, stderr }: Ended) {
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

export interface Traffic {
  /** Payloads of messages that the node has acknowledged, in base64. */
  readonly acknowledged: readonly string[]
  /** Settles when so many were acknowledged. */
  until(count: number): Promise<void>
  stop(): Promise<void>
}

/** Publishes by REST until it is told to stop. */
export function traffic(restUrl: string): Traffic {
  const acknowledged: string[] = []
  const target = `${restUrl}/relay/v1/messages/${encodeURIComponent(testPubsubTopic)}`
  const events = new EventEmitter()
  let going = true
  const publish = async (count: number): Promise<void> => {
    const payload = Buffer.from(`traffic ${count}`).toString('base64')
    const body = JSON.stringify({ payload, contentTopic: testContentTopic })
    const response = await fetch(target, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    if (response.status === 200) acknowledged.push(payload)
    events.emit('published')
  }
  const work = (async () => {
    for (let count = 0; going; count += 1) await publish(count)
  })()
  return {
    acknowledged,
    async until(count) {
      while (acknowledged.length < count) await once(events, 'published')
    },
    async stop() {
      going = false
      await work
    },
  }
}
