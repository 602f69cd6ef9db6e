/**
 * Our own node record, always true: signed anew when what it says has changed, with the next sequence number, and told
 * to whoever gives it out. It is kept in a file, so that a restart that changes nothing gives out the same record, and
 * one that does never falls behind a number that others have seen.
 */
import { readFile } from 'node:fs/promises'
import type { PrivateKey } from '@libp2p/interface'
import type { Clock } from '../../core/time.ts'
import { replaceFile } from '../../files/whole-file.ts'
import { type Enr, enrFromText, enrToText } from './enr.ts'
import { type OwnRecord, signRecord } from './node-record.ts'

export interface OwnRecordParts {
  readonly privateKey: PrivateKey
  /** What is to stand in it at this moment. */
  readonly describe: () => OwnRecord
  /** Where it is kept. Absent: the time is its number, which is above that of any earlier start. */
  readonly file?: string
  readonly clock: Clock
}

export class CurrentRecord {
  readonly #parts: OwnRecordParts
  readonly #listeners = new Set<(record: Enr) => void>()
  #record: Enr
  /** Written one after the other, and never a record behind its successor. */
  #written: Promise<void> = Promise.resolve()

  private constructor(parts: OwnRecordParts, before: Enr | undefined) {
    this.#parts = parts
    this.#record = before ?? signRecord(parts.describe(), parts.privateKey, BigInt(parts.clock()))
    if (before === undefined) this.#keep()
  }

  /** The record as it is to be now. A file that is not there, or is of another key, counts for nothing. */
  static async open(parts: OwnRecordParts): Promise<CurrentRecord> {
    const own = new CurrentRecord(parts, await recordIn(parts))
    own.update()
    return own
  }

  get record(): Enr {
    return this.#record
  }

  get text(): string {
    return enrToText(this.#record)
  }

  /** To be called when something that it says may have changed. */
  update(): void {
    const { privateKey, describe } = this.#parts
    const next = signRecord(describe(), privateKey, this.#record.sequence + 1n)
    if (saysTheSame(next, this.#record)) return
    this.#record = next
    this.#keep()
    for (const listener of this.#listeners) listener(next)
  }

  /** Tells `listener` of each further record. */
  onChange(listener: (record: Enr) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  /** Resolves when the file holds the record, or cannot. */
  async settled(): Promise<void> {
    await this.#written
  }

  #keep(): void {
    const { file } = this.#parts
    if (file === undefined) return
    // On a disk that takes nothing the clock sees to it that the next start has a higher number.
    this.#written = this.#written.then(() => replaceFile(file, `${this.text}\n`)).catch(() => {})
  }
}

async function recordIn({ file, privateKey }: OwnRecordParts): Promise<Enr | undefined> {
  if (file === undefined) return undefined
  try {
    const record = enrFromText(await readFile(file, 'utf8'))
    return Buffer.compare(record.publicKey, privateKey.publicKey.raw) === 0 ? record : undefined
  } catch {
    return undefined
  }
}

function saysTheSame(one: Enr, other: Enr): boolean {
  const isIn = ([key, value]: [string, Uint8Array]) => Buffer.compare(value, other.pairs.get(key) ?? absent) === 0
  return one.pairs.size === other.pairs.size && [...one.pairs].every(isIn)
}

/** No value of a record has so many bytes. */
const absent = Buffer.alloc(301)
