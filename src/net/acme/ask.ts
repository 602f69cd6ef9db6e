/**
 * Requests to those who have a part in a certificate. They are trusted with that part and with nothing else: what they
 * send is bounded in time and in bytes, no redirect is followed, and a URL may be http on this machine only.
 */
import { messageOf } from '../../core/errors.ts'
import type { Milliseconds } from '../../core/time.ts'
import { isLoopback } from '../networks.ts'

/** Bytes of an answer: a chain of certificates has some 6 KiB. */
const answerBytes = 256 * 1024

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export interface AskOptions extends Omit<RequestInit, 'signal' | 'redirect'> {
  readonly signal: AbortSignal
  readonly timeout: Milliseconds
}

/** The answer, whatever its status. Throws an error whose message can be shown. */
export async function ask(url: string, { signal, timeout, ...init }: AskOptions): Promise<Answer> {
  if (!isAllowed(url)) throw new Error('its URL is not https')
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeout)])
    const response = await fetch(url, { ...init, signal: limited, redirect: 'error' })
    const text = await bounded(response)
    return { status: response.status, headers: response.headers, text }
  } catch (error) {
    throw new Error(reasonOf(error))
  }
}

/** What others wrote, as a line of ours. */
export function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 300)
}

/** https; http on this machine, where tests and private authorities are. */
function isAllowed(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || (protocol === 'http:' && (hostname === 'localhost' || isLoopback(hostname)))
}

async function bounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.byteLength
    if (bytes > answerBytes) throw new Error(`more than ${answerBytes} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** fetch tells what happened in the cause of its error. */
function reasonOf(error: unknown): string {
  return oneLine(error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error))
}
