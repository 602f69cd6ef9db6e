/** What a person needs to know of a node that has just started. */
import type { WaypostNode } from '../node/node.ts'

/** The node without its end. */
type Started = Omit<WaypostNode, typeof Symbol.asyncDispose>

/** Addresses shown at the most; a machine with many interfaces has many. */
const shownAddresses = 6
const shownTopics = 4

/** Some lines of text, the last one ready to be copied into another terminal. */
export function banner(node: Started): string {
  const rows: [string, readonly string[]][] = [
    ['peer id', [node.peerId]],
    ['listening', shorten(node.addresses, shownAddresses)],
    ['shards', shorten(node.pubsubTopics, shownTopics)],
    ['record', [node.enr]],
    ['data', [node.dataDir]],
    ['rest', [node.restUrl ?? 'off (--rest)']],
    ['metrics', [metricsLine(node)]],
    ['try', [tryLine(node)]],
  ]
  return `\n${rows.map(([name, values]) => row(name, values)).join('\n')}\n\n`
}

function row(name: string, values: readonly string[]): string {
  const [first = 'none', ...rest] = values
  return [`  ${name.padEnd(10)}${first}`, ...rest.map((value) => `  ${''.padEnd(10)}${value}`)].join('\n')
}

function shorten(values: readonly string[], most: number): readonly string[] {
  return values.length <= most ? values : [...values.slice(0, most), `and ${values.length - most} more`]
}

function metricsLine({ metricsUrl, restUrl }: Started): string {
  const server = metricsUrl ?? restUrl
  return server === undefined ? 'off (--metrics-server)' : `${server}/metrics`
}

/** The line to try. */
export function tryLine({ restUrl, addresses }: Started): string {
  if (restUrl !== undefined) return `curl ${restUrl}/health`
  return `waypost run --staticnode=${addresses[0] ?? '<address>'}`
}
