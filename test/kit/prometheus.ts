/**
 * A real Prometheus on loopback, with the rules of deploy/prometheus, for a test. It scrapes and judges twice a second
 * instead of every fifteen seconds, and rules fire at once: a `for` of minutes is left out, which alerts.test.yml holds to
 * its word. Expressions, windows and thresholds are those that operators have.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { parse } from 'yaml'
import type { Owner } from './owner.ts'

/** The job that operators have: the rules select by it. */
const { scrape_configs: jobs } = parse(readFileSync('deploy/prometheus/prometheus.yml', 'utf8')) as {
  scrape_configs: { job_name: string }[]
}
const job = jobs[0]?.job_name

/** Milliseconds between two looks at the alerts. */
const pause = 200

/** Milliseconds after which a test tells what it sees, rather than to be ended without a word. */
const patience = 300_000

export interface Vector {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

export class Prometheus {
  readonly #url: string
  readonly #targets: string
  readonly #instances = new Map<string, string>()

  private constructor(url: string, targets: string) {
    this.#url = url
    this.#targets = targets
  }

  /** Starts `program` in a folder of its own. */
  static async start(t: Owner, program: string): Promise<Prometheus> {
    const folder = mkdtempSync(path.join(tmpdir(), 'waypost-prometheus-'))
    const targets = path.join(folder, 'targets.json')
    const rules = readFileSync('deploy/prometheus/alerts.yml', 'utf8')
    writeFileSync(path.join(folder, 'alerts.yml'), rules.replaceAll(/^ +for: \d+m\n/gm, ''))
    writeFileSync(targets, '[]')
    writeFileSync(path.join(folder, 'prometheus.yml'), configuration(targets))
    const [data, config] = [path.join(folder, 'data'), path.join(folder, 'prometheus.yml')]
    const flags = [`--config.file=${config}`, `--storage.tsdb.path=${data}`, '--web.listen-address=127.0.0.1:0']
    const child = spawn(program, [...flags, '--log.format=json'], { stdio: ['ignore', 'ignore', 'pipe'] })
    t.teardown(async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => child.once('exit', resolve))
      rmSync(folder, { recursive: true, force: true })
    })
    return new Prometheus(await addressOf(child.stderr), targets)
  }

  /** Scrapes a metrics server under the name `instance` from now on. */
  watch(instance: string, metricsUrl: string): void {
    this.#instances.set(instance, new URL(metricsUrl).host)
    const groups = Array.from(this.#instances, ([name, target]) => ({ targets: [target], labels: { instance: name } }))
    writeFileSync(this.#targets, JSON.stringify(groups))
  }

  /** What an expression gives now. Throws with Prometheus' words when it is none. */
  async query(expression: string): Promise<readonly Vector[]> {
    const { result } = await this.#ask<{ result: readonly Vector[] }>(`query?query=${encodeURIComponent(expression)}`)
    return result
  }

  /** The names of the alerts that fire for an instance. */
  async firing(instance: string): Promise<ReadonlySet<string>> {
    const { alerts } = await this.#ask<{ alerts: { labels: Record<string, string>; state: string }[] }>('alerts')
    const ours = alerts.filter(({ labels, state }) => labels.instance === instance && state === 'firing')
    return new Set(ours.map(({ labels }) => labels.alertname ?? ''))
  }

  /** Settles when `alert` fires for `instance`, or, with `false`, when it does no more. */
  async until(instance: string, alert: string, fires = true): Promise<void> {
    const fired = await this.#firingOnce(instance, (names) => names.has(alert) === fires)
    if (fired.has(alert) !== fires) throw new Error(`${alert} of ${instance}: waited in vain, firing: ${[...fired]}`)
  }

  /** What still fires for `instance` after a while of patience: one second of a busy machine is a stall, and no illness. */
  async lasting(instance: string): Promise<readonly string[]> {
    return [...(await this.#firingOnce(instance, (names) => names.size === 0))]
  }

  /** The alerts of `instance` as soon as `holds`, or as they are when patience is at its end. */
  async #firingOnce(instance: string, holds: (names: ReadonlySet<string>) => boolean): Promise<ReadonlySet<string>> {
    const end = performance.now() + patience
    for (;;) {
      const names = await this.firing(instance)
      if (holds(names) || performance.now() > end) return names
      await setTimeout(pause)
    }
  }

  /** Settles when an instance has been scraped and judged so many times more. */
  async rounds(instance: string, count: number): Promise<void> {
    const scraped = `count_over_time(up{instance="${instance}"}[1h])`
    const now = async () => Number((await this.query(scraped))[0]?.value[1] ?? 0)
    const start = await now()
    while ((await now()) < start + count) await setTimeout(pause)
  }

  async #ask<Data>(question: string): Promise<Data> {
    const response = await fetch(`${this.#url}/api/v1/${question}`)
    const { status, error, data } = (await response.json()) as { status: string; error?: string; data: Data }
    if (status !== 'success') throw new Error(`${question}: ${error}`)
    return data
  }
}

function configuration(targets: string): string {
  const discovery = { job_name: job, file_sd_configs: [{ files: [targets], refresh_interval: '1s' }] }
  return JSON.stringify({
    global: { scrape_interval: '500ms', scrape_timeout: '400ms', evaluation_interval: '500ms' },
    rule_files: ['alerts.yml'],
    scrape_configs: [discovery],
  })
}

/** Where it listens, once it is ready. */
function addressOf(log: NodeJS.ReadableStream): Promise<string> {
  let address = ''
  return new Promise((resolve, reject) => {
    createInterface({ input: log })
      .on('line', (text) => {
        const line = JSON.parse(text) as { msg?: string; address?: string }
        if (line.msg === 'Listening on') address = line.address ?? ''
        if (line.msg?.startsWith('Server is ready')) resolve(`http://${address}`)
      })
      .on('close', () => reject(new Error('Prometheus has ended')))
  })
}
