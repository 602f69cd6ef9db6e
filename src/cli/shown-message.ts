/** A message as commands write it: the fields of nwaku's REST API as JSON, or a line for a person. */
import type { Envelope } from '../core/envelope.ts'
import { toMilliseconds } from '../core/time.ts'
import { printable } from './printable.ts'

export interface ShownMessage {
  /** `0x` and 64 digits. */
  readonly messageHash: string
  /** Absent in answers that hold hashes only. */
  readonly pubsubTopic?: string
  readonly message?: {
    /** Base64. */
    readonly payload: string
    readonly contentTopic: string
    readonly version?: number
    readonly timestamp?: bigint | number
    /** Base64. */
    readonly meta?: string
    readonly ephemeral?: boolean
  }
}

export function shownEnvelope({ hash, pubsubTopic, message }: Envelope): ShownMessage {
  const { payload, contentTopic, version, timestamp, meta, ephemeral } = message
  return {
    messageHash: `0x${hash}`,
    pubsubTopic,
    message: {
      payload: base64(payload),
      contentTopic,
      version,
      timestamp,
      meta: meta && base64(meta),
      ephemeral,
    },
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** Time, hash, content topic, size and, where it is text, the payload. */
export function messageLine({ messageHash, message }: ShownMessage): string {
  if (message === undefined) return messageHash
  const { contentTopic, timestamp } = message
  const payload = Buffer.from(message.payload, 'base64')
  const parts = [timeOf(timestamp), messageHash, printable(contentTopic), `${payload.length} bytes`, preview(payload)]
  return parts.filter((part) => part !== '').join('  ')
}

function timeOf(timestamp: bigint | number | undefined): string {
  const time = timestamp === undefined ? Number.NaN : toMilliseconds(BigInt(timestamp))
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? 'without a time' : date.toISOString()
}

/** Characters of a payload that are shown. */
const previewCharacters = 60

const decoder = new TextDecoder('utf-8', { fatal: true })

/** A payload that is text, shortened; none of what is sealed, or would command the terminal. */
function preview(payload: Uint8Array): string {
  try {
    const text = decoder.decode(payload)
    if (/\p{C}/u.test(text.replaceAll(/[\n\t]/g, ''))) return ''
    const line = JSON.stringify(text)
    return line.length > previewCharacters ? `${line.slice(0, previewCharacters)}...` : line
  } catch {
    return ''
  }
}
