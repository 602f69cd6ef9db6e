/** A steady stream of messages from nodes taken by chance, and who should have got each of them. */
import { setTimeout as pause } from 'node:timers/promises'
import { percentile } from '../kit/statistics.ts'
import { type Member, shards } from './member.ts'

/** A node counts for a message when it was up so long before, and so long after it. */
const settled = 10_000
const inTime = 5000

const payloadBytes = 1024

export interface Sent {
  readonly id: string
  readonly at: number
  readonly from: Member
}

/** Of the deliveries that were due: how many came, and how long they took in ms. */
export interface Delivered {
  readonly due: number
  readonly came: number
  readonly p50: number
  readonly p99: number
}

export class Traffic {
  readonly sent: Sent[] = []
  readonly #members: readonly Member[]
  #next = 0

  constructor(members: readonly Member[]) {
    this.#members = members
  }

  /** Publishes each `interval` ms until `until` resolves; gives what was sent meanwhile. */
  async during(interval: number, until: Promise<unknown>): Promise<readonly Sent[]> {
    const first = this.sent.length
    let isOver = false
    void until.finally(() => {
      isOver = true
    })
    while (!isOver) {
      await Promise.all([this.#publish(), pause(interval)])
    }
    return this.sent.slice(first)
  }

  async #publish(): Promise<void> {
    const now = performance.now()
    const up = this.#members.filter(({ upSince }) => upSince !== undefined && now - upSince > settled)
    const from = up[Math.floor(Math.random() * up.length)]
    if (from === undefined) return
    const id = `m${this.#next++}`
    if (await from.publish(id, shards[this.#next % shards.length] ?? 0, payloadBytes))
      this.sent.push({ id, at: now, from })
  }

  /** What became of `sent`, among nodes that were up all the time, and on the side of the sender where it says so. */
  delivered(sent: readonly Sent[], downs: Downs, sameHalf = false): Delivered {
    const times: number[] = []
    let due = 0
    for (const { id, at, from } of sent)
      for (const member of this.#members) {
        const apart = sameHalf && member.site.half !== from.site.half
        if (member === from || apart || !downs.isUp(member, at - settled, at + inTime)) continue
        due += 1
        const came = member.got.get(id)
        if (came !== undefined && came - at <= inTime) times.push(came - at)
      }
    return { due, came: times.length, p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
  }
}

/** When nodes were down. */
export class Downs {
  readonly #spells = new Map<Member, { from: number; to: number }[]>()

  wasDown(member: Member, from: number, to: number): void {
    const spells = this.#spells.get(member) ?? []
    this.#spells.set(member, [...spells, { from, to }])
  }

  isUp(member: Member, from: number, to: number): boolean {
    return !(this.#spells.get(member) ?? []).some((spell) => spell.from < to && spell.to > from)
  }
}
