/** Writes JSON. A bigint is an integer with all of its digits; a field that is undefined is left out. */

/** What can be written: fields come in the order of the object. */
export type Writable =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Writable[]
  | { readonly [field: string]: Writable | undefined }

// Node 24 has it; the types of ES2025 do not.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/** `value` as compact JSON. */
export function writeJson(value: Writable): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? rawJSON(inner.toString()) : inner))
}
