/**
 * Messages as they come, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). Each
 * reader has a bound: one that does not keep up is cut off, and delays nobody.
 */
import type { ServerResponse } from 'node:http'
import type { Envelope } from '../core/envelope.ts'
import type { Milliseconds } from '../core/time.ts'
import { writeJson } from './json/write.ts'
import { relayedMessage } from './message.ts'

/** Readers at once. */
export const maxReaders = 100

/** Bytes that wait for one reader: some hundred messages of the usual size. */
const maxWaitingBytes = 4 * 1024 * 1024

/** Between two comments that keep proxies from closing a quiet stream. */
const heartbeatInterval: Milliseconds = 15_000

/** What a reader wants: messages of any of these topics; of all, when none is named. */
export interface Wanted {
  readonly pubsubTopics: ReadonlySet<string>
  readonly contentTopics: ReadonlySet<string>
}

interface Reader {
  readonly wanted: Wanted
  readonly response: ServerResponse
}

export class EventStreams implements Disposable {
  readonly #readers = new Set<Reader>()
  readonly #heartbeat = setInterval(() => this.#beat(), heartbeatInterval).unref()

  /** True when there is no room for another reader. */
  get full(): boolean {
    return this.#readers.size >= maxReaders
  }

  /** Tells `response` from now on, until its client goes away. */
  add(response: ServerResponse, wanted: Wanted): void {
    const reader = { response, wanted }
    this.#readers.add(reader)
    response.on('close', () => this.#readers.delete(reader)).on('error', () => this.#readers.delete(reader))
    response.write(': open\n\n')
  }

  /** Tells those who want it. Encoded at most once, and not at all when nobody does. */
  publish(envelope: Envelope): void {
    let event: Buffer | undefined
    for (const { response, wanted } of this.#readers) {
      if (!wants(wanted, envelope)) continue
      event ??= eventOf(envelope)
      write(response, event)
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat)
    for (const { response } of this.#readers) response.end()
    this.#readers.clear()
  }

  #beat(): void {
    for (const { response } of this.#readers) write(response, beat)
  }
}

const beat = Buffer.from(': \n\n')

function wants({ pubsubTopics, contentTopics }: Wanted, { pubsubTopic, message }: Envelope): boolean {
  if (pubsubTopics.size === 0 && contentTopics.size === 0) return true
  return pubsubTopics.has(pubsubTopic) || contentTopics.has(message.contentTopic)
}

function eventOf({ hash, pubsubTopic, message }: Envelope): Buffer {
  const data = writeJson({ messageHash: `0x${hash}`, pubsubTopic, message: relayedMessage(message) })
  return Buffer.from(`event: message\nid: 0x${hash}\ndata: ${data}\n\n`)
}

function write(response: ServerResponse, bytes: Buffer): void {
  if (response.writableLength + bytes.length > maxWaitingBytes) response.destroy()
  else response.write(bytes)
}
