/** Values without a unit: yes or no, whole numbers, one of a few words, text, a path. */
import path from 'node:path'
import { type Kind, Misfit, misfit } from './kind.ts'

const truths = new Map([
  ...['true', 'yes', 'y', 'on', '1'].map((word) => [word, true] as const),
  ...['false', 'no', 'n', 'off', '0'].map((word) => [word, false] as const),
])

/** True or false in any case, and the other words that nwaku's parser takes. */
export const bool: Kind<boolean> = {
  type: 'bool',
  form: 'true or false',
  words: ['true', 'false'],
  parse: (text) => truths.get(text.trim().toLowerCase()) ?? misfit(text, 'is neither true nor false'),
  show: String,
}

/** A whole number from `least` to `most`. */
export function integer(least: number, most: number): Kind<number> {
  const form = most === Number.MAX_SAFE_INTEGER ? `a whole number from ${least}` : `a whole number, ${least} to ${most}`
  return {
    type: 'number',
    form,
    parse(text) {
      const value = /^[+-]?\d{1,16}$/.test(text.trim()) ? Number(text) : Number.NaN
      return value >= least && value <= most ? value : misfit(text, `is not ${form}`)
    },
    show: String,
  }
}

/** A count that only our own bounds limit. */
export const count = (least: number): Kind<number> => integer(least, Number.MAX_SAFE_INTEGER)

/** A port; 0 lets the system choose one. */
export const port: Kind<number> = { ...integer(0, 65535), type: 'port', form: '0 to 65535, 0 takes a free one' }

/** One of a few words, in any case. `words` gives the value of each; several words may stand for one value. */
export function choice<T extends string>(words: Readonly<Record<string, T>>): Kind<T> {
  const values = new Map(Object.entries(words))
  const distinct = [...new Set(values.values())]
  const known = distinct.join(', ')
  return {
    type: 'word',
    form: `one of ${known}`,
    words: distinct,
    parse: (text) => values.get(text.trim().toLowerCase()) ?? misfit(text, `is not one of ${known}`),
    show: String,
  }
}

/** A choice whose words are its values. */
export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return choice(Object.fromEntries(words.map((word) => [word, word])))
}

/** Any text on one line. */
export const text: Kind<string> = {
  type: 'text',
  form: 'text',
  parse: (value) => (hasControl(value) ? misfit(value, 'holds control characters') : value),
  show: (value) => value,
}

/** A file or folder. The value is the absolute path. */
export const filePath: Kind<string> = {
  type: 'path',
  form: 'a path, relative ones from the working folder',
  parse(value, folder) {
    if (value.trim() === '') return new Misfit('an empty path')
    return hasControl(value) ? misfit(value, 'holds control characters') : path.resolve(folder, value)
  },
  show: (value) => value,
}

function hasControl(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return /[\u0000-\u001f\u007f]/.test(value)
}
