/**
 * A lookup: comes closer to a target by asking the closest known nodes for closer ones (discv5-theory v5.1, "Lookup").
 * It ends when the 16 closest that were heard of have answered.
 */
import { byDistance, logDistance, type NodeId } from './ids.ts'
import { bucketSize, idBits, lookupConcurrency, maxLookupAsked, maxLookupHeard } from './limits.ts'

/** Whoever is looked for among others: all but its id is the caller's. */
export interface Located {
  readonly id: NodeId
}

export interface LookupParts<Node extends Located> {
  readonly self: NodeId
  /** Who is asked first. */
  readonly start: readonly Node[]
  /** The nodes that `node` tells of at these distances from it; undefined when it does not answer. */
  readonly ask: (node: Node, distances: readonly number[]) => Promise<readonly Node[] | undefined>
  readonly signal: AbortSignal
}

/** The closest nodes to `target` that answered. */
export async function lookup<Node extends Located>(
  target: NodeId,
  { self, start, ask, signal }: LookupParts<Node>,
): Promise<Node[]> {
  const search = new Search<Node>(target, self)
  search.hear(start)
  await Promise.all(Array.from({ length: lookupConcurrency }, () => search.run(ask, signal)))
  return search.answered
}

class Search<Node extends Located> {
  readonly #target: NodeId
  readonly #self: NodeId
  readonly #heard = new Map<NodeId, Node>()
  readonly #asked = new Set<NodeId>()
  readonly #silent = new Set<NodeId>()
  readonly #answered = new Set<NodeId>()
  /** Resolves when one of the requests under way ends. */
  #turn = Promise.withResolvers<void>()
  #underWay = 0

  constructor(target: NodeId, self: NodeId) {
    this.#target = target
    this.#self = self
  }

  get answered(): Node[] {
    return this.#closest().filter(({ id }) => this.#answered.has(id))
  }

  hear(nodes: readonly Node[]): void {
    for (const node of nodes)
      if (node.id !== this.#self && this.#heard.size < maxLookupHeard) this.#heard.set(node.id, node)
  }

  /** Asks one after the other. Several run at once, and each takes the closest that none has asked. */
  async run(ask: LookupParts<Node>['ask'], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const node = this.#next()
      if (node !== undefined) await this.#ask(node, ask)
      else if (this.#underWay === 0) return
      else await this.#turn.promise
    }
  }

  async #ask(node: Node, ask: LookupParts<Node>['ask']): Promise<void> {
    this.#asked.add(node.id)
    this.#underWay += 1
    const told = await ask(node, distancesTo(this.#target, node.id))
    this.#underWay -= 1
    if (told === undefined) this.#silent.add(node.id)
    else this.#answered.add(node.id)
    this.hear(told ?? [])
    this.#turn.resolve()
    this.#turn = Promise.withResolvers()
  }

  #next(): Node | undefined {
    if (this.#asked.size >= maxLookupAsked) return undefined
    return this.#closest().find(({ id }) => !this.#asked.has(id))
  }

  #closest(): Node[] {
    const there = [...this.#heard.values()].filter(({ id }) => !this.#silent.has(id))
    return there.sort(byDistance(this.#target)).slice(0, bucketSize)
  }
}

/** Where a node keeps what is near `target`: at the distance between them, and beside it. */
export function distancesTo(target: NodeId, node: NodeId): number[] {
  const between = logDistance(target, node)
  return [between, between + 1, between - 1].filter((distance) => distance > 0 && distance <= idBits)
}
