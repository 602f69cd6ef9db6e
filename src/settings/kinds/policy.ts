/** What to keep and how much to serve: retention policies, rate limits, the share of relay peers. */
import type { Milliseconds } from '../../core/time.ts'
import { parseDuration, showDuration, showSize } from './amount.ts'
import { type Kind, list, misfit } from './kind.ts'

/** What the archive keeps at least; what is beyond may go. */
export type RetentionPolicy =
  | { readonly by: 'time'; readonly age: Milliseconds }
  | { readonly by: 'capacity'; readonly messages: number }
  | { readonly by: 'size'; readonly bytes: number }

const retentionPolicy: Kind<RetentionPolicy> = {
  type: 'policy',
  form: 'time:<seconds or 30d>, capacity:<messages>, size:<n>GB or none',
  parse(text) {
    const [word, amount] = split(text.trim().toLowerCase(), ':')
    const policy = policies.get(word)?.(amount)
    return policy ?? misfit(text, 'is not a retention policy: time:<seconds or 30d>, capacity:<messages>, size:<n>GB')
  },
  show(policy) {
    if (policy.by === 'time') return `time:${showDuration(policy.age)}`
    return policy.by === 'capacity' ? `capacity:${policy.messages}` : `size:${showSize(policy.bytes).replace('i', '')}`
  },
}

const policies = new Map<string, (amount: string) => RetentionPolicy | undefined>([
  ['time', byTime],
  ['capacity', byCapacity],
  ['size', bySize],
])

function byTime(amount: string): RetentionPolicy | undefined {
  const age = parseDuration(amount, 's')
  return age === undefined || age <= 0 ? undefined : { by: 'time', age }
}

function byCapacity(amount: string): RetentionPolicy | undefined {
  const messages = /^\d{1,15}$/.test(amount) ? Number(amount) : 0
  return messages > 0 ? { by: 'capacity', messages } : undefined
}

function bySize(amount: string): RetentionPolicy | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,9})?)([mg])i?b$/.exec(amount)
  const bytes = Math.floor(Number(match?.[1] ?? 0) * (match?.[2] === 'g' ? 1024 ** 3 : 1024 ** 2))
  return bytes > 0 ? { by: 'size', bytes } : undefined
}

const policyList = list(retentionPolicy)

/**
 * Policies; the one that deletes more decides. None keeps everything. nwaku's grammar, in which gb is 1024^3 and a time
 * is in seconds, extended by our durations and by GiB and MiB (decision 0005, 9).
 */
export const retention: Kind<readonly RetentionPolicy[]> = {
  ...policyList,
  parse: (text, folder) => (text.trim().toLowerCase() === 'none' ? [] : policyList.parse(text, folder)),
  show: (value) => (value.length === 0 ? 'none' : policyList.show(value)),
}

/** The services that a rate limit can name, in nwaku's words. */
export const limitedServices = ['storev2', 'storev3', 'lightpush', 'px', 'filter'] as const
export type LimitedService = (typeof limitedServices)[number]

/** How many requests in what time. */
export interface Rate {
  readonly requests: number
  readonly period: Milliseconds
}

/** One entry of `--rate-limit`. Without a service it holds for all that have no entry; without a rate it is unlimited. */
export interface RateLimit {
  readonly service?: LimitedService | 'store'
  readonly rate?: Rate
}

/** `[service:]requests/period<unit>`; blanks around every part, any case; 0 or less is unlimited, as in nwaku. */
export const rateLimit: Kind<RateLimit> = {
  type: 'rate',
  form: '[store|storev2|storev3|lightpush|px|filter:]<requests>/<period>ms|s|m|h',
  parse(text) {
    const match =
      /^\s*(?:(store|storev2|storev3|lightpush|px|filter)\s*:)?\s*(-?\d{1,9})\s*\/\s*(-?\d{1,9})\s*(ms|s|m|h)\s*$/i.exec(
        text,
      )
    if (match === null) return misfit(text, 'is not a rate limit such as store:10/2s')
    // The expression allows these words and no others.
    const service = match[1]?.toLowerCase() as RateLimit['service']
    const requests = Number(match[2])
    const period = Number(match[3]) > 0 ? (parseDuration(`${match[3]}${match[4]}`, 'ms') ?? 0) : 0
    return { service, rate: requests > 0 && period > 0 ? { requests, period } : undefined }
  },
  show({ service, rate }) {
    const shown = rate === undefined ? '0/1s' : `${rate.requests}/${showPeriod(rate.period)}`
    return service === undefined ? shown : `${service}:${shown}`
  },
}

/** As `showDuration`, in the units that a rate limit knows. */
function showPeriod(period: Milliseconds): string {
  const shown = showDuration(period)
  return shown.endsWith('d') ? `${Number(shown.slice(0, -1)) * 24}h` : shown
}

/** The shares of `max-connections` for relay and for service peers, in percent. */
export interface PeerRatio {
  readonly relay: number
  readonly service: number
}

/** `60:40`. */
export const peerRatio: Kind<PeerRatio> = {
  type: 'ratio',
  form: 'two shares that add up to 100, such as 60:40',
  parse(text) {
    const match = /^\s*(\d{1,3}(?:\.\d{1,6})?)\s*:\s*(\d{1,3}(?:\.\d{1,6})?)\s*$/.exec(text)
    const [relay, service] = [Number(match?.[1]), Number(match?.[2])]
    return Math.abs(relay + service - 100) < 1e-6
      ? { relay, service }
      : misfit(text, 'is not two shares that add up to 100, such as 60:40')
  },
  show: ({ relay, service }) => `${relay}:${service}`,
}

function split(text: string, at: string): readonly [string, string] {
  const index = text.indexOf(at)
  return index === -1 ? [text, ''] : [text.slice(0, index), text.slice(index + at.length)]
}
