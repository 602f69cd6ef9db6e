/**
 * Nodes that we have heard of and that have not answered yet: asked whether they are there, a few at a time, the one heard
 * of first before the others. Those that are not, or for which there is no place, are left alone for a while.
 */
import type { Clock, Milliseconds } from '../../../core/time.ts'
import type { NodeId } from './ids.ts'
import { maxCandidates, maxMeetings, maxResting } from './limits.ts'
import type { Reachable } from './records.ts'

export interface NewcomersParts {
  /** Asks a node whether it is there. */
  readonly meet: (node: Reachable) => Promise<void>
  /** How long a node is left alone. */
  readonly rest: Milliseconds
  /** A monotonic clock. */
  readonly clock: Clock
  /** Told of a meeting that failed for no fault of the node. */
  readonly failed: (error: unknown) => void
  readonly signal: AbortSignal
}

export class Newcomers {
  readonly #parts: NewcomersParts
  readonly #candidates = new Map<NodeId, Reachable>()
  /** Until when each is left alone. */
  readonly #resting = new Map<NodeId, Milliseconds>()
  #meetings = 0

  constructor(parts: NewcomersParts) {
    this.#parts = parts
  }

  /** Somebody is said to be there. We ask, unless it is left alone. */
  hear(node: Reachable): void {
    if ((this.#resting.get(node.id) ?? 0) > this.#parts.clock()) return
    this.#candidates.delete(node.id)
    this.#candidates.set(node.id, node)
    dropOldest(this.#candidates, maxCandidates)
    this.#meetNext()
  }

  leaveAlone(id: NodeId): void {
    this.#resting.delete(id)
    this.#resting.set(id, this.#parts.clock() + this.#parts.rest)
    dropOldest(this.#resting, maxResting)
  }

  /** It is there: it is left alone no longer. */
  welcome(id: NodeId): void {
    this.#resting.delete(id)
  }

  #meetNext(): void {
    const { meet, failed, signal } = this.#parts
    const [next] = this.#candidates.values()
    if (next === undefined || this.#meetings >= maxMeetings || signal.aborted) return
    this.#candidates.delete(next.id)
    this.#meetings += 1
    meet(next)
      .catch(failed)
      .finally(() => {
        this.#meetings -= 1
        this.#meetNext()
      })
  }
}

/** Above `most` the first one goes. */
function dropOldest(map: Map<NodeId, unknown>, most: number): void {
  const [oldest] = map.keys()
  if (map.size > most && oldest !== undefined) map.delete(oldest)
}
