/**
 * JSON as nwaku reads it. Integers keep all of their digits, since a timestamp in nanoseconds is above 2^53; a key that
 * comes twice is an error; and an object is a Map, so that no key, `__proto__` included, can mean more than itself.
 */
import { messageOf, WaypostError } from '../../core/errors.ts'

export type JsonObject = ReadonlyMap<string, Json>

/** A value. An integer is a bigint; what has a fraction or an exponent is a number, which no field of ours takes. */
export type Json = null | boolean | bigint | number | string | readonly Json[] | JsonObject

/** Values inside of values: the deepest body of ours has four. */
const maxDepth = 32

/** Characters of an integer: a 64-bit one has 20, and BigInt takes its time over a million. */
const maxIntegerCharacters = 32

const decoder = new TextDecoder('utf-8', { fatal: true })

/** The value that `bytes` spell. Throws `rest/bad-body`. */
export function parseJson(bytes: Uint8Array): Json {
  return new Parser(textOf(bytes)).parse()
}

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (error) {
    throw new WaypostError('rest/bad-body', { why: 'not UTF-8' }, { cause: error })
  }
}

const blanks = /[ \t\n\r]*/y
const numbers = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const words = /true|false|null/y

const valueOfWord: Readonly<Record<string, Json>> = { true: true, false: false, null: null }

class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): Json {
    const value = this.#value(0)
    this.#skip()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value
  }

  #value(depth: number): Json {
    if (depth > maxDepth) throw this.#wrong(`more than ${maxDepth} levels`)
    switch (this.#peek()) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return this.#string()
      default:
        return this.#scalar()
    }
  }

  #object(depth: number): JsonObject {
    const fields = new Map<string, Json>()
    this.#list('}', () => {
      if (this.#peek() !== '"') throw this.#unexpected()
      const key = this.#string()
      if (fields.has(key)) throw this.#wrong(`field ${JSON.stringify(key.slice(0, 64))} comes twice`)
      this.#expect(':')
      fields.set(key, this.#value(depth + 1))
    })
    return fields
  }

  #array(depth: number): readonly Json[] {
    const values: Json[] = []
    this.#list(']', () => values.push(this.#value(depth + 1)))
    return values
  }

  /** From the bracket at hand to `end`: what `item` reads, with commas between. */
  #list(end: string, item: () => void): void {
    this.#at += 1
    if (this.#take(end)) return
    do item()
    while (this.#take(','))
    this.#expect(end)
  }

  #string(): string {
    const start = this.#at
    let quote = start
    do {
      quote = this.#text.indexOf('"', quote + 1)
      if (quote < 0) throw this.#wrong('text without an end')
    } while (this.#isEscaped(quote, start))
    this.#at = quote + 1
    try {
      // What is between two quotes is the same in all JSON: escapes, and no control characters.
      return JSON.parse(this.#text.slice(start, this.#at))
    } catch (error) {
      throw this.#wrong(messageOf(error))
    }
  }

  /** True when an odd number of backslashes stands before `quote`. */
  #isEscaped(quote: number, start: number): boolean {
    let first = quote
    while (first - 1 > start && this.#text[first - 1] === '\\') first -= 1
    return (quote - first) % 2 === 1
  }

  #scalar(): Json {
    const word = this.#match(words)?.[0]
    if (word !== undefined) return valueOfWord[word] ?? null
    const number = this.#match(numbers)
    if (number === null) throw this.#unexpected()
    const [text, fraction, exponent] = number
    if (fraction !== undefined || exponent !== undefined) return Number(text)
    if (text.length > maxIntegerCharacters) throw this.#wrong('an integer of more than 64 bits')
    return BigInt(text)
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match !== null) this.#at = pattern.lastIndex
    return match
  }

  #skip(): void {
    this.#match(blanks)
  }

  #peek(): string | undefined {
    this.#skip()
    return this.#text[this.#at]
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false
    this.#at += 1
    return true
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw this.#unexpected()
  }

  #unexpected(): WaypostError {
    return this.#at >= this.#text.length ? this.#wrong('the end comes too early') : this.#wrong('unexpected character')
  }

  #wrong(why: string): WaypostError {
    return new WaypostError('rest/bad-body', { why: `${why} (at character ${this.#at})` })
  }
}
