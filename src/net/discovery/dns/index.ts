/**
 * Discovery by DNS: reads the trees of node records that the settings name and those to which these link, again and
 * again, and tells of every record in them. What was read last stands in for a tree that cannot be read.
 */
import { type ErrorCode, isWaypostError, messageOf } from '../../../core/errors.ts'
import { type Milliseconds, type Schedule, systemSchedule } from '../../../core/time.ts'
import type { Log } from '../../../telemetry/log.ts'
import type { Metrics } from '../../../telemetry/metrics.ts'
import { type Enr, enrToText } from '../enr.ts'
import { type FetchedTree, fetchTree } from './client.ts'
import { type GoodTree, readLastGood, writeLastGood } from './last-good.ts'
import { type DiscoveryLimits, discoveryLimits, type TreeLimits, treeLimits } from './limits.ts'
import type { ResolveTxt } from './resolver.ts'
import { parseTreeUrl, type TreeUrl, treeUrlText } from './tree.ts'

export interface DnsDiscoveryOptions {
  /** `enrtree://<key>@<domain>`, each. */
  readonly urls: readonly string[]
  readonly resolver: ResolveTxt
  /** Told of each record, its signature checked, whenever its tree has been read. It does not throw. */
  readonly found: (record: Enr) => void
  /** The file in which what was read is kept over a restart. */
  readonly lastGood?: string | undefined
  readonly metrics: Metrics
  readonly log: Log
  readonly limits?: Partial<DiscoveryLimits>
  readonly treeLimits?: Partial<TreeLimits>
  readonly schedule?: Schedule
  /** From 0 up to, not including, 1. */
  readonly random?: () => number
}

/** Reads the trees until it is disposed of; the first round begins at once. Throws `dns-tree/malformed` for a wrong URL. */
export function startDnsDiscovery(options: DnsDiscoveryOptions): AsyncDisposable {
  const discovery = new DnsDiscovery(options)
  discovery.start()
  return discovery
}

/** A tree, and what need not be looked up again of it. */
interface KnownTree extends GoodTree {
  readonly entries?: ReadonlyMap<string, string>
}

/** A tree to be read in a round. */
interface Visit {
  readonly url: TreeUrl
  readonly depth: number
}

class DnsDiscovery implements AsyncDisposable {
  readonly #options: Required<Omit<DnsDiscoveryOptions, 'lastGood' | 'limits' | 'treeLimits'>> & DnsDiscoveryOptions
  readonly #limits: DiscoveryLimits
  readonly #named: readonly TreeUrl[]
  readonly #stopped = new AbortController()
  /** By URL: those of the last round, so no more than may be read in one. */
  #trees = new Map<string, KnownTree>()
  /** URLs of trees that could not be read whole the last time. */
  #ailing = new Set<string>()
  #failures = 0
  #round: Promise<void> = Promise.resolve()
  #cancel: () => void = () => {}

  constructor(options: DnsDiscoveryOptions) {
    this.#options = { schedule: systemSchedule, random: Math.random, ...options }
    this.#limits = { ...discoveryLimits, ...options.limits }
    this.#named = options.urls.map(parseTreeUrl)
  }

  start(): void {
    this.#begin(() => this.#first())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort()
    this.#cancel()
    await this.#round
  }

  #begin(round: () => Promise<void>): void {
    this.#round = round()
      .catch((error) => this.#options.log.error({ reason: messageOf(error) }, 'discovery by DNS failed'))
      .then(() => this.#comeBack())
  }

  async #first(): Promise<void> {
    const { lastGood, log } = this.#options
    if (lastGood !== undefined) this.#trees = await readLastGood(lastGood, log)
    await this.#read()
  }

  async #read(): Promise<void> {
    const trees = new Map<string, KnownTree>()
    const ailing = new Set<string>()
    const queue: Visit[] = this.#named.map((url) => ({ url, depth: 0 }))
    for (const { url, depth } of queue) {
      const text = treeUrlText(url)
      if (trees.has(text) || trees.size >= this.#limits.trees) continue
      const { tree, links, isWhole } = await this.#readTree(url)
      if (this.#stopped.signal.aborted) return
      trees.set(text, tree)
      if (!isWhole) ailing.add(text)
      for (const record of tree.records) this.#options.found(record)
      if (depth < this.#limits.linkDepth) queue.push(...links.map((to) => ({ url: to, depth: depth + 1 })))
    }
    if (ailing.size > 0) this.#carryOver(trees)
    await this.#keep(trees, ailing)
  }

  /** A tree to which only an ailing one may link stays as it was. */
  #carryOver(trees: Map<string, KnownTree>): void {
    for (const [url, tree] of this.#trees) {
      if (trees.has(url) || trees.size >= this.#limits.trees) continue
      trees.set(url, tree)
      for (const record of tree.records) this.#options.found(record)
    }
  }

  async #readTree(url: TreeUrl): Promise<{ tree: KnownTree; links: readonly TreeUrl[]; isWhole: boolean }> {
    const { resolver, treeLimits: limits, random } = this.#options
    const before = this.#trees.get(treeUrlText(url)) ?? { sequence: 0n, records: [] }
    const { sequence: atLeast, entries: known } = before
    const { signal } = this.#stopped
    try {
      const fetched = await fetchTree(url, { resolve: resolver, limits: limits ?? {}, atLeast, known, signal, random })
      const isWhole = this.#judge(fetched)
      return { tree: isWhole ? goodTree(fetched) : joined(fetched, before), links: fetched.links, isWhole }
    } catch (error) {
      if (!signal.aborted) this.#tellTrouble(url, codeOf(error), messageOf(error), before.records.length)
      return { tree: before, links: [], isWhole: false }
    }
  }

  /** Tells what is missing; false when something is. A record that is none is nobody's trouble but its own. */
  #judge({ url, troubles, records }: FetchedTree): boolean {
    const { metrics, log } = this.#options
    for (const { ofRecord, reason } of troubles) {
      if (ofRecord) metrics.waku_dnsdisc_errors_total.inc({ type: 'peer_info_failure' })
      log.debug({ tree: url.domain, reason }, 'entry of a tree left out')
    }
    const [missing] = troubles.filter(({ ofRecord }) => !ofRecord)
    if (missing === undefined) this.#tellWell(url, records.length)
    else this.#tellTrouble(url, missing.code, missing.reason, records.length)
    return missing === undefined
  }

  #tellTrouble(url: TreeUrl, code: ErrorCode, reason: string, records: number): void {
    const { metrics, log } = this.#options
    metrics.waku_dnsdisc_errors_total.inc({ type: 'tree_sync_failure' })
    const level = this.#ailing.has(treeUrlText(url)) ? 'debug' : 'warn'
    log[level]({ tree: url.domain, code, reason, records }, 'tree of node records not read whole')
  }

  #tellWell(url: TreeUrl, records: number): void {
    const text = treeUrlText(url)
    const isNews = this.#ailing.has(text) || this.#trees.get(text)?.entries === undefined
    this.#options.log[isNews ? 'info' : 'debug']({ tree: url.domain, records }, 'tree of node records read')
  }

  async #keep(trees: Map<string, KnownTree>, ailing: Set<string>): Promise<void> {
    const { metrics, lastGood, log } = this.#options
    const records = new Set([...trees.values()].flatMap((tree) => tree.records.map(enrToText)))
    metrics.waku_dnsdisc_discovered.set(records.size)
    const changed = isChanged(this.#trees, trees)
    this.#trees = trees
    this.#ailing = ailing
    this.#failures = ailing.size > 0 ? this.#failures + 1 : 0
    if (lastGood === undefined || !changed) return
    try {
      await writeLastGood(lastGood, trees)
    } catch (error) {
      log.warn({ file: lastGood, reason: messageOf(error) }, 'node records not kept')
    }
  }

  #comeBack(): void {
    if (this.#stopped.signal.aborted) return
    this.#cancel = this.#options.schedule(() => this.#begin(() => this.#read()), this.#wait())
  }

  #wait(): Milliseconds {
    const { refresh, retry, jitter } = this.#limits
    const wait = this.#failures === 0 ? refresh : Math.min(refresh, retry * 2 ** (this.#failures - 1))
    return wait * (1 + jitter * (2 * this.#options.random() - 1))
  }
}

function goodTree({ root, records, entries }: FetchedTree): KnownTree {
  return { sequence: root.sequence, records, entries }
}

/** What a tree that was not read whole lacks, it has from before, as far as a tree may be large. */
function joined(fetched: FetchedTree, before: GoodTree): KnownTree {
  const records = [...fetched.records, ...before.records].slice(0, treeLimits.entries)
  const distinct = new Map(records.map((record) => [enrToText(record), record]))
  return { ...goodTree(fetched), records: [...distinct.values()] }
}

function isChanged(before: ReadonlyMap<string, GoodTree>, after: ReadonlyMap<string, GoodTree>): boolean {
  const lines = (trees: ReadonlyMap<string, GoodTree>): string =>
    JSON.stringify(
      Array.from(trees, ([url, { sequence, records }]) => [url, `${sequence}`, records.map(enrToText).sort()]),
    )
  return lines(before) !== lines(after)
}

function codeOf(error: unknown): ErrorCode {
  return isWaypostError(error) ? error.code : 'internal/bug'
}
