/**
 * The scores of peers (gossipsub v1.1, "Peer Scoring"), with Waku's parameters.
 *
 * Of the terms three are left out, since their weights are zero for Waku: P3 and P3b (deliveries within a mesh), which
 * would need a record for each message, and P5 (the application's own). The topic weight is 1 and there is no cap. So a
 * message costs one addition, and a score is computed at each heartbeat, and at once when a peer has done wrong.
 */
import type { Milliseconds } from '../../../core/time.ts'
import { colocationWeight, scores as params, topicScores } from '../params.ts'
import { rememberedScores } from './bounds.ts'

/** What counts for and against a peer in one topic. */
interface TopicCounts {
  /** Since when it is in the mesh; undefined when it is not. */
  inMeshSince: Milliseconds | undefined
  firstDeliveries: number
  invalid: number
}

/** What counts for and against a peer. */
interface Counts {
  readonly topics: Map<string, TopicCounts>
  behaviour: number
}

interface Remembered {
  readonly counts: Counts
  readonly until: Milliseconds
}

export interface ScoresOptions {
  /** Connections of one address from which their score falls; 0: none. */
  readonly colocationLimit: number
  /** Addresses that many peers share for good reason. */
  readonly sharedAddress: (ip: string) => boolean
}

/** The score of one peer, as long as it is connected. */
export class Score {
  /** As it was computed last. */
  value = 0
  readonly ip: string | undefined
  readonly counts: Counts

  constructor(counts: Counts, ip: string | undefined) {
    this.counts = counts
    this.ip = ip
  }

  /** P2: it was the first to send us a valid message. */
  delivered(topic: string): void {
    const counts = this.#in(topic)
    counts.firstDeliveries = Math.min(topicScores.firstDeliveriesCap, counts.firstDeliveries + 1)
  }

  grafted(topic: string, now: Milliseconds): void {
    this.#in(topic).inMeshSince = now
  }

  pruned(topic: string): void {
    this.#in(topic).inMeshSince = undefined
  }

  /** P4: it sent us a message that is not valid. */
  invalid(topic: string): void {
    this.#in(topic).invalid += 1
  }

  #in(topic: string): TopicCounts {
    const known = this.counts.topics.get(topic)
    if (known !== undefined) return known
    const counts: TopicCounts = { inMeshSince: undefined, firstDeliveries: 0, invalid: 0 }
    this.counts.topics.set(topic, counts)
    return counts
  }
}

export class Scores {
  readonly #options: ScoresOptions
  #colocationLimit: number
  readonly #scores = new Map<string, Score>()
  /** Connected peers of each address. */
  readonly #atIp = new Map<string, number>()
  /** Of peers that left with something against them, the oldest first. */
  readonly #remembered = new Map<string, Remembered>()
  #decayedAt: Milliseconds

  constructor(options: ScoresOptions, now: Milliseconds) {
    this.#options = options
    this.#colocationLimit = options.colocationLimit
    this.#decayedAt = now
  }

  /** Scores that are remembered of peers that left. */
  get remembered(): number {
    return this.#remembered.size
  }

  of(peer: string): number {
    return this.#scores.get(peer)?.value ?? 0
  }

  /** A peer is there. What it did before it left still counts. */
  add(peer: string, ip: string | undefined, now: Milliseconds): Score {
    const counts = this.#remembered.get(peer)?.counts ?? { topics: new Map(), behaviour: 0 }
    this.#remembered.delete(peer)
    const score = new Score(counts, ip)
    this.#scores.set(peer, score)
    if (ip !== undefined) this.#atIp.set(ip, (this.#atIp.get(ip) ?? 0) + 1)
    this.#compute(score, now)
    return score
  }

  /** A peer left: only a score below zero is remembered (v1.1, "Score Retention"), without what counts for the peer. */
  remove(peer: string, now: Milliseconds): void {
    const score = this.#scores.get(peer)
    if (score === undefined) return
    this.#scores.delete(peer)
    if (score.ip !== undefined) this.#leaveIp(score.ip)
    this.#compute(score, now)
    if (score.counts.behaviour === 0 && ![...score.counts.topics.values()].some(({ invalid }) => invalid > 0)) return
    for (const counts of score.counts.topics.values()) {
      counts.firstDeliveries = 0
      counts.inMeshSince = undefined
    }
    this.#remembered.set(peer, { counts: score.counts, until: now + params.retention })
    if (this.#remembered.size <= rememberedScores) return
    const [oldest] = this.#remembered.keys()
    if (oldest !== undefined) this.#remembered.delete(oldest)
  }

  /** P7: misbehaviour, `times` over. */
  penalise(score: Score, times: number, now: Milliseconds): void {
    score.counts.behaviour += times
    this.#compute(score, now)
  }

  /** P4, with effect at once. */
  punishInvalid(score: Score, topic: string, now: Milliseconds): void {
    score.invalid(topic)
    this.#compute(score, now)
  }

  /** Computes all scores anew, and lets counts decay when it is time. To be called at each heartbeat. */
  look(now: Milliseconds): void {
    for (; now - this.#decayedAt >= params.decayInterval; this.#decayedAt += params.decayInterval)
      for (const { counts } of this.#scores.values()) decay(counts)
    for (const score of this.#scores.values()) this.#compute(score, now)
    for (const [peer, { until }] of this.#remembered) {
      if (until > now) break
      this.#remembered.delete(peer)
    }
  }

  changeColocationLimit(limit: number): void {
    this.#colocationLimit = limit
  }

  #leaveIp(ip: string): void {
    const left = (this.#atIp.get(ip) ?? 1) - 1
    if (left === 0) this.#atIp.delete(ip)
    else this.#atIp.set(ip, left)
  }

  #compute(score: Score, now: Milliseconds): void {
    const { topics, behaviour } = score.counts
    let value = this.#colocation(score.ip)
    for (const counts of topics.values()) value += topicValue(counts, now)
    // P7, squared; the threshold is zero.
    score.value = value + params.behaviourWeight * behaviour * behaviour
  }

  /** P6: the connections above the limit, squared. */
  #colocation(ip: string | undefined): number {
    if (ip === undefined || this.#options.sharedAddress(ip)) return 0
    const surplus = (this.#atIp.get(ip) ?? 0) - Math.max(1, this.#colocationLimit)
    return surplus > 0 ? colocationWeight(this.#colocationLimit) * surplus * surplus : 0
  }
}

/** P1, P2 and P4. */
function topicValue({ inMeshSince, firstDeliveries, invalid }: TopicCounts, now: Milliseconds): number {
  const quanta = inMeshSince === undefined ? 0 : (now - inMeshSince) / topicScores.timeInMeshQuantum
  return (
    topicScores.timeInMeshWeight * Math.min(topicScores.timeInMeshCap, quanta) +
    topicScores.firstDeliveriesWeight * firstDeliveries +
    topicScores.invalidWeight * invalid * invalid
  )
}

function decay(counts: Counts): void {
  counts.behaviour = decayed(counts.behaviour, params.behaviourDecay)
  for (const topic of counts.topics.values()) {
    topic.firstDeliveries = decayed(topic.firstDeliveries, topicScores.firstDeliveriesDecay)
    topic.invalid = decayed(topic.invalid, topicScores.invalidDecay)
  }
}

function decayed(count: number, factor: number): number {
  const left = count * factor
  return left < params.decayToZero ? 0 : left
}
