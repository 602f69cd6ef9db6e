/** The parameters of `/store`, with the texts that nwaku has for each. Times and counts are decimal, hashes hexadecimal. */
import { WaypostError } from '../core/errors.ts'
import { hashBytes, type MessageHash } from '../core/hash.ts'
import { maxQueryHashes, maxQueryTopics, pageLimit, type Query } from '../core/query.ts'
import type { Nanoseconds } from '../core/time.ts'
import { decodeText } from './request.ts'
import type { RestRequest } from './route.ts'

/** Reads a parameter by its name; an empty one counts as absent. */
export type Parameters = (name: string) => string | undefined

/** nwaku decodes each text a second time; one that is no percent-encoding then stays as it is. */
export function parametersOf({ query }: RestRequest): Parameters {
  return (name) => {
    const value = query.get(name)
    return value === undefined || value === '' ? undefined : decodedAgain(value)
  }
}

function decodedAgain(value: string): string {
  try {
    return value.includes('%') ? decodeText(value) : value
  } catch {
    return value
  }
}

/** The first parameter that cannot be read is the answer. Throws `rest/bad-parameter`. */
export function queryOf(parameter: Parameters): Query {
  const includeData = booleanOf(parameter('includeData'))
  const start = timeOf(parameter('startTime'))
  const end = timeOf(parameter('endTime'))
  const hashes = listOf(parameter('hashes')).map(hashOf)
  const cursor = parameter('cursor')
  const limit = pageLimit(countOf(parameter('pageSize')))
  const contentTopics = listOf(parameter('contentTopics'))
  if (contentTopics.length > maxQueryTopics) throw badParameter(`too many content topics: at most ${maxQueryTopics}`)
  if (hashes.length > maxQueryHashes) throw badParameter(`too many hashes: at most ${maxQueryHashes}`)
  return {
    includeData,
    pubsubTopic: parameter('pubsubTopic'),
    contentTopics,
    start,
    end,
    hashes,
    cursor: cursor === undefined ? undefined : hashOf(cursor),
    direction: (parameter('ascending') ?? 'true') === 'true' ? 'forward' : 'backward',
    limit,
  }
}

export function listOf(value: string | undefined): readonly string[] {
  return value === undefined ? [] : value.split(',').filter((part) => part !== '')
}

const yes = ['y', 'yes', 'true', '1', 'on']
const no = ['n', 'no', 'false', '0', 'off']

function booleanOf(value = 'false'): boolean {
  const word = value.toLowerCase()
  if (yes.includes(word)) return true
  if (no.includes(word)) return false
  throw badParameter(`include data parsing error: cannot interpret as a bool: ${value}`)
}

/** 0 and what is below it count as absent, as in nwaku. */
function timeOf(value: string | undefined): Nanoseconds | undefined {
  if (value === undefined) return undefined
  const time = integerOf(value)
  if (time === undefined) throw badParameter(`time parsing error: invalid integer: ${value}`)
  return time > 0n ? time : undefined
}

function countOf(value: string | undefined): bigint | undefined {
  if (value === undefined) return undefined
  const count = integerOf(value)
  if (count === undefined || count < 0n) throw badParameter(`page size parsing error: invalid integer: ${value}`)
  return count
}

export function integerOf(value: string): bigint | undefined {
  if (!/^[+-]?\d{1,20}$/.test(value)) return undefined
  const integer = BigInt(value)
  return BigInt.asIntN(64, integer) === integer ? integer : undefined
}

function hashOf(value: string): MessageHash {
  const digits = value.replace(/^0x/i, '')
  if (!/^[0-9a-f]*$/i.test(digits) || digits.length % 2 === 1)
    throw badParameter('Exception converting hex string to bytes: not hexadecimal')
  if (digits.length !== hashBytes * 2)
    throw badParameter(`waku message hash parsing error: invalid hash length: ${digits.length / 2}`)
  return digits.toLowerCase()
}

export function badParameter(why: string): WaypostError {
  return new WaypostError('rest/bad-parameter', { why })
}
