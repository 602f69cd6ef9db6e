/** How far a long command has come, on the terminal of whoever waits; nothing where nobody looks. */
import type { Milliseconds } from '../core/time.ts'
import { isTerminal } from './output.ts'
import { showBytes, showSeconds } from './snapshot.ts'

export interface Done {
  readonly messages: number
  readonly bytes: number
  /** Messages that there will be, as far as is known. */
  readonly total?: number
}

const refreshInterval: Milliseconds = 100
const barWidth = 24

/** One line: what is done, a bar where the end is known, how fast it goes. */
export function progressLine(what: string, { messages, bytes, total }: Done, elapsed: Milliseconds): string {
  const seconds = Math.max(elapsed / 1000, 0.001)
  const left = total !== undefined && messages > 0 ? (Math.max(0, total - messages) * seconds) / messages : undefined
  const parts = [
    what,
    total === undefined || total === 0 ? '' : barOf(Math.min(1, messages / total)),
    `${messages} messages`,
    showBytes(bytes),
    `${showBytes(bytes / seconds)}/s`,
    left === undefined ? '' : `${showSeconds(left)} left`,
  ]
  return parts.filter((part) => part !== '').join('  ')
}

function barOf(share: number): string {
  const full = Math.round(share * barWidth)
  return `[${'#'.repeat(full)}${'-'.repeat(barWidth - full)}] ${Math.floor(share * 100)}%`
}

/** Shows it on standard error, and wipes it out at the end. */
export class Progress implements Disposable {
  readonly #what: string
  readonly #since = performance.now()
  readonly #shown = isTerminal()
  #next = 0

  constructor(what: string) {
    this.#what = what
  }

  update(done: Done): void {
    const now = performance.now()
    if (!this.#shown || now < this.#next) return
    this.#next = now + refreshInterval
    const line = progressLine(this.#what, done, now - this.#since)
    process.stderr.write(`\r\u001b[2K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`)
  }

  [Symbol.dispose](): void {
    if (this.#shown) process.stderr.write('\r\u001b[2K')
  }
}
