/** What a route answers. The content types are nwaku's, without a charset. */
import type { ServerResponse } from 'node:http'
import { errorTable, type WaypostError } from '../core/errors.ts'
import { type Writable, writeJson } from './json/write.ts'

export interface BodyAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer that goes on: `open` is given the response, with status and headers sent. */
export interface StreamAnswer {
  readonly status: 200
  readonly type: string
  open(response: ServerResponse): void
}

export type Answer = BodyAnswer | StreamAnswer

/** Text; without one, an answer with an empty body. */
export function text(status: number, body = ''): BodyAnswer {
  return { status, type: 'text/plain', body }
}

export function json(value: Writable, status = 200): BodyAnswer {
  return { status, type: 'application/json', body: writeJson(value) }
}

export const ok = text(200, 'OK')

/** What is said when a handler throws an error of ours: its text, under its status. */
export function answerOf(error: WaypostError): BodyAnswer {
  return text(errorTable[error.code].http ?? 500, error.message)
}
