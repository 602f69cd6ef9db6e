/**
 * `/admin/v1/store` (`--rest-admin`): the archive as a whole, for `waypost store` and `waypost backup`. What goes out and
 * comes in is the format of docs/export-format.md. nwaku has nothing like it.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { WaypostError } from '../../core/errors.ts'
import { hashBytes, type MessageHash } from '../../core/hash.ts'
import { maxQueryTopics } from '../../core/query.ts'
import type { Milliseconds, Nanoseconds } from '../../core/time.ts'
import { type Answer, json, text } from '../answer.ts'
import type { RestRequest, Route } from '../route.ts'
import { array, described, int64, number, object, optional, type ShapeValue, string, uint32 } from '../shape.ts'
import { badParameter, integerOf, listOf } from '../store-parameters.ts'

const share = object({ topic: string, messages: uint32, bytes: uint32 })
const nanoseconds = described(int64, 'Nanoseconds since the Unix epoch.')
const stats = object({
  state: described(string, 'ready, degraded or closed'),
  why: optional(described(string, 'Why it is degraded.')),
  engine: string,
  messages: uint32,
  bytes: described(uint32, 'What retention by size counts.'),
  waiting: described(uint32, 'Messages that wait for the disk.'),
  oldest: optional(nanoseconds),
  newest: optional(nanoseconds),
  diskBytes: optional(described(number, 'Of the files, where there are files.')),
  diskFreeBytes: optional(number),
  retention: described(string, 'As the setting has it: time:2d.'),
  recent: described(
    object({ messages: uint32, pubsubTopics: array(share), contentTopics: array(share) }),
    'The newest messages by topic, those with most messages first.',
  ),
})

/** Messages of one topic among those that were looked at. */
export type TopicShare = ShapeValue<typeof share>

/** What is in the archive, and how it is. */
export type StoreStats = ShapeValue<typeof stats>

/** Which messages to export. */
export interface ExportAsked {
  readonly start?: Nanoseconds
  readonly end?: Nanoseconds
  readonly pubsubTopic?: string
  readonly contentTopics?: readonly string[]
  /** Only what stands behind this message in the order of history. */
  readonly after?: { readonly timestamp: Nanoseconds; readonly hash: MessageHash }
}

/** What became of the records of an import. */
export interface ImportTold {
  readonly stored: number
  readonly present: number
  readonly refused: readonly { readonly hash: MessageHash; readonly why: string }[]
}

/** The archive as a whole, as REST asks for it. Each throws `archive/unavailable`. */
export interface StoreAdminService {
  stats(): Promise<StoreStats>
  /** An export, piece by piece, at a pace that leaves the node to its peers. Undefined: too many are under way. */
  export(selection: ExportAsked): AsyncIterable<Uint8Array> | undefined
  /** Stores the messages of an export. Throws `export/damaged` and `export/newer`, and stores nothing of such a one. */
  import(exported: Uint8Array): Promise<ImportTold>
}

const imported = object({
  stored: uint32,
  present: described(uint32, 'There before.'),
  refused: array(object({ messageHash: string, why: string })),
})

export const exportType = 'application/octet-stream'
const unavailable = { when: 'the archive cannot be used now' }

export const storeAdminRoutes: readonly Route<StoreAdminService>[] = [
  {
    method: 'GET',
    path: '/admin/v1/store/stats',
    summary: 'What is in the archive, and how it is',
    answers: { 200: { when: 'always', shape: stats }, 503: unavailable },
    handle: async (_, store) => json(await store.stats()),
  },
  {
    method: 'GET',
    path: '/admin/v1/store/export',
    summary: 'All stored messages, or some, oldest first, as one stream (docs/export-format.md)',
    query: {
      startTime: { says: 'nanoseconds, inclusive', shape: int64 },
      endTime: { says: 'nanoseconds, inclusive', shape: int64 },
      pubsubTopic: { says: 'messages of this pubsub topic', shape: string },
      contentTopics: { says: 'messages of these content topics, comma-separated', shape: string },
      after: { says: 'only behind this message: its timestamp, a colon, its hash', shape: string },
    },
    answers: {
      200: { when: 'the stream is open; without a footer it was interrupted', type: exportType },
      400: { when: 'a parameter cannot be read' },
      503: { when: 'as many exports as may be are under way' },
    },
    consumes: true,
    handle(request, store) {
      const chunks = store.export(selectionOf(request))
      if (chunks === undefined) return text(503, 'other exports are under way: try again later')
      return { status: 200, type: exportType, open: (response) => void pump(chunks, response) }
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/store/import',
    summary: 'Store messages of an export: what is not there yet; the answer comes when they are on disk',
    bodyType: exportType,
    answers: {
      200: { when: 'what became of each message', shape: imported },
      400: { when: 'the body is no whole export; nothing was stored' },
      413: { when: 'the body is larger than --rest-max-body' },
      503: unavailable,
    },
    async handle({ body }, store): Promise<Answer> {
      if (body === undefined) throw new WaypostError('rest/missing-body', {})
      const { stored, present, refused } = await store.import(body)
      return json({ stored, present, refused: refused.map(({ hash, why }) => ({ messageHash: `0x${hash}`, why })) })
    },
  },
]

function selectionOf({ query }: RestRequest): ExportAsked {
  const contentTopics = listOf(query.get('contentTopics'))
  if (contentTopics.length > maxQueryTopics) throw badParameter(`too many content topics: at most ${maxQueryTopics}`)
  return {
    start: timeOf(query.get('startTime')),
    end: timeOf(query.get('endTime')),
    pubsubTopic: query.get('pubsubTopic') || undefined,
    contentTopics,
    after: placeOf(query.get('after')),
  }
}

function timeOf(value: string | undefined): Nanoseconds | undefined {
  if (value === undefined || value === '') return undefined
  const time = integerOf(value)
  if (time === undefined) throw badParameter(`not a time in nanoseconds: ${value.slice(0, 32)}`)
  return time
}

function placeOf(value: string | undefined): ExportAsked['after'] {
  if (value === undefined || value === '') return undefined
  const [time = '', digits = ''] = value.split(':')
  const timestamp = integerOf(time)
  const hash = digits.replace(/^0x/i, '').toLowerCase()
  if (timestamp === undefined || hash.length !== hashBytes * 2 || !/^[0-9a-f]+$/.test(hash))
    throw badParameter('after is not a timestamp, a colon and a hash')
  return { timestamp, hash }
}

/** A client that takes nothing for so long is gone. */
const drainTimeout: Milliseconds = 60_000

/** Sends chunk after chunk as the client takes them; what fails ends the stream in its middle, where no footer is. */
async function pump(chunks: AsyncIterable<Uint8Array>, response: ServerResponse): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort()).on('error', () => gone.abort())
  try {
    for await (const chunk of chunks) {
      if (gone.signal.aborted) return
      if (!response.write(chunk)) await drained(response, gone.signal)
    }
    response.end()
  } catch {
    response.destroy()
  }
}

async function drained(response: ServerResponse, gone: AbortSignal): Promise<void> {
  await once(response, 'drain', { signal: AbortSignal.any([gone, AbortSignal.timeout(drainTimeout)]) })
}
