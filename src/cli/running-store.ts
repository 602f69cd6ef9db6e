/** The archive of a running node, over REST (`/admin/v1/store`). */
import { readExport } from '../archive/export/decoder.ts'
import { ExportEncoder } from '../archive/export/encoder.ts'
import type { ExportRecord } from '../archive/export/format.ts'
import { isWaypostError, WaypostError } from '../core/errors.ts'
import type { ExportAsked, ImportTold, StoreStats } from '../rest/routes/store-admin.ts'
import { parseJson } from './exact-json.ts'
import { adminHints, type RestClient } from './rest-client.ts'
import type { StoreAccess } from './store-access.ts'
import { version } from './version.ts'

const root = '/admin/v1/store'

export class RunningStore implements StoreAccess {
  readonly running = true
  readonly #client: RestClient

  constructor(client: RestClient) {
    this.#client = client
  }

  get at(): string {
    return `the node at ${this.#client.url}`
  }

  async stats(): Promise<StoreStats> {
    // The routes of our own server: its shapes.
    const told = (await this.#client.json(`${root}/stats`, adminHints)) as StoreStats
    return { ...told, oldest: exact(told.oldest), newest: exact(told.newest) }
  }

  async *export(asked: ExportAsked, signal: AbortSignal): AsyncGenerator<readonly ExportRecord[]> {
    const bytes = await this.#client.bytes(`${root}/export?${parametersOf(asked)}`, signal, adminHints)
    try {
      for await (const part of readExport(bytes)) if (part.is === 'records') yield part.records
    } catch (error) {
      throw isWaypostError(error, 'export/newer') ? error : this.#broken(error)
    }
  }

  async import(records: readonly ExportRecord[]): Promise<ImportTold> {
    const encoder = new ExportEncoder({ compress: false })
    const header = encoder.header({ createdAt: Date.now(), writer: `waypost/${version}`, selection: {} })
    const body = Buffer.concat([header, ...encoder.add(records), ...encoder.end()])
    const answer = parseJson(await this.#client.sendBytes(`${root}/import`, body, adminHints)) as {
      readonly stored: number
      readonly present: number
      readonly refused: readonly { readonly messageHash: string; readonly why: string }[]
    }
    const { stored, present, refused } = answer
    return { stored, present, refused: refused.map(({ messageHash, why }) => ({ hash: messageHash.slice(2), why })) }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #broken(cause: unknown): WaypostError {
    const why = 'the stream of messages broke off: the node stopped, or its archive failed'
    return new WaypostError('cli/node-unreachable', { url: this.#client.url, why }, { cause })
  }
}

/** Small times come as numbers. */
function exact(time: bigint | number | undefined): bigint | undefined {
  return time === undefined ? undefined : BigInt(time)
}

function parametersOf({ start, end, pubsubTopic, contentTopics, after }: ExportAsked): URLSearchParams {
  const entries: readonly [string, string | undefined][] = [
    ['startTime', start?.toString()],
    ['endTime', end?.toString()],
    ['pubsubTopic', pubsubTopic],
    ['contentTopics', contentTopics?.join(',')],
    ['after', after && `${after.timestamp}:${after.hash}`],
  ]
  return new URLSearchParams(entries.filter((entry): entry is [string, string] => entry[1] !== undefined))
}
