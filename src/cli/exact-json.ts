/** JSON with integers of all their digits: a timestamp in nanoseconds is above 2^53. */

// Node 24 has both; the types of ES2024 do not.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown

/** `value` as compact JSON; a bigint is written as an integer. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? rawJSON(inner.toString()) : inner))
}

/** What `text` says. An integer that a number cannot hold exactly becomes a bigint. Throws a SyntaxError. */
export function parseJson(text: string): unknown {
  const revive: Reviver = (_, value, { source = '' }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown)
}
