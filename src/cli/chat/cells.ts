/** How much room text takes on a terminal, and where it is broken into lines. Pure. */

/** Whole characters as a reader counts them: an emoji of several parts is one. */
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** What takes two columns: emoji, and the scripts of East Asia (UAX #11). */
const wide =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u

/** Marks that one letter may carry: more would run over other lines. */
const maxMarks = 4
const excess = new RegExp(`(\\p{M}{${maxMarks}})\\p{M}+`, 'gu')

/** Columns of a text. */
export function cellsOf(text: string): number {
  let cells = 0
  for (const { segment } of segmenter.segment(text)) cells += cellsIn(segment)
  return cells
}

function cellsIn(character: string): number {
  return wide.test(character) ? 2 : 1
}

/** As much of a text as fits into so many columns. */
export function cut(text: string, columns: number): string {
  return wrap(text, columns)[0] ?? ''
}

/** The text and blanks, in exactly so many columns. */
export function padded(text: string, columns: number): string {
  const fitting = cut(text, columns)
  return fitting + ' '.repeat(Math.max(0, columns - cellsOf(fitting)))
}

/** Lines of at most so many columns, broken at blanks where there are some. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let [line, cells] = ['', 0]
  for (const { segment } of segmenter.segment(text.replaceAll(excess, '$1'))) {
    if (cells + cellsIn(segment) > columns) {
      const [whole, rest] = atBlank(line)
      lines.push(whole)
      line = rest
      cells = cellsOf(rest)
    }
    line += segment
    cells += cellsIn(segment)
  }
  lines.push(line)
  return lines
}

/** Blanks in the first half of a line are no place to break it: a word would stand nearly alone. */
function atBlank(line: string): [string, string] {
  const blank = line.lastIndexOf(' ')
  return blank > line.length / 2 ? [line.slice(0, blank), line.slice(blank + 1)] : [line, '']
}
