/**
 * Reads a tree of node records from DNS (EIP-1459, "client protocol"), believing nothing on the way: the root must be
 * signed by the key of the URL and not older than one that was seen, and each entry have the hash by which it is named.
 *
 * Entries are visited in a random order, so that clients do not all begin with the same nodes, and what is above a
 * bound is a random part of the tree.
 */
import { type ErrorCode, isWaypostError, messageOf, WaypostError } from '../../../core/errors.ts'
import { type Enr, enrFromText } from '../enr.ts'
import { type TreeLimits, treeLimits } from './limits.ts'
import type { ResolveTxt } from './resolver.ts'
import { isHashOf, parseEntry, readRoot, rootPrefix, type TreeRoot, type TreeUrl, treeUrlText } from './tree.ts'

/** A tree as far as it could be read. All of it is vouched for by its root. */
export interface FetchedTree {
  readonly url: TreeUrl
  readonly root: TreeRoot
  readonly records: readonly Enr[]
  readonly links: readonly TreeUrl[]
  /** Why entries are missing from it; empty when it was read whole. */
  readonly troubles: readonly TreeTrouble[]
  /** Texts by hash: what need not be looked up again. */
  readonly entries: ReadonlyMap<string, string>
}

/** What is wrong with an entry. */
export interface TreeTrouble {
  readonly code: ErrorCode
  /** A record that cannot be read, in a tree that can. */
  readonly ofRecord: boolean
  readonly reason: string
}

export interface FetchOptions {
  readonly resolve: ResolveTxt
  readonly limits?: Partial<TreeLimits>
  /** A root with a smaller sequence number is refused. */
  readonly atLeast?: bigint | undefined
  /** Entries that are known, by hash. */
  readonly known?: ReadonlyMap<string, string> | undefined
  readonly signal?: AbortSignal | undefined
  /** From 0 up to, not including, 1. */
  readonly random?: () => number
}

/** Troubles told of one tree; a thousand broken entries are one mistake. */
const maxTroubles = 20

/**
 * Reads the tree at `url`. Throws when it has no root that can be believed: `dns-tree/look-up-failed`,
 * `dns-tree/malformed`, `dns-tree/forged`, `dns-tree/rolled-back`; and what `signal` was aborted with.
 */
export async function fetchTree(url: TreeUrl, options: FetchOptions): Promise<FetchedTree> {
  const limits = { ...treeLimits, ...options.limits }
  const timed = AbortSignal.timeout(limits.timeout)
  const signal = options.signal === undefined ? timed : AbortSignal.any([options.signal, timed])
  const look = (name: string): Promise<readonly string[]> => boundedLookUp(options.resolve, name, limits, signal)
  const root = await fetchRoot(url, look, options.atLeast)
  const walk = new Walk({ url, limits, look, signal, known: options.known, random: options.random ?? Math.random })
  await walk.through(root)
  options.signal?.throwIfAborted()
  const { records, links, troubles, entries } = walk
  return { url, root, records: [...records.values()], links: [...links.values()], troubles, entries }
}

type LookUp = (name: string) => Promise<readonly string[]>

/** Waits no longer than `signal` says, whatever the resolver does, and keeps no more than the bounds allow. */
async function boundedLookUp(
  resolve: ResolveTxt,
  name: string,
  { answers, entryBytes }: TreeLimits,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { promise: stopped, reject } = Promise.withResolvers<never>()
  const stop = (): void => reject(new WaypostError('dns-tree/look-up-failed', { name, why: 'time is up' }))
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    const texts = await Promise.race([resolve(name, signal), stopped])
    return texts.slice(0, answers).filter((text) => text.length <= entryBytes)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function fetchRoot(url: TreeUrl, look: LookUp, atLeast = 0n): Promise<TreeRoot> {
  const { domain } = url
  const text = (await look(domain)).find((answer) => answer.startsWith(rootPrefix))
  if (text === undefined) throw new WaypostError('dns-tree/look-up-failed', { name: domain, why: 'no root of a tree' })
  const root = readRoot(text, url)
  const { sequence } = root
  if (sequence < atLeast) throw new WaypostError('dns-tree/rolled-back', { domain, sequence, known: atLeast })
  return root
}

type Kind = 'record' | 'link'

interface Step {
  readonly hash: string
  /** What the leaves below may be. */
  readonly kind: Kind
  readonly depth: number
}

interface WalkParts {
  readonly url: TreeUrl
  readonly limits: TreeLimits
  readonly look: LookUp
  readonly signal: AbortSignal
  readonly known: ReadonlyMap<string, string> | undefined
  readonly random: () => number
}

/** One way through a tree: each entry once, a few look-ups at a time. */
class Walk {
  readonly records = new Map<string, Enr>()
  readonly links = new Map<string, TreeUrl>()
  readonly entries = new Map<string, string>()
  readonly troubles: TreeTrouble[] = []
  readonly #parts: WalkParts
  readonly #waiting: Step[] = []
  /** Hashes that were named: one that comes back, by a loop or a second way, is not looked up again. */
  readonly #named = new Set<string>()
  #bytes = 0
  #wasCut = false

  constructor(parts: WalkParts) {
    this.#parts = parts
  }

  async through({ records, links }: TreeRoot): Promise<void> {
    this.#name([links], 'link', 0)
    this.#name([records], 'record', 0)
    const running = new Set<Promise<void>>()
    for (let step = this.#next(); step !== undefined || running.size > 0; step = this.#next()) {
      if (step !== undefined) {
        const visit: Promise<void> = this.#visit(step).finally(() => running.delete(visit))
        running.add(visit)
      }
      if (step === undefined || running.size >= this.#parts.limits.lookUps) await Promise.race(running)
    }
  }

  /** One of those that wait, by chance. */
  #next(): Step | undefined {
    const { random, signal } = this.#parts
    if (signal.aborted) this.#stop()
    const index = Math.floor(random() * this.#waiting.length)
    const last = this.#waiting.pop()
    const chosen = this.#waiting[index]
    if (chosen === undefined || last === undefined) return last
    this.#waiting[index] = last
    return chosen
  }

  #stop(): void {
    if (this.#waiting.length > 0) this.#cut(`${this.#parts.limits.timeout} ms`)
    this.#waiting.length = 0
  }

  #name(hashes: readonly string[], kind: Kind, depth: number): void {
    const { limits } = this.#parts
    if (depth > limits.depth) {
      this.#cut(`${limits.depth} branches one below the other`)
      return
    }
    for (const hash of hashes) {
      if (this.#named.has(hash)) continue
      if (this.#named.size >= limits.entries) {
        this.#cut(`${limits.entries} entries`)
        return
      }
      this.#named.add(hash)
      this.#waiting.push({ hash, kind, depth })
    }
  }

  async #visit(step: Step): Promise<void> {
    try {
      this.#take(await this.#textOf(step), step)
    } catch (error) {
      this.#trouble(error, false)
    }
  }

  async #textOf({ hash }: Step): Promise<string> {
    const { known, look, url, limits } = this.#parts
    const name = `${hash}.${url.domain}`
    const text = known?.get(hash) ?? (await look(name)).find((answer) => isHashOf(hash, answer))
    if (text === undefined) throw new WaypostError('dns-tree/wrong-hash', { name })
    this.#bytes += text.length
    if (this.#bytes > limits.bytes) {
      this.#waiting.length = 0
      throw this.#above(`${limits.bytes} bytes`)
    }
    this.entries.set(hash, text)
    return text
  }

  /** EIP-1459: links stand below the root of the links only, records below that of the records. */
  #take(text: string, { kind, depth }: Step): void {
    const entry = parseEntry(text)
    if (entry.is !== 'branch' && entry.is !== kind)
      throw new WaypostError('dns-tree/malformed', { what: 'entry', why: `a ${entry.is} among ${kind}s` })
    if (entry.is === 'branch') this.#name(entry.hashes, kind, depth + 1)
    else if (entry.is === 'link') this.links.set(treeUrlText(entry.to), entry.to)
    else this.#takeRecord(entry.text)
  }

  /** A record of another identity scheme, or without a fitting signature, is left out; the others still count. */
  #takeRecord(text: string): void {
    try {
      this.records.set(text, enrFromText(text))
    } catch (error) {
      this.#trouble(error, true)
    }
  }

  /** What is above a bound is left out, and that is said once. */
  #cut(limit: string): void {
    if (!this.#wasCut) this.#trouble(this.#above(limit), false)
    this.#wasCut = true
  }

  #above(limit: string): WaypostError {
    return new WaypostError('dns-tree/too-large', { domain: this.#parts.url.domain, limit })
  }

  #trouble(error: unknown, ofRecord: boolean): void {
    if (this.troubles.length >= maxTroubles) return
    this.troubles.push({
      code: isWaypostError(error) ? error.code : 'internal/bug',
      ofRecord,
      reason: messageOf(error),
    })
  }
}
