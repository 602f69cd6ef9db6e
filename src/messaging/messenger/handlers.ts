/** Which part takes which payload. */
import type { Payload, PayloadName } from '../application/payloads.ts'
import type { Handle, Heard, Turn } from './engine.ts'

export type MessageOf<Name extends PayloadName> = Extract<Payload, { readonly name: Name }>['message']

/** A payload of one kind that was believed. */
export interface HeardOf<Name extends PayloadName> extends Heard {
  readonly message: MessageOf<Name>
}

export type Handlers = {
  readonly [Name in PayloadName]?: (turn: Turn, heard: HeardOf<Name>) => Promise<void>
}

/** What hands each payload to its part; one that has none is passed over. */
export function handleBy(...parts: readonly Handlers[]): Handle {
  const all: Handlers = Object.assign({}, ...parts)
  return async (turn, heard) => {
    const { name, message } = heard.believed.payload
    // The handler of a name takes that name's message; over the union of names the compiler cannot see it.
    const handler = all[name] as ((turn: Turn, heard: Heard & { message: unknown }) => Promise<void>) | undefined
    await handler?.(turn, { ...heard, message })
  }
}
