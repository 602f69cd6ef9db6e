/** Asks a running node over REST: the one that the settings describe, or the one at `--rest-url`. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { messageOf, systemCode, WaypostError } from '../core/errors.ts'
import type { Milliseconds } from '../core/time.ts'
import type { Settings } from '../settings/table.ts'
import { parseJson, writeJson } from './exact-json.ts'
import { type NodeOptions, nodeSettings, withNodeOptions } from './node-settings.ts'

export interface RestOptions extends NodeOptions {
  readonly restUrl?: string
  readonly restTokenFile?: string
}

/** The options that say where the REST API of a node is. */
export function withRestOptions(command: Command): Command {
  return withNodeOptions(command)
    .option('--rest-url <url>', 'its REST API (http://127.0.0.1:8645 unless the settings say otherwise)')
    .option('--rest-token-file <file>', 'the file with its token (rest.token in the data folder unless given)')
}

/** For one answer; the node gives up on what it asks of others sooner. */
const answerTimeout: Milliseconds = 30_000

/** Characters of an answer that go into an error: a sentence. */
const maxReason = 300

/** What to do about an answer of 404, which is what a node says of paths that it does not serve. */
export interface Hints {
  readonly notServed?: string
  /** A status beside success whose answer is wanted too. */
  readonly alsoTakes?: number
}

export const adminHints: Hints = { notServed: 'the admin API is off: start the node with --rest-admin=true' }

export class RestClient {
  readonly url: string
  readonly #token: string | undefined

  constructor(url: string, token: string | undefined) {
    this.url = url.replace(/\/+$/, '')
    this.#token = token
  }

  /** The JSON at `path`, integers exact. Throws `cli/node-unreachable`, `cli/token-needed`, `cli/node-refused`. */
  async json(path: string, hints?: Hints): Promise<unknown> {
    const text = await this.text(path, hints)
    try {
      return parseJson(text)
    } catch (error) {
      throw new WaypostError('cli/node-refused', { url: this.url, status: 200, reason: 'no JSON' }, { cause: error })
    }
  }

  /** The text at `path`. Throws as `json` does. */
  async text(path: string, hints?: Hints): Promise<string> {
    return await (await this.#ask('GET', path, undefined, hints)).text()
  }

  /** Sends `body` as JSON and gives the text of the answer. Throws as `json` does. */
  async post(path: string, body?: unknown, hints?: Hints): Promise<string> {
    return await (await this.#ask('POST', path, body, hints)).text()
  }

  /** The lines at `path`, as they come; undefined where the node has no such path. Throws as `json` does. */
  async lines(path: string, signal: AbortSignal): Promise<AsyncIterable<string> | undefined> {
    const response = await this.#fetch('GET', path, undefined, signal)
    if (response.status === 404) return undefined
    await this.#check(response, {})
    return linesOf(response)
  }

  /** The bytes at `path`, as they come. Throws as `json` does. */
  async bytes(path: string, signal: AbortSignal, hints: Hints = {}): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#fetch('GET', path, undefined, signal)
    await this.#check(response, hints)
    return response.body ?? new ReadableStream()
  }

  /** Sends bytes and gives the text of the answer. Throws as `json` does. */
  async sendBytes(path: string, body: Uint8Array, hints?: Hints): Promise<string> {
    return await (await this.#ask('POST', path, body, hints)).text()
  }

  async #ask(method: string, path: string, body: unknown, hints: Hints = {}): Promise<Response> {
    const response = await this.#fetch(method, path, body, AbortSignal.timeout(answerTimeout))
    await this.#check(response, hints)
    return response
  }

  async #fetch(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
    const headers = new Headers()
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`)
    const isBytes = body instanceof Uint8Array
    if (body !== undefined) headers.set('content-type', isBytes ? 'application/octet-stream' : 'application/json')
    const sent = isBytes ? Buffer.from(body) : body === undefined ? undefined : writeJson(body)
    try {
      return await fetch(`${this.url}${path}`, { method, headers, body: sent, signal })
    } catch (error) {
      throw new WaypostError('cli/node-unreachable', { url: this.url, why: reasonOf(error) }, { cause: error })
    }
  }

  async #check(response: Response, { notServed, alsoTakes }: Hints): Promise<void> {
    const { status } = response
    if (response.ok || status === alsoTakes) return
    if (status === 401) throw new WaypostError('cli/token-needed', { url: this.url })
    const said = (await response.text()).slice(0, maxReason).replaceAll(/\s+/g, ' ').trim()
    const reason = [said, status === 404 ? notServed : undefined].filter(Boolean).join('; ') || 'no reason given'
    throw new WaypostError('cli/node-refused', { url: this.url, status, reason })
  }
}

/** fetch says `fetch failed`; the cause says why. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? systemCode(error.cause) : messageOf(error)
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (response.body === null) return
  let rest = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

/** The client that the options ask for. Throws `settings/invalid`, `cli/no-such-file` and `cli/bad-usage`. */
export function restClient(options: RestOptions): RestClient {
  const { restUrl, restTokenFile } = options
  const named = restTokenFile === undefined ? undefined : readToken(restTokenFile)
  // The token of the node on this machine is not for whoever --rest-url names.
  if (restUrl !== undefined) return new RestClient(urlOf(restUrl), named)
  const { settings } = nodeSettings(options)
  return restClientOf(settings, undefined, named)
}

/** The client for the node of these settings, or for the one at `url`. */
export function restClientOf(settings: Settings, url: string | undefined, token?: string): RestClient {
  if (url !== undefined) return new RestClient(urlOf(url), token)
  return new RestClient(ownUrl(settings), token ?? settings.restToken ?? ownToken(settings))
}

function urlOf(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url !== null && /^https?:$/.test(url.protocol)) return url.href
  throw new WaypostError('cli/bad-usage', { why: '--rest-url is not a URL such as http://127.0.0.1:8645' })
}

function ownUrl({ restAddress, restPort }: { readonly restAddress: string; readonly restPort: number }): string {
  if (restPort === 0)
    throw new WaypostError('cli/bad-usage', {
      why: 'rest-port is 0, so the system chose the port: name it with --rest-url',
    })
  const all: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const address = all[restAddress] ?? restAddress
  return `http://${address.includes(':') ? `[${address}]` : address}:${restPort}`
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new WaypostError('cli/no-such-file', { path: file, why: systemCode(error) }, { cause: error })
  }
}

/** The token that the node made, where we may read it: on loopback it is seldom needed. */
function ownToken({ dataDir, restTokenFile }: Pick<Settings, 'dataDir' | 'restTokenFile'>): string | undefined {
  try {
    return readToken(restTokenFile ?? path.join(dataDir, 'rest.token'))
  } catch {
    return undefined
  }
}
