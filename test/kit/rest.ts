/** Nodes in this process, asked by REST as a script would. */
import type { Test } from 'tap'
import { startNode, type WaypostNode } from '../../src/node/node.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import { silentLog } from '../../src/telemetry/log.ts'

const loopback = ['--listen-address=127.0.0.1', '--tcp-port=0', '--rest-port=0', '--nat=none', '--store-ballast=0']

/** A started node on free ports of loopback, in a folder of this test, until the test ends. */
export async function startedNode(t: Test, folder: string, argv: readonly string[]): Promise<WaypostNode> {
  const { settings } = resolveSettings({ argv: [...loopback, `--data-dir=${folder}`, ...argv] })
  const node = await startNode({ settings, version: '1.2.3', log: silentLog() })
  t.teardown(() => node[Symbol.asyncDispose]())
  return node
}

/** What is sent: JSON, unless it is said otherwise. */
export interface Sent {
  readonly body?: unknown
  /** In place of JSON. */
  readonly raw?: string
  /** None when null. */
  readonly type?: string | null
  /** What the client takes. */
  readonly accept?: string
}

export interface Told {
  readonly status: number
  readonly type: string | null
  readonly text: string
}

/** One question to a node. */
export async function ask(
  { restUrl }: WaypostNode,
  method: string,
  target: string,
  { body: value, raw, type = 'application/json', accept = '*/*' }: Sent = {},
): Promise<Told> {
  const content = raw ?? (value === undefined ? undefined : JSON.stringify(value))
  const headers = { accept, ...(content === undefined || type === null ? {} : { 'content-type': type }) }
  // To a text fetch gives a type of its own.
  const body = content === undefined ? undefined : Buffer.from(content)
  const response = await fetch(`${restUrl}${target}`, { method, body, headers })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

/** Asks again, as long as the answer is not what was waited for: a mesh that stands, a message that has come. */
export async function askUntil(good: (told: Told) => boolean, question: () => Promise<Told>): Promise<Told> {
  for (;;) {
    const told = await question()
    if (good(told)) return told
  }
}
