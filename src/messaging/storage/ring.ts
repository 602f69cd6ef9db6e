/**
 * The ring of keys under which secret rows stand, so that what is removed can be made unusable without finding its bytes:
 * a row belongs to the slot of its key, and when the slot gets a new key, and its living rows stand under that one, the old
 * key is destroyed, and with it whatever else it opened.
 *
 * A ring is a value: each change gives the next one. While rows of a slot are written anew, the slot has both keys.
 */
import { createHash, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { gcmKeyBytes, openGcm, sealGcm } from '../aes-gcm.ts'

/** Slots of a ring. A removal costs the writing of a 64th of the secret rows; the ring takes one or two blocks of a disk. */
export const ringSlots = 64

/** In front of a sealed row: the number of the key, so that rows of both keys can stand side by side. */
const generationBytes = 4
const entryBytes = generationBytes + gcmKeyBytes
/** Keys of a slot: one, and while it turns the one before. */
const maxKeys = 2

interface SlotKey {
  readonly generation: number
  readonly key: Uint8Array
}

/** The newest key first. */
type Slot = readonly SlotKey[]

/** The slot of a row: chance spreads them, and a key has the same one for ever. */
export function slotOf(rowKey: string): number {
  return createHash('sha256').update(rowKey).digest().readUInt32BE() % ringSlots
}

export class Ring {
  /** Counts the changes: the later ring is the one in force. */
  readonly sequence: number
  readonly #slots: readonly Slot[]

  private constructor(sequence: number, slots: readonly Slot[]) {
    this.sequence = sequence
    this.#slots = slots
  }

  static create(): Ring {
    return new Ring(
      1,
      Array.from({ length: ringSlots }, () => [freshKey(0)]),
    )
  }

  /** What `toBytes` gave; undefined for anything else. */
  static fromBytes(sequence: number, bytes: Uint8Array): Ring | undefined {
    const buffer = Buffer.from(bytes)
    const slots: Slot[] = []
    let at = 0
    while (slots.length < ringSlots) {
      const count = buffer[at] ?? 0
      const end = at + 1 + count * entryBytes
      if (count < 1 || count > maxKeys || end > buffer.length) return undefined
      slots.push(Array.from({ length: count }, (_, index) => readKey(buffer, at + 1 + index * entryBytes)))
      at = end
    }
    return at === buffer.length ? new Ring(sequence, slots) : undefined
  }

  /** Slots with a key that is to go: rows may still stand under it. */
  get turning(): number[] {
    return this.#slots.flatMap((slot, index) => (slot.length > 1 ? [index] : []))
  }

  /** With one more key for each of `slots`, none of which is turning. */
  withNewKeys(slots: ReadonlySet<number>): Ring {
    return this.#next((slot, index) => (slots.has(index) ? [freshKey(newest(slot).generation + 1), ...slot] : slot))
  }

  /** With the newest key of each slot alone. */
  withoutOldKeys(): Ring {
    return this.#next((slot) => [newest(slot)])
  }

  seal(rowKey: string, value: Uint8Array): Uint8Array {
    const { generation, key } = newest(this.#slot(rowKey))
    const number = Buffer.alloc(generationBytes)
    number.writeUInt32BE(generation)
    return Buffer.concat([number, sealGcm(key, value, Buffer.from(rowKey))])
  }

  /** The value of a row; undefined where its key is gone, or it is damaged. */
  open(rowKey: string, sealed: Uint8Array): Uint8Array | undefined {
    const generation = generationOf(sealed)
    const found = this.#slot(rowKey).find((one) => one.generation === generation)
    return found && openGcm(found.key, sealed.subarray(generationBytes), Buffer.from(rowKey))
  }

  /** True for a row that stands under the newest key of its slot. */
  isNewest(rowKey: string, sealed: Uint8Array): boolean {
    return newest(this.#slot(rowKey)).generation === generationOf(sealed)
  }

  /** All the keys: to be sealed before they are put anywhere. */
  toBytes(): Uint8Array {
    return Buffer.concat(this.#slots.flatMap((slot) => [Buffer.of(slot.length), ...slot.map(keyBytes)]))
  }

  toJSON(): { sequence: number; turning: number } {
    return { sequence: this.sequence, turning: this.turning.length }
  }

  [inspect.custom](): string {
    return `Ring ${JSON.stringify(this)}`
  }

  #slot(rowKey: string): Slot {
    return this.#slots[slotOf(rowKey)] as Slot // A slot is below their number.
  }

  #next(change: (slot: Slot, index: number) => Slot): Ring {
    return new Ring(this.sequence + 1, this.#slots.map(change))
  }
}

function newest(slot: Slot): SlotKey {
  return slot[0] as SlotKey // There is always one.
}

function freshKey(generation: number): SlotKey {
  return { generation, key: randomBytes(gcmKeyBytes) }
}

function generationOf(sealed: Uint8Array): number | undefined {
  if (sealed.length < generationBytes) return undefined
  return Buffer.from(sealed.buffer, sealed.byteOffset, generationBytes).readUInt32BE()
}

function keyBytes({ generation, key }: SlotKey): Uint8Array {
  const number = Buffer.alloc(generationBytes)
  number.writeUInt32BE(generation)
  return Buffer.concat([number, key])
}

function readKey(buffer: Buffer, at: number): SlotKey {
  const keyAt = at + generationBytes
  return { generation: buffer.readUInt32BE(at), key: Uint8Array.from(buffer.subarray(keyAt, keyAt + gcmKeyBytes)) }
}
