/** The options by which commands name topics and times. */
import { InvalidArgumentError } from 'commander'
import { type Milliseconds, type Nanoseconds, toNanoseconds } from '../core/time.ts'
import { parsePubsubTopic } from '../core/topics.ts'
import { parseDuration } from '../settings/kinds/amount.ts'

/** Collects an option that is repeated. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

export function pubsubTopicArgument(text: string): string {
  if (parsePubsubTopic(text) === undefined)
    throw new InvalidArgumentError('a shard is named /waku/2/rs/<cluster>/<shard>')
  return text
}

/** `2h` (that long ago) or a date such as `2026-11-23T10:00:00Z`, as a timestamp. */
export function timeArgument(text: string, now: Milliseconds = Date.now()): Nanoseconds {
  const ago = /^\d+$/.test(text) ? undefined : parseDuration(text, 's')
  const time = ago === undefined ? Date.parse(text) : now - ago
  if (Number.isNaN(time))
    throw new InvalidArgumentError('neither a duration such as 2h nor a date such as 2026-11-23T10:00Z')
  return toNanoseconds(time)
}

export function countArgument(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('not a number of 1 or more')
  return Number(text)
}

/** `0x` in front or not. */
export function hashArgument(text: string, before: readonly string[] = []): readonly string[] {
  const digits = /^(?:0x)?([0-9a-f]{64})$/i.exec(text)?.[1]
  if (digits === undefined) throw new InvalidArgumentError('a message hash has 64 hexadecimal digits')
  return [...before, digits.toLowerCase()]
}
