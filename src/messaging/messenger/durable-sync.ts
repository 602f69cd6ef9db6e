/** MVDS whose changes become rows of the turn that makes them. After a turn that failed it is what the rows say. */
import type { Clock } from '../../core/time.ts'
import { DataSync } from '../mvds/data-sync.ts'
import { decodeRecord, encodeRecord } from '../mvds/record-codec.ts'
import type { SyncRecord, SyncStore } from '../mvds/records.ts'
import type { Database, Rows } from '../storage/rows.ts'

export class DurableSync {
  readonly #database: Database
  readonly #clock: Clock
  #machine: DataSync
  /** What the turn has not put into rows. */
  #changes: ((rows: Rows) => void)[] = []
  /** What is in memory may have what a turn that failed has not put on disk. */
  #isAhead = false

  private constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
    this.#machine = this.#empty()
  }

  static async load(database: Database, clock: Clock): Promise<DurableSync> {
    const sync = new DurableSync(database, clock)
    await sync.#restore()
    return sync
  }

  /** To be changed within a turn. */
  get machine(): DataSync {
    return this.#machine
  }

  #empty(): DataSync {
    const store: SyncStore = {
      put: (record) => this.#changes.push((rows) => rows.put(this.#row(record), encodeRecord(record))),
      remove: (kind, peer, id) => this.#changes.push((rows) => rows.remove(this.#row({ kind, peer, id }))),
    }
    return new DataSync({ store, clock: this.#clock })
  }

  #row({ kind, peer, id }: Pick<SyncRecord, 'kind' | 'peer' | 'id'>): string {
    return `sync/${kind}/${this.#database.tag(peer)}/${id}`
  }

  async #restore(): Promise<void> {
    this.#machine = this.#empty()
    for await (const { value } of this.#database.scan({ prefix: 'sync/' })) {
      const record = decodeRecord(value)
      if (record !== undefined) this.#machine.restore(record)
    }
    this.#changes = []
  }

  /** A turn begins. */
  async begin(): Promise<void> {
    if (this.#isAhead) await this.#restore()
    this.#isAhead = true
  }

  /** A turn ends: what it changed goes into its rows. */
  commit(rows: Rows): void {
    for (const change of this.#changes) change(rows)
    this.#changes = []
    this.#isAhead = false
  }

  /** Nothing of the turn is on disk: the next one begins with what is. */
  failed(): void {
    this.#isAhead = true
  }
}
