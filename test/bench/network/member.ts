/** A node of the network bench: the daemon, killed and started again at will, and what it gets. */
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Daemon, daemon } from '../../kit/daemon.ts'
import type { Bench } from '../kit/bench.ts'
import type { Site } from './place.ts'

/** How often a node is asked whether it is in the meshes again. */
const patience = 100

/** How often a node that starts is asked how far it is: thirty at once, on the cores on which they start. */
const startPatience = 500

/** A mesh with fewer peers looks for more (gossipsub's Dlo). */
const meshLow = 4

export const cluster = 66
export const shards = [0, 1]
export const pubsubTopic = (shard: number) => `/waku/2/rs/${cluster}/${shard}`

export interface MemberOptions {
  readonly site: Site
  readonly flags: readonly string[]
  /** Nodes of the network beside it. */
  readonly others: number
}

/** When a node was ready, in ms since it said that it had started. */
export interface Readiness {
  readonly peers: number
  readonly mesh: number
}

export class Member {
  readonly site: Site
  /** Ids of the messages that came, and when. */
  readonly got = new Map<string, number>()
  /** Up since; undefined while it is down. */
  upSince: number | undefined
  #daemon: Daemon | undefined
  #reading: AbortController | undefined
  readonly #bench: Bench
  readonly #dataDir: string
  readonly #flags: readonly string[]
  readonly #others: number

  constructor(bench: Bench, { site, flags, others }: MemberOptions) {
    this.#bench = bench
    this.site = site
    this.#flags = flags
    this.#others = others
    this.#dataDir = path.join(bench.testdirName, site.address)
  }

  get enr(): string {
    return this.#daemon?.enr ?? ''
  }

  async start(): Promise<void> {
    await mkdir(this.#dataDir, { recursive: true })
    const { address, under } = this.site
    const place = [`--listen-address=${address}`, `--rest-address=${address}`, '--rest-port=8645', '--tcp-port=60000']
    const flags = [...this.#flags, ...place, '--rest-auth=none', '--rest-admin=true', '--websocket-support=false']
    this.#daemon = await daemon(this.#bench, { flags, dataDir: this.#dataDir, under })
    this.upSince = performance.now()
    this.#reading = new AbortController()
    void this.#read(this.#reading.signal)
  }

  /** As a power cut does. */
  async kill(): Promise<void> {
    this.upSince = undefined
    this.#reading?.abort()
    await this.#daemon?.stop('SIGKILL')
  }

  /** Resolves when it misses no peers and is in full meshes. */
  async ready(): Promise<Readiness> {
    const begun = this.upSince ?? performance.now()
    let peers: number | undefined
    let mesh: number | undefined
    while (peers === undefined || mesh === undefined) {
      const [missing, meshes] = await Promise.all([this.#missing(), this.meshes()])
      const now = performance.now() - begun
      // In a small network there may be nobody else to have.
      if (missing === 0 || (peers === undefined && (await this.neighbours()).length >= this.#others)) peers ??= now
      if (meshes.length === shards.length && meshes.every((size) => size >= Math.min(meshLow, this.#others)))
        mesh ??= now
      await pause(startPatience)
    }
    return { peers, mesh }
  }

  /** Resolves when it is in the mesh of each shard, with whoever: what is published reaches it. In ms since it started. */
  async inMeshes(): Promise<number> {
    const begun = this.upSince ?? performance.now()
    for (;;) {
      const meshes = await this.meshes()
      if (meshes.length === shards.length && meshes.every((size) => size > 0)) return performance.now() - begun
      await pause(patience)
    }
  }

  /** Peers in the mesh of each shard. */
  async meshes(): Promise<number[]> {
    const found = await this.#json<{ peers: unknown[] }[]>('/admin/v1/peers/mesh')
    return (found ?? []).map(({ peers }) => peers.length)
  }

  /** Addresses of the peers that are connected. */
  async neighbours(): Promise<string[]> {
    const found = await this.#json<{ multiaddr: string }[]>('/admin/v1/peers/connected')
    return (found ?? []).map(({ multiaddr }) => multiaddr)
  }

  async publish(id: string, shard: number, bytes: number): Promise<boolean> {
    const payload = Buffer.alloc(bytes, id.padEnd(16)).toString('base64')
    const message = { payload, contentTopic: `/bench/1/${id}/proto`, timestamp: Date.now() * 1e6 }
    const target = `/relay/v1/messages/${encodeURIComponent(pubsubTopic(shard))}`
    return (await this.#ask(target, { method: 'POST', body: JSON.stringify(message) }))?.ok ?? false
  }

  /** Ids of the messages in its store. */
  async stored(): Promise<Set<string>> {
    const ids = new Set<string>()
    let cursor = ''
    do {
      const target = `/store/v3/messages?includeData=true&pageSize=100&cursor=${encodeURIComponent(cursor)}`
      const page = await this.#json<{ messages: { message: { contentTopic: string } }[]; paginationCursor?: string }>(
        target,
      )
      for (const { message } of page?.messages ?? []) ids.add(idOf(message.contentTopic))
      cursor = page?.paginationCursor ?? ''
    } while (cursor !== '')
    return ids
  }

  async #missing(): Promise<number> {
    const text = (await (await this.#ask('/metrics'))?.text()) ?? ''
    return Number(/\nwaypost_missing_peers (\d+)/.exec(text)?.[1] ?? Number.NaN)
  }

  async #json<Answer>(target: string): Promise<Answer | undefined> {
    const response = await this.#ask(target)
    return response?.ok ? ((await response.json()) as Answer) : undefined
  }

  /** Undefined: it is down, or busy. */
  async #ask(target: string, init: RequestInit = {}): Promise<Response | undefined> {
    try {
      const headers = { 'content-type': 'application/json' }
      return await fetch(`${this.#daemon?.restUrl}${target}`, { headers, signal: AbortSignal.timeout(5000), ...init })
    } catch {
      return undefined
    }
  }

  /** Follows what comes, until it is killed. */
  async #read(signal: AbortSignal): Promise<void> {
    try {
      const response = await fetch(`${this.#daemon?.restUrl}/relay/v1/events`, { signal })
      let rest = ''
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) this.#note(line)
      }
    } catch {
      // It was killed.
    }
  }

  #note(line: string): void {
    const id = /"contentTopic":"([^"]*)"/.exec(line)?.[1]
    if (id !== undefined && !this.got.has(idOf(id))) this.got.set(idOf(id), performance.now())
  }
}

function idOf(contentTopic: string): string {
  return contentTopic.split('/')[3] ?? ''
}
