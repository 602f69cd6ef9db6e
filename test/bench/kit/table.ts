/** Tables as Markdown, aligned: for a terminal and for docs/benchmarks.md. */

/** Prints rows under a title; the columns are the keys of the first row. */
export function printTable(title: string, rows: readonly Readonly<Record<string, string>>[]): void {
  const columns = Object.keys(rows[0] ?? {})
  const widths = columns.map((column) => Math.max(...[column, ...rows.map((row) => row[column] ?? '')].map(length)))
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const fitted = (cells: readonly string[]): string => line(cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)))
  console.log(`\n${title}\n`)
  console.log(fitted(columns))
  console.log(line(widths.map((width) => '-'.repeat(width))))
  for (const row of rows) console.log(fitted(columns.map((column) => row[column] ?? '')))
}

function length(text: string): number {
  return text.length
}

/** A figure with three significant digits, or a dash where there is none. */
export function figure(value: number, unit = ''): string {
  if (!Number.isFinite(value)) return '-'
  const digits = Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
  return `${digits}${unit}`
}

/** Middle and tail of a time, in ms. */
export function spread(p50: number, p99: number): string {
  return `${figure(p50)} / ${figure(p99)}`
}
