/**
 * Rows by key, as whoever keeps state sees them: what one transaction puts and removes is on disk together, or not at all.
 *
 * A key is text in which a slash parts table from row; one without a slash is refused. Keys stand on the disk as they are, so what
 * names people or chats is put in as a tag (`Database.tag`). Values are encrypted. Those of `secret/` are what opens messages:
 * removed or put anew, the value before is unusable for everybody within a second, whatever files are copied from the device.
 */

/** The rows as a transaction has them: what it has put and removed so far included. */
export interface Rows {
  get(key: string): Promise<Uint8Array | undefined>
  put(key: string, value: Uint8Array): void
  remove(key: string): void
}

export interface Range {
  /** Keys begin with it. */
  readonly prefix: string
  /** Only keys before this one. */
  readonly before?: string
  /** Only keys after this one. */
  readonly after?: string
  readonly backwards?: boolean
  readonly limit?: number
}

export interface Row {
  readonly key: string
  readonly value: Uint8Array
}

export interface Database extends AsyncDisposable {
  /**
   * Does `work`, after those asked for before it. When this resolves, what it put and removed is on disk; when `work` throws,
   * nothing is. `work` waits for rows alone: other transactions, `erased` and the end of removed secrets wait for it.
   */
  transaction<Result>(work: (rows: Rows) => Promise<Result>): Promise<Result>
  get(key: string): Promise<Uint8Array | undefined>
  /**
   * In the order of the keys as UTF-8, of what is on disk. Read in pages: what is put or removed while a scan goes on may be in
   * it or not.
   */
  scan(range: Range): AsyncIterable<Row>
  /** What stands for a text in keys: 32 digits that say nothing to who has not the key of the database. */
  tag(text: string): string
  /** Resolves when all that was removed before is unusable. */
  erased(): Promise<void>
  /** Does what was asked for before, makes unusable what was removed, has its bytes leave the files, and closes. */
  [Symbol.asyncDispose](): Promise<void>
}
