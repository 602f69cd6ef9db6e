/** The page: asks the node every two seconds while somebody looks, and shows what it says, or that it says nothing. */
import type { Overview } from '../overview.ts'
import { askOverview, forgetToken, hasToken, keepToken } from './ask.ts'
import { byId, copyButton, onChoice, setText } from './dom.ts'
import { verdict } from './findings.ts'
import { clockTime } from './format.ts'
import type { Window } from './plot.ts'
import { Plots } from './plots.ts'
import { drawIdentity, drawRunning, drawVerdict, drawWarnings } from './sections.ts'
import { joined, type Series } from './series.ts'
import { startTheme } from './theme.ts'

/** Milliseconds between two questions. */
const pause = 2000

const minute = 60_000
/** A narrower window would show single samples. */
const leastWindow = 5 * minute
const ranges: Readonly<Record<string, number>> = {
  '15m': 15 * minute,
  '1h': 60 * minute,
  '24h': 24 * 60 * minute,
  '7d': 7 * 24 * 60 * minute,
}

class Page {
  readonly #plots = new Plots()
  readonly #token = byId<HTMLDialogElement>('token')
  #range = '1h'
  #series: Series | undefined
  /** When the node answered last, by the clock of the browser. */
  #answeredAt: number | undefined
  /** Ends the pause before the next question. */
  #hurry = (): void => {}

  start(): void {
    startTheme()
    onChoice('range', (range) => this.#choose(range))
    byId('as-tables').addEventListener('click', () => this.#toggleTables())
    byId('token-form').addEventListener('submit', (event) => this.#giveToken(event))
    byId('forget').addEventListener('click', () => this.#forget())
    document.addEventListener('visibilitychange', () => this.#hurry())
    void this.#run()
  }

  /** One question at a time; none while nobody looks, or while the token is asked for. */
  async #run(): Promise<never> {
    for (;;) {
      if (!document.hidden && !this.#token.open) await this.#ask()
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause)
        this.#hurry = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  async #ask(): Promise<void> {
    const range = this.#range
    const told = await askOverview(range, this.#series?.times.at(-1) ?? 0)
    // Somebody chose another range meanwhile: that answer is the one that counts.
    if (range !== this.#range) return
    if (told.outcome === 'token-needed') this.#askForToken()
    else if (told.outcome === 'no-answer') this.#showSilence(told.why)
    else this.#show(told.overview)
  }

  #show(overview: Overview): void {
    this.#answeredAt = Date.now()
    const length = ranges[this.#range]!
    const start = overview.now - length
    this.#series = joined(this.#series, overview.history, start)
    drawVerdict(verdict(overview))
    drawIdentity(overview)
    drawWarnings(overview)
    if (overview.running !== undefined) drawRunning(overview, overview.running)
    this.#plots.show(windowOf(this.#series, start, overview.now), overview.running)
    this.#showState('live', 'Live')
    document.documentElement.dataset.running = String(overview.running !== undefined)
    document.title = `${byId('verdict-title').textContent} – Waypost`
    byId('forget').hidden = !hasToken()
    this.#offerPeerId(overview)
  }

  #offerPeerId({ running }: Overview): void {
    const place = byId('peer-id-copy')
    if (running === undefined || place.childElementCount > 0) return
    place.replaceChildren(...[copyButton('peer id', running.peerId)].filter((one) => one !== undefined))
  }

  /** What is shown stays, and is marked as old. */
  #showSilence(why: string): void {
    const since = this.#answeredAt === undefined ? '' : `, since ${clockTime(this.#answeredAt)}`
    this.#showState('silent', `No news of the node: ${why}${since}. Asking again.`)
    document.title = 'No answer – Waypost'
    if (this.#answeredAt !== undefined) return
    setText(byId('verdict-title'), 'No answer')
    setText(byId('verdict-text'), 'The page asks again until the node answers.')
  }

  #showState(state: 'live' | 'silent', words: string): void {
    document.documentElement.dataset.state = state
    setText(byId('state'), words)
  }

  #choose(range: string): void {
    this.#range = range
    this.#series = undefined
    this.#hurry()
  }

  #toggleTables(): void {
    const button = byId('as-tables')
    const asTables = button.getAttribute('aria-pressed') !== 'true'
    button.setAttribute('aria-pressed', String(asTables))
    this.#plots.asTables = asTables
  }

  #askForToken(): void {
    const wrong = hasToken()
    forgetToken()
    setText(byId('token-error'), wrong ? 'That is not the token of this node.' : '')
    setText(byId('verdict-title'), 'The token, please')
    if (!this.#token.open) this.#token.showModal()
  }

  #giveToken(event: Event): void {
    event.preventDefault()
    const input = byId<HTMLInputElement>('token-input')
    keepToken(input.value.trim())
    input.value = ''
    this.#token.close()
    this.#hurry()
  }

  #forget(): void {
    forgetToken()
    location.reload()
  }
}

/** The range that was chosen; of a node that has just started, what there is. */
function windowOf(series: Series, start: number, end: number): Window {
  const [first = end] = series.times
  return { series, start: Math.max(start, Math.min(first, end - leastWindow)), end }
}

new Page().start()
