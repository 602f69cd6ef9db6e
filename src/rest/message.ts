/**
 * A WakuMessage in JSON. Every path has the same fields but its own order, and its own idea of which are always there:
 * scripts compare texts, so each is kept.
 */

import { WaypostError } from '../core/errors.ts'
import { decodeMessage, encodeMessage, type WakuMessage } from '../core/message.ts'
import { fromBase64, toBase64 } from './base64.ts'
import type { Writable } from './json/write.ts'
import { boolean, described, int64, object, optional, type Shape, type ShapeValue, string, uint32 } from './shape.ts'

const base64 = described(string, 'Base64, standard alphabet, padded.', { contentEncoding: 'base64' })
const nanoseconds = described(int64, 'Nanoseconds since the Unix epoch: an integer of 19 digits, above 2^53.')

const given = object({
  payload: notBlank(base64, 'payload'),
  contentTopic: notBlank(string, 'contentTopic'),
  version: optional(uint32),
  timestamp: optional(described(nanoseconds, 'Nanoseconds since the Unix epoch; absent or 0: now.')),
  meta: optional(base64),
  ephemeral: optional(described(boolean, 'True: relayed, never stored.')),
  proof: optional(base64),
})

/** A message in a request. */
export const messageGiven = given
export type MessageGiven = ShapeValue<typeof given>

/** A message in an answer, whatever its order. */
export const messageTold = object({
  payload: base64,
  contentTopic: string,
  version: uint32,
  timestamp: nanoseconds,
  meta: optional(base64),
  ephemeral: boolean,
  proof: optional(base64),
})

/** A message of a request, encoded for the network. Throws `rest/bad-base64`. */
export function encodeGiven(message: MessageGiven): Uint8Array {
  const { payload, contentTopic, version, timestamp, meta, ephemeral, proof } = message
  return encodeMessage({
    payload: fromBase64(payload),
    contentTopic,
    version,
    timestamp,
    meta: meta === undefined ? undefined : fromBase64(meta),
    ephemeral,
    rateLimitProof: proof ? fromBase64(proof) : undefined,
  })
}

/** As `/relay` tells a message: `proof` is always there. */
export function relayedMessage(message: WakuMessage): Writable {
  return { ...filteredFields(message), proof: toBase64(message.rateLimitProof ?? none) }
}

/** As `/filter` tells a message: never a proof. */
export function filteredMessage(message: WakuMessage): Writable {
  return filteredFields(message)
}

/** As `/store/v3` tells a stored message. */
export function storedMessage(bytes: Uint8Array): Writable {
  const message = decodeMessage(bytes)
  const { payload, contentTopic, meta, version, timestamp } = fieldsOf(message)
  return {
    payload,
    contentTopic,
    meta,
    version,
    timestamp,
    ephemeral: message.ephemeral,
    proof: some(message.rateLimitProof),
  }
}

/** As `/store/v1` tells a stored message: no proof. */
export function legacyStoredMessage(message: WakuMessage): Writable {
  const { payload, contentTopic, version, timestamp, meta } = fieldsOf(message)
  return { payload, contentTopic, version, timestamp, ephemeral: message.ephemeral, meta }
}

function filteredFields(message: WakuMessage): { readonly [field: string]: Writable | undefined } {
  return { ...fieldsOf(message), ephemeral: message.ephemeral }
}

function fieldsOf({ payload, contentTopic, version, timestamp, meta }: WakuMessage) {
  return { payload: toBase64(payload), contentTopic, version, timestamp: timestamp ?? 0n, meta: some(meta) }
}

const none = new Uint8Array()

/** Undefined when there are no bytes. */
function some(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined || bytes.length === 0 ? undefined : toBase64(bytes)
}

/** Missing and blank are the same to nwaku, and have the same text; so an empty payload cannot be published by REST. */
function notBlank(shape: Shape<string>, name: string): Shape<string> {
  const missing = 'missing or empty'
  return {
    schema: { ...shape.schema, minLength: 1 },
    missing,
    read(value, at) {
      const text = shape.read(value, at)
      if (text.trim() === '') throw new WaypostError('rest/bad-body', { why: `Field \`${name}\` is ${missing}` })
      return text
    },
  }
}
