/** The node as its HTTP servers see it, from the first moment to the last. */
import type { Milliseconds } from '../core/time.ts'
import type { OverviewService } from '../rest/overview.ts'
import type { HealthState, NodeHealth, NodeView, Services } from '../rest/view.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type HealthParts, protocolHealth } from './health.ts'

/** Scrapes within this time get the same text: a scraper in a loop costs nothing. */
const renderedFor: Milliseconds = 1000

export interface Started {
  /** What we announce at this moment. */
  readonly addresses: () => readonly string[]
  /** Our record at this moment. */
  readonly enr: () => string
  readonly health: HealthParts
  readonly services: Services
  /** Brings those metrics up to date that no event does. */
  readonly measure: () => Promise<void>
}

/** What is served beside the API, from the first moment on. */
export interface Shown {
  readonly overview?: OverviewService
  readonly hasPage?: boolean
}

export class View implements NodeView {
  readonly version: string
  readonly overview: OverviewService | undefined
  readonly hasPage: boolean
  readonly #metrics: Metrics
  #state: HealthState = 'INITIALIZING'
  #started: Started | undefined
  #rendered: ReturnType<NodeView['metrics']> | undefined
  #renderedUntil = 0

  constructor(version: string, metrics: Metrics, { overview, hasPage = false }: Shown = {}) {
    this.version = version
    this.overview = overview
    this.hasPage = hasPage
    this.#metrics = metrics
  }

  started(started: Started): void {
    this.#started = started
    this.#state = 'READY'
    this.#metrics.waku_version.set({ version: this.version }, 1)
  }

  stopping(): void {
    this.#state = 'SHUTTING_DOWN'
  }

  health(): NodeHealth {
    const parts = this.#started?.health
    return { node: this.#now(), protocols: parts === undefined ? [] : protocolHealth(parts) }
  }

  ready(): boolean {
    return this.#now() === 'READY'
  }

  info(): ReturnType<NodeView['info']> {
    return { listenAddresses: this.#started?.addresses() ?? [], enrUri: this.#started?.enr() ?? '' }
  }

  services(): Services | undefined {
    return this.#started?.services
  }

  metrics(): ReturnType<NodeView['metrics']> {
    const now = performance.now()
    if (this.#rendered === undefined || now >= this.#renderedUntil) {
      this.#rendered = this.#render()
      this.#renderedUntil = now + renderedFor
    }
    return this.#rendered
  }

  /** A store that fetches what it missed is not ready: who asks it now gets half an answer. */
  #now(): HealthState {
    const isResuming = this.#state === 'READY' && this.#started?.health.resuming?.() !== undefined
    return isResuming ? 'SYNCHRONIZING' : this.#state
  }

  async #render(): ReturnType<NodeView['metrics']> {
    const { registry } = this.#metrics
    await this.#started?.measure()
    return { contentType: registry.contentType, text: await registry.metrics() }
  }
}
