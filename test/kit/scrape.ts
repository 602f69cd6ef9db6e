/** What a running node says of itself, read as Prometheus reads it. */
import { setTimeout } from 'node:timers/promises'
import { MetricsText } from '../../src/cli/metrics-text.ts'
import type { Daemon } from './daemon.ts'

/** Milliseconds between two scrapes: a node renders its metrics once a second. */
const pause = 100

/** The text of a scrape of the metrics server, or of REST where there is none. */
export async function scrapeText({ metricsUrl, restUrl }: Pick<Daemon, 'metricsUrl' | 'restUrl'>): Promise<string> {
  return (await fetch(`${metricsUrl || restUrl}/metrics`)).text()
}

export async function scrape(node: Daemon): Promise<MetricsText> {
  return new MetricsText(await scrapeText(node))
}

/** The first scrape for which `holds` is true. */
export async function scrapeUntil(node: Daemon, holds: (metrics: MetricsText) => boolean): Promise<MetricsText> {
  for (;;) {
    const metrics = await scrape(node)
    if (holds(metrics)) return metrics
    await setTimeout(pause)
  }
}
