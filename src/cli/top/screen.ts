/** A terminal that is drawn on: a screen of its own, left as it was found. */
import type { Size } from './view.ts'

const enter = '\u001b[?1049h\u001b[?25l'
const leave = '\u001b[?25h\u001b[?1049l'
const home = '\u001b[H'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'

/** Keys that end it: q, Escape, Ctrl-C (which a raw terminal sends as a character). */
const endingKeys: ReadonlySet<string> = new Set(['q', 'Q', '\u001b', '\u0003'])

export class Screen implements Disposable {
  readonly #left = new AbortController()
  readonly #resized: () => void
  readonly #ending: ReadonlySet<string>
  readonly #pressed = (data: Buffer): void => {
    if (this.#ending.has(data.toString())) this.#left.abort()
  }

  /** `resized` is called when the terminal has another size; `ending`: keys that end it. */
  constructor(resized: () => void, ending: ReadonlySet<string> = endingKeys) {
    this.#resized = resized
    this.#ending = ending
    process.stdout.write(enter)
    process.stdout.on('resize', resized)
    process.stdin.setRawMode(true)
    process.stdin.on('data', this.#pressed)
  }

  /** Aborted when a key says that it is enough. */
  get left(): AbortSignal {
    return this.#left.signal
  }

  get size(): Size {
    // A terminal that does not tell its size gives 0.
    return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }
  }

  draw(lines: readonly string[]): void {
    process.stdout.write(`${home}${lines.map((line) => `${line}${clearLine}`).join('\r\n')}${clearBelow}`)
  }

  [Symbol.dispose](): void {
    process.stdout.off('resize', this.#resized)
    process.stdin.off('data', this.#pressed)
    process.stdin.setRawMode(false)
    process.stdin.pause()
    process.stdout.write(leave)
  }
}
