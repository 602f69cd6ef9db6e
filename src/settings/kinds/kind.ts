/**
 * A kind of value: how it is written, read and shown. Every source speaks text (a flag, a variable, a TOML value as
 * text), so one parser serves all of them.
 *
 * A text that does not fit is an expected outcome, hence a value: a `Misfit` with one phrase for a person.
 */

/** Why a text is not a value of its kind: a phrase that follows the setting's name, `"abc" is not a port: ...`. */
export class Misfit {
  readonly why: string

  constructor(why: string) {
    this.why = why
  }
}

export interface Kind<T> {
  /** One word, for `--flag=<word>` in help and for the reference page. */
  readonly type: string
  /** What fits, in words or examples. */
  readonly form: string
  /** The words that are its values, where these are few. */
  readonly words?: readonly string[]
  /** Reads a value. `folder` is where a relative path starts. */
  parse(text: string, folder: string): T | Misfit
  /** A value as one would write it, without what is secret. */
  show(value: T): string
  /** A list: a setting given several times is all its items, where another is the last one given. */
  join?(values: readonly T[]): T
  /** The text is secret, or a part of it: it is never repeated, and may stand in a file (`--<name>-file`). */
  readonly secret?: 'whole' | 'part'
}

/** `"text" why`: for a text that may be shown. Long ones are cut. */
export function misfit(text: string, why: string): Misfit {
  const shown = text.length > 80 ? `${text.slice(0, 77)}...` : text
  return new Misfit(`${JSON.stringify(shown)} ${why}`)
}

/**
 * Several values of one kind: the setting repeated, items divided by `separator`, or a JSON array of texts (which nwaku
 * takes too), for items that hold the separator themselves.
 */
export function list<T>(item: Kind<T>, separator: string | RegExp = ','): Kind<readonly T[]> {
  return {
    type: item.type,
    form: `${item.form}; a list`,
    secret: item.secret,
    parse(text, folder) {
      const texts = split(text, separator)
      return texts instanceof Misfit ? texts : parseAll(item, texts, folder)
    },
    show: (values) => values.map((value) => item.show(value)).join(','),
    join: (values) => values.flat(),
  }
}

function parseAll<T>(item: Kind<T>, texts: readonly string[], folder: string): readonly T[] | Misfit {
  const values: T[] = []
  for (const text of texts) {
    const value = item.parse(text, folder)
    if (value instanceof Misfit) return value
    values.push(value)
  }
  return values
}

function split(text: string, separator: string | RegExp): readonly string[] | Misfit {
  const trimmed = text.trim()
  if (trimmed === '') return []
  if (trimmed.startsWith('[') && trimmed.endsWith(']')) return jsonItems(trimmed)
  return trimmed.split(separator).map((part) => part.trim())
}

function jsonItems(text: string): readonly string[] | Misfit {
  try {
    const items: unknown = JSON.parse(text)
    if (Array.isArray(items) && items.every(isPlain)) return items.map(String)
  } catch {
    // Said below: what is wrong with the JSON helps less than what is wanted.
  }
  return new Misfit('is not a JSON array of texts')
}

function isPlain(item: unknown): item is string | number | boolean {
  return typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean'
}
