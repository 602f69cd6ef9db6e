/** What may pass: a list of validators, asked in order; the first that does not accept decides. */
import type { Envelope } from './envelope.ts'
import { maxMetaBytes } from './message.ts'

/**
 * `accept`: relay and deliver. `ignore`: drop, nobody is to blame. `reject`: drop, and the sender's score falls
 * (gossipsub's P4). The reason is one line for a person; it never quotes the payload.
 */
export type Verdict = { readonly result: 'accept' } | { readonly result: 'ignore' | 'reject'; readonly reason: string }

/** Judges an envelope. It returns its verdict and does not throw; one that must wait (RLN) returns a promise. */
export type Validator = (envelope: Envelope) => Verdict | Promise<Verdict>

export const accept: Verdict = { result: 'accept' }

export function reject(reason: string): Verdict {
  return { result: 'reject', reason }
}

export function ignore(reason: string): Verdict {
  return { result: 'ignore', reason }
}

/** `meta` holds at most 64 bytes (14/WAKU2-MESSAGE). */
export const validateMeta: Validator = ({ message }) =>
  message.meta !== undefined && message.meta.length > maxMetaBytes
    ? reject(`meta is ${message.meta.length} bytes, the limit is ${maxMetaBytes}`)
    : accept

/** The encoded message holds at most `limit` bytes. Where the bytes come from a peer, ask before decoding. */
export function judgeSize(length: number, limit: number): Verdict {
  // The wording is nwaku's: clients and test suites look for it.
  return length > limit ? reject(`Message size exceeded maximum of ${limit} bytes`) : accept
}

/**
 * Asks `validators` in order. As long as each answers at once, so does this: a promise is made only when one of them
 * returns a promise.
 */
export function judge(validators: readonly Validator[], envelope: Envelope): Verdict | Promise<Verdict> {
  for (const [index, validator] of validators.entries()) {
    const verdict = validator(envelope)
    if (verdict instanceof Promise) return finish(verdict, validators.slice(index + 1), envelope)
    if (verdict.result !== 'accept') return verdict
  }
  return accept
}

async function finish(first: Promise<Verdict>, rest: readonly Validator[], envelope: Envelope): Promise<Verdict> {
  const verdict = await first
  return verdict.result === 'accept' ? judge(rest, envelope) : verdict
}
