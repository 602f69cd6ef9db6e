/**
 * The other side of a reconciliation as nwaku 0.37 plays it (wire form and rules of its store sync), on a plain sorted
 * array: what our turns must get along with. It shares nothing with src/protocols/store-sync but the order of ids.
 */
export interface Id {
  readonly time: bigint
  /** 64 hexadecimal digits. */
  readonly hash: string
}

type Range = { lower: bigint; upper: bigint } & (
  | { type: 0 }
  | { type: 1; fingerprint: string }
  | { type: 2; items: Id[]; reconciled: boolean }
)

const threshold = 100
const parts = 8n

export function compare(a: Id, b: Id): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1
  return a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0
}

/** One side. `toSend` and `wanted` are what it learns. */
export class NwakuSide {
  readonly toSend: Id[] = []
  wanted = 0
  readonly #ids: Id[]
  readonly #topics: readonly string[]

  constructor(ids: readonly Id[], topics: readonly string[]) {
    this.#ids = ids.toSorted(compare)
    this.#topics = topics
  }

  open(from: bigint, to: bigint): Buffer {
    return this.#encode([{ lower: from, upper: to, type: 1, fingerprint: this.#fingerprint(from, to) }])
  }

  /** Its turn; undefined when it has stopped. `last`: it stops after this one. */
  turn(frame: Uint8Array): { body: Buffer; last: boolean } | undefined {
    const ranges = decode(Buffer.from(frame))
    if (ranges.every(({ type }) => type === 0)) return undefined
    const answer = ranges.flatMap((range) => this.#answer(range))
    const over = answer.every(({ type }) => type === 0)
    return { body: over ? Buffer.of(0) : this.#encode(answer), last: over }
  }

  #answer(range: Range): Range[] {
    const { lower, upper } = range
    if (range.type === 0) return [range]
    const ours = this.#within(lower, upper)
    if (range.type === 2) {
      const theirs = new Set(range.items.map(({ hash }) => hash))
      const own = new Set(ours.map(({ hash }) => hash))
      this.toSend.push(...ours.filter(({ hash }) => !theirs.has(hash)))
      this.wanted += range.items.filter(({ hash }) => !own.has(hash)).length
      return range.reconciled ? [{ lower, upper, type: 0 }] : [{ lower, upper, type: 2, items: ours, reconciled: true }]
    }
    if (range.fingerprint === this.#fingerprint(lower, upper)) return [{ lower, upper, type: 0 }]
    return ours.length > threshold ? this.#split(lower, upper) : [this.#set(lower, upper)]
  }

  /** Equal parts of time. A span too short for it vanishes from the answer. */
  #split(lower: bigint, upper: bigint): Range[] {
    const length = upper - lower
    if (length < parts) return []
    const answer: Range[] = []
    let from = lower
    for (let part = 0n; part < parts; part += 1n) {
      const to = from + length / parts + (part < length % parts ? 1n : 0n)
      const few = this.#within(from, to).length <= threshold
      answer.push(
        few ? this.#set(from, to) : { lower: from, upper: to, type: 1, fingerprint: this.#fingerprint(from, to) },
      )
      from = to
    }
    return answer
  }

  #set(lower: bigint, upper: bigint): Range {
    const items = this.#within(lower, upper)
    return { lower, upper, type: 2, items, reconciled: items.length === 0 }
  }

  #within(lower: bigint, upper: bigint): Id[] {
    return this.#ids.filter(({ time }) => time >= lower && time < upper)
  }

  #fingerprint(lower: bigint, upper: bigint): string {
    const sum = this.#within(lower, upper).reduce((sum, { hash }) => sum ^ BigInt(`0x${hash}`), 0n)
    return sum.toString(16).padStart(64, '0')
  }

  #encode(ranges: readonly Range[]): Buffer {
    const topics = this.#topics.map((topic) => Buffer.concat([varint(BigInt(topic.length)), Buffer.from(topic)]))
    const head = [varint(BigInt(topics.length)), ...topics, varint(0n), varint(ranges[0]?.lower ?? 0n)]
    return Buffer.concat([...head, ...ranges.map(encodeRange)])
  }
}

function encodeRange(range: Range): Buffer {
  const head = Buffer.concat([varint(range.upper - range.lower), Buffer.of(range.type)])
  if (range.type === 0) return head
  if (range.type === 1) return Buffer.concat([head, Buffer.from(range.fingerprint, 'hex')])
  let time = 0n
  const items = range.items.map((id) => {
    const step = varint(id.time - time)
    time = id.time
    return Buffer.concat([step, Buffer.from(id.hash, 'hex')])
  })
  return Buffer.concat([head, varint(BigInt(items.length)), ...items, Buffer.of(range.reconciled ? 1 : 0)])
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}

/** With nwaku's demand that nine more bytes follow where it reads a topic's length or a time. */
function decode(buffer: Buffer): Range[] {
  if (buffer.length <= 1) return []
  let at = 0
  const read = (needed: number): bigint => {
    if (at + needed > buffer.length) throw new Error('nwaku: cannot decode')
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer[at++]
      if (byte === undefined) throw new Error('nwaku: cannot decode')
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  for (let list = 0; list < 2; list += 1)
    for (let count = read(9); count > 0n; count -= 1n) {
      const length = Number(read(9))
      at += length
    }
  let lower = read(9)
  const ranges: Range[] = []
  while (at < buffer.length - 1) {
    const step = read(0)
    // A bound at the time of the one before has a hash; to nwaku's search it is that time.
    if (step === 0n) at += 1 + (buffer[at] ?? 0)
    const upper = lower + step
    const type = buffer[at++]
    if (type === 0) ranges.push({ lower, upper, type })
    else if (type === 1) {
      ranges.push({ lower, upper, type, fingerprint: buffer.toString('hex', at, at + 32) })
      at += 32
    } else if (type === 2) {
      const items: Id[] = []
      let time = 0n
      for (let count = read(0); count > 0n; count -= 1n) {
        time += read(9)
        items.push({ time, hash: buffer.toString('hex', at, at + 32) })
        at += 32
      }
      ranges.push({ lower, upper, type, items, reconciled: buffer[at++] === 1 })
    } else throw new Error('nwaku: cannot decode range type')
    lower = upper
  }
  return ranges
}
