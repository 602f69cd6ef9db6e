/**
 * The one door for what the layers below hand up: a wrapped payload is opened, read, and held against what it says and
 * where it came from. What passes is a message of its author; nothing else of a peer should reach an application.
 */
import type { Milliseconds } from '../../core/time.ts'
import type { UncompressedKey } from '../keys.ts'
import { type ContentFault, payloadFault } from './content.ts'
import { type MetadataFault, openPayload } from './metadata.ts'
import { type Origin, type OriginFault, originFault } from './origin.ts'
import { type Payload, type PayloadFault, readPayload } from './payloads.ts'

/** What the layers below know of a payload. */
export interface Circumstances extends Omit<Origin, 'application'> {
  /** The timestamp of the Waku message. */
  readonly sentAt: Milliseconds
  /** Our own time: the sender writes `sentAt` as well as the clocks that are held against it. */
  readonly now: Milliseconds
}

export type JudgedFault = MetadataFault | PayloadFault | OriginFault | ContentFault

export type Judged =
  | {
      readonly believed: true
      /** By which every device knows the message. */
      readonly id: Uint8Array
      readonly author: UncompressedKey
      readonly payload: Payload
    }
  /** A fault says nothing against the peer that passed the envelope on: it could not look inside. */
  | { readonly believed: false; readonly why: JudgedFault }

/** Judges a wrapped payload; `me` is our own key. */
export function judge(body: Uint8Array, { sentAt, now, ...below }: Circumstances, me: UncompressedKey): Judged {
  const opened = openPayload(body)
  if (typeof opened === 'string') return refused(opened)
  const payload = readPayload(opened.type, opened.payload)
  if (typeof payload === 'string') return refused(payload)
  const origin: Origin = { ...below, application: opened.signer }
  const why = originFault(payload, origin, me) ?? payloadFault(payload, Math.min(sentAt, now))
  return why === undefined ? { believed: true, id: opened.id, author: opened.signer, payload } : refused(why)
}

function refused(why: JudgedFault): Judged {
  return { believed: false, why }
}
