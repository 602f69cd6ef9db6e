/**
 * Who is to be in the mesh of a topic: the choices of a heartbeat (gossipsub v1.0, "Heartbeat"; v1.1, "Heartbeat
 * procedure"), without carrying them out.
 */

import { shuffled } from '../../../core/shuffle.ts'
import { mesh as params } from '../params.ts'
import { opportunisticPeers } from './bounds.ts'
import type { Peer } from './peer.ts'
import type { Topic } from './topics.ts'

export interface Choice {
  readonly graft: readonly Peer[]
  readonly prune: readonly Peer[]
}

export interface ChoiceOptions {
  readonly random: () => number
  /** At this heartbeat better peers are looked for, when the median of the mesh is below it; undefined: at another. */
  readonly improveBelow: number | undefined
}

/** Chooses for one heartbeat. */
export function chooseMesh(topic: Topic, { random, improveBelow }: ChoiceOptions): Choice {
  const prune = [...topic.mesh].filter(({ score }) => score.value < 0)
  const stay = [...topic.mesh].filter(({ score }) => score.value >= 0)
  const candidates = shuffled(
    [...topic.subscribers].filter((peer) => !topic.mesh.has(peer) && mayGraft(topic, peer)),
    random,
  )
  if (stay.length > params.high) {
    const kept = new Set(keepBest(stay, random))
    return { graft: [], prune: [...prune, ...stay.filter((peer) => !kept.has(peer))] }
  }
  // |mesh| < Dlo: as many more as D needs
  const graft = stay.length < params.low ? candidates.splice(0, params.degree - stay.length) : []
  graft.push(...outboundNeeded([...stay, ...graft], candidates))
  if (improveBelow !== undefined) graft.push(...better([...stay, ...graft], candidates, improveBelow))
  return { graft, prune }
}

/** Whether we may ask a peer into our mesh. */
export function mayGraft(topic: Topic, { id, isOpen, score }: Peer): boolean {
  return isOpen && score.value >= 0 && !topic.backoffs.has(id)
}

/**
 * |mesh| > Dhi: D of the peers stay: Dscore for their score, the rest by lot, and among them Dout that we dialled, if we
 * have so many (v1.1, "Outbound Mesh Quotas").
 */
function keepBest(peers: readonly Peer[], random: () => number): readonly Peer[] {
  const ordered = shuffled(peers, random).sort((one, other) => other.score.value - one.score.value)
  const lot = [...ordered.slice(0, params.byScore), ...shuffled(ordered.slice(params.byScore), random)]
  const kept = lot.slice(0, params.degree)
  for (const dialled of lot.slice(params.degree).filter(isDialled)) {
    if (kept.filter(isDialled).length >= params.outbound) break
    kept[kept.findLastIndex((peer) => !isDialled(peer))] = dialled
  }
  return kept
}

/** |mesh| >= Dlo, but fewer than Dout that we dialled: as many more. */
function outboundNeeded(mesh: readonly Peer[], candidates: Peer[]): Peer[] {
  const missing = params.outbound - mesh.filter(isDialled).length
  return mesh.length < params.low || missing <= 0 ? [] : takeOut(candidates, missing, isDialled)
}

/**
 * A mesh whose median is low gets peers that are better than it (v1.1, "Opportunistic Grafting"). With Waku's threshold of
 * zero it never does, since those below zero are pruned before.
 */
function better(mesh: readonly Peer[], candidates: Peer[], threshold: number): Peer[] {
  if (mesh.length < 2) return []
  const values = mesh.map(({ score }) => score.value).sort((one, other) => one - other)
  const median = values[Math.floor(values.length / 2)] ?? 0
  return median < threshold ? takeOut(candidates, opportunisticPeers, ({ score }) => score.value > median) : []
}

function isDialled({ port }: Peer): boolean {
  return port.dialled
}

/** Takes the first `most` that fit out of `peers`. */
function takeOut(peers: Peer[], most: number, fits: (peer: Peer) => boolean): Peer[] {
  const taken = peers.filter(fits).slice(0, most)
  for (const peer of taken) peers.splice(peers.indexOf(peer), 1)
  return taken
}
