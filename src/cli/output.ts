/** What a command writes: text for a person, JSON for a script (`--json`). */
import { once } from 'node:events'
import path from 'node:path'
import { writeJson } from './exact-json.ts'
import { openNewFile } from './new-file.ts'

export interface OutputOptions {
  /** One line of JSON in place of text. */
  readonly json?: boolean
}

/** Writes `value` as a line of JSON, or as `render` puts it for a person. */
export function show<Value>(value: Value, { json }: OutputOptions, render: (value: Value) => string): Promise<void> {
  return writeLine(json === true ? writeJson(value) : render(value))
}

/** Writes a line and waits until whoever reads has taken what came before. */
export function writeLine(text: string): Promise<void> {
  return writeBytes(`${text}\n`)
}

/** Writes bytes or text as they are, and waits as `writeLine` does. */
export async function writeBytes(bytes: Uint8Array | string): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
}

/** A place for text: a new file, or for `-` standard output. Throws `cli/exists` and `cli/cannot-write`. */
export async function textOutput(to: string): Promise<AsyncDisposable & { write(text: string): Promise<void> }> {
  if (to === '-') return { write: writeBytes, async [Symbol.asyncDispose]() {} }
  const handle = await openNewFile(path.resolve(to), { what: 'name another with --to' })
  return {
    async write(text) {
      await handle.appendFile(text)
    },
    async [Symbol.asyncDispose]() {
      await handle.sync()
      await handle.close()
    },
  }
}

/** Words for a person beside the output proper, so that a pipe does not get them. */
export function remark(text: string): void {
  process.stderr.write(`${text}\n`)
}

const gap = '  '

/** Rows in columns. The last column is as long as it is. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join(gap)
        .trimEnd(),
    )
    .join('\n')
}

/** True where somebody looks on: a progress bar and colours belong there only. */
export function isTerminal(): boolean {
  return process.stderr.isTTY === true
}
