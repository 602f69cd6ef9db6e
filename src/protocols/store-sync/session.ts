/** One reconciliation with one peer, from either side: takes our turns, and gathers what is to be sent when it is over. */
import { WaypostError } from '../../core/errors.ts'
import type { MessageHash } from '../../core/hash.ts'
import type { Nanoseconds } from '../../core/time.ts'
import type { Reply } from '../../net/dialogue.ts'
import { decodePayload, donePayload, encodePayload, type SyncPayload } from './codec.ts'
import { maxSessionMessages } from './limits.ts'
import { isOver, nextTick, opening, takeTurn } from './reconcile.ts'
import type { Scope, SyncIndex } from './sync-index.ts'

export class SyncSession {
  readonly #index: SyncIndex
  readonly #ours: Scope
  readonly #toSend: MessageHash[] = []
  #wanted = 0
  #turns = 0

  /** `ours`: what this node keeps. */
  constructor(index: SyncIndex, ours: Scope) {
    this.#index = index
    this.#ours = ours
  }

  /** What we have and the peer has not. */
  get toSend(): readonly MessageHash[] {
    return this.#toSend
  }

  /** How many messages one of the two has and the other has not. */
  get differences(): number {
    return this.#toSend.length + this.#wanted
  }

  /** Turns of the peer so far. */
  get turns(): number {
    return this.#turns
  }

  /** Our first turn: what we have from `from` to `to`. */
  open(from: Nanoseconds, to: Nanoseconds): Uint8Array {
    const start = from < this.#index.floor ? this.#index.floor : from
    return encodePayload({ ...this.#ours, ...opening(this.#index.view(this.#ours), start, to) })
  }

  /** Our turn after theirs. Throws `wire/malformed`. */
  async speak(body: Uint8Array): Promise<Reply> {
    const payload = decodePayload(body)
    this.#turns += 1
    if (isOver(payload.ranges)) return undefined
    const scope = commonScope(this.#ours, payload)
    // nwaku says so with a frame that is empty.
    if (scope === undefined) return { body: new Uint8Array(0), last: true }
    return this.#answer(payload, scope)
  }

  async #answer(payload: SyncPayload, scope: Scope): Promise<Reply> {
    const { ranges, lower, toSend, wanted } = await takeTurn(payload, this.#index.view(scope), {
      floor: this.#index.floor,
      maxToSend: maxSessionMessages - this.#toSend.length,
      pause: nextTick,
    })
    for (const hash of toSend) this.#toSend.push(hash)
    this.#wanted += wanted
    if (isOver(ranges)) return { body: donePayload, last: true }
    return { body: encodePayload({ ...this.#ours, lower, ranges }), last: false }
  }
}

/** What both keep; undefined when that is nothing. A list that is empty stands for everything. */
export function commonScope(ours: Scope, theirs: Scope): Scope | undefined {
  const pubsubTopics = common(ours.pubsubTopics, theirs.pubsubTopics)
  const contentTopics = common(ours.contentTopics, theirs.contentTopics)
  return pubsubTopics && contentTopics && { pubsubTopics, contentTopics }
}

function common(ours: readonly string[], theirs: readonly string[]): readonly string[] | undefined {
  if (theirs.length > maxScopeTopics)
    throw new WaypostError('wire/malformed', { what: 'scope', why: 'too many topics' })
  if (ours.length === 0 || theirs.length === 0) return ours.length === 0 ? theirs : ours
  const named = new Set(theirs)
  const both = ours.filter((topic) => named.has(topic))
  return both.length === 0 ? undefined : both
}

/** Topics that a peer may name: 1,024 shards are more than any network has, and a node follows few content topics. */
const maxScopeTopics = 1024
