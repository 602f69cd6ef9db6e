/** Slots in the order of their places: those that come in order are appended, others find their place when it is asked for. */
import type { Nanoseconds } from '../../core/time.ts'
import { lowest } from './search.ts'

/** Compares two slots by place. */
export type CompareSlots = (a: number, b: number) => number

/** Slots that wait for their place at the most: a millisecond or two to sort. */
const maxLate = 4096

export class Run {
  readonly #compare: CompareSlots
  /** In order. Whoever holds it sees others appended, never one that moved. */
  #slots: number[] = []
  #late: number[] = []
  #newest: Nanoseconds | undefined

  constructor(compare: CompareSlots) {
    this.#compare = compare
  }

  add(slot: number, timestamp: Nanoseconds): void {
    if (this.#newest === undefined || timestamp > this.#newest) {
      this.#newest = timestamp
      this.#slots.push(slot)
      return
    }
    this.#late.push(slot)
    if (this.#late.length >= maxLate) this.#settle()
  }

  /** All of them in order. */
  get sorted(): readonly number[] {
    if (this.#late.length > 0) this.#settle()
    return this.#slots
  }

  #settle(): void {
    const late = this.#late.sort(this.#compare)
    this.#late = []
    const start = lowest(this.#slots.length, (index) => this.#compare(this.#slots[index]!, late[0]!) > 0)
    this.#slots = this.#slots.slice(0, start).concat(merge(this.#slots.slice(start), late, this.#compare))
  }
}

function merge(a: readonly number[], b: readonly number[], compare: CompareSlots): number[] {
  const merged: number[] = []
  let [i, j] = [0, 0]
  while (i < a.length && j < b.length) merged.push(compare(a[i]!, b[j]!) <= 0 ? a[i++]! : b[j++]!)
  while (i < a.length) merged.push(a[i++]!)
  while (j < b.length) merged.push(b[j++]!)
  return merged
}
