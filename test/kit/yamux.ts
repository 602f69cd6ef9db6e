/** Yamux frames written and read by hand, from the specification, and a watch over a session from between its two sides. */

/** A frame; `length` unless given is that of the body. */
export function yamuxFrame(type: number, flags: number, id: number, length: number, body = new Uint8Array(0)): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt8(type, 1)
  header.writeUInt16BE(flags, 2)
  header.writeUInt32BE(id, 4)
  header.writeUInt32BE(length, 8)
  return Buffer.concat([header, body])
}

export interface SeenFrame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly length: number
}

/** Frames of one direction. */
export class SeenFrames {
  readonly frames: SeenFrame[] = []
  readonly #see: (frame: SeenFrame) => void
  #rest = Buffer.alloc(0)

  constructor(see: (frame: SeenFrame) => void = () => {}) {
    this.#see = see
  }

  push(bytes: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    while (this.#rest.length >= 12) {
      const type = this.#rest.readUInt8(1)
      const length = this.#rest.readUInt32BE(8)
      const end = 12 + (type === 0 ? length : 0)
      if (this.#rest.length < end) return
      const frame = { type, flags: this.#rest.readUInt16BE(2), id: this.#rest.readUInt32BE(4), length }
      this.#rest = this.#rest.subarray(end)
      this.frames.push(frame)
      this.#see(frame)
    }
  }
}

const [syn, , fin, rst] = [1, 2, 4, 8]
const specifiedWindow = 262_144

interface SideOfStream {
  /** What this side may still send. */
  window: number
  ended: boolean
  reset: boolean
}

/**
 * Follows both directions and notes what breaks the protocol: windows, ids, what comes after an end or a reset. `windows`
 * is the largest that each side has had open for the other.
 */
export class YamuxWatch {
  readonly faults: [string[], string[]] = [[], []]
  readonly windows: [number, number] = [0, 0]
  /** Bytes sent on a stream before the other side granted any: the largest. */
  readonly ungranted: [number, number] = [0, 0]
  readonly #streams = new Map<number, [SideOfStream, SideOfStream]>()
  readonly #sent = new Map<string, number>()
  readonly #directions = ([0, 1] as const).map((side) => new SeenFrames((frame) => this.#frame(side, frame)))

  readonly see = (from: 0 | 1, bytes: Uint8Array): void => this.#directions[from]?.push(bytes)

  frames(from: 0 | 1): readonly SeenFrame[] {
    return this.#directions[from]?.frames ?? []
  }

  #frame(side: 0 | 1, { type, flags, id, length }: SeenFrame): void {
    const faults = this.faults[side]
    if (type > 1) {
      if (id !== 0) faults.push(`a frame of type ${type} on stream ${id}`)
      return
    }
    if ((flags & syn) !== 0) this.#open(side, id)
    const sides = this.#streams.get(id)
    if (sides === undefined) {
      faults.push(`a frame for stream ${id}, which nobody opened`)
      return
    }
    const own = sides[side]
    const other = sides[side === 0 ? 1 : 0]
    if (own.reset) faults.push(`a frame behind the reset of stream ${id}`)
    if (type === 0) this.#data(side, id, length, own)
    else {
      other.window += length
      if (length > 0) this.#sent.set(`${1 - side}:${id}`, Number.NaN)
      this.windows[side] = Math.max(this.windows[side], other.window)
    }
    if ((flags & fin) !== 0 && own.ended) faults.push(`a second end of stream ${id}`)
    if ((flags & fin) !== 0) own.ended = true
    if ((flags & rst) !== 0) own.reset = true
  }

  #data(side: 0 | 1, id: number, length: number, own: SideOfStream): void {
    if (own.ended && length > 0) this.faults[side].push(`data behind the end of stream ${id}`)
    own.window -= length
    if (own.window < 0) this.faults[side].push(`${-own.window} bytes above the window of stream ${id}`)
    const sent = (this.#sent.get(`${side}:${id}`) ?? 0) + length
    this.#sent.set(`${side}:${id}`, sent)
    if (sent > this.ungranted[side]) this.ungranted[side] = sent
  }

  #open(side: 0 | 1, id: number): void {
    if (id % 2 === side || id === 0) this.faults[side].push(`stream ${id} has an id of the other side`)
    if (this.#streams.has(id)) this.faults[side].push(`stream ${id} is opened twice`)
    const fresh = (): SideOfStream => ({ window: specifiedWindow, ended: false, reset: false })
    this.#streams.set(id, [fresh(), fresh()])
  }
}
