/** Numbers, sizes and times for people. English throughout, like the rest of the page; times are those of the reader's clock. */

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })
const unknown = '–'

/** `1,234` */
export function whole(value: number): string {
  return Number.isFinite(value) ? grouped.format(value) : unknown
}

/** `1.2K`, for axes. */
export function compact(value: number): string {
  return short.format(value)
}

/** Two digits that matter: `0.25`, `3.2`, `1,234`. */
export function rate(value: number): string {
  if (!Number.isFinite(value)) return unknown
  if (value === 0 || value >= 10) return whole(value)
  return value < 0.01 ? '< 0.01' : String(Number(value.toPrecision(2)))
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1.4 GiB` */
export function bytes(value: number): string {
  if (!Number.isFinite(value)) return unknown
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10))
  const amount = value / 1024 ** power
  const digits = power === 0 || amount >= 100 ? 0 : 1
  return `${amount.toFixed(digits).replace(/\.0$/, '')} ${units[power]}`
}

/** `12 ms`, `1.5 s` */
export function delay(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return unknown
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${rate(milliseconds / 1000)} s`
}

const spans: readonly (readonly [number, string, string])[] = [
  [86_400_000, 'day', 'days'],
  [3_600_000, 'h', 'h'],
  [60_000, 'min', 'min'],
  [1000, 's', 's'],
]

/** The two largest units: `3 days 4 h`, `12 min 5 s`, `8 s`. */
export function duration(milliseconds: number): string {
  let rest = Math.max(0, milliseconds)
  const words = spans.flatMap(([length, one, many]) => {
    const count = Math.floor(rest / length)
    rest -= count * length
    return count === 0 ? [] : [{ length, text: `${count} ${count === 1 ? one : many}` }]
  })
  const [first, second] = words
  if (first === undefined) return '0 s'
  const next = spans[spans.findIndex(([length]) => length === first.length) + 1]
  return second !== undefined && second.length === next?.[0] ? `${first.text} ${second.text}` : first.text
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const minutes = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric' })

/** `14:32:05` */
export function clockTime(time: number): string {
  return clock.format(time)
}

/** `14:32` */
export function minuteTime(time: number): string {
  return minutes.format(time)
}

/** `Tue 24` */
export function dayName(time: number): string {
  return weekday.format(time)
}

/** `14:32:05` today, `24 Nov, 14:32` on another day. */
export function moment(time: number, now: number): string {
  return day.format(time) === day.format(now) ? clock.format(time) : `${day.format(time)}, ${minutes.format(time)}`
}

/** `1 peer`, `3 peers` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`
}

/** `16Uiu2HAm…2xkf9a`: both ends of an id. */
export function idEnds(id: string): string {
  return id.length <= 20 ? id : `${id.slice(0, 10)}…${id.slice(-6)}`
}

/** What a retention policy keeps: `time:2d` is `2 days`. */
export function retention(policy: string): string {
  if (policy === 'none') return 'everything'
  return policy.split(',').map(kept).join(', or ')
}

const durationWords: Readonly<Record<string, string>> = { d: 'day', h: 'hour', m: 'minute', s: 'second' }

function kept(policy: string): string {
  const [by, amount = ''] = policy.trim().split(':')
  if (by === 'capacity') return `the last ${counted(Number(amount), 'message')}`
  const [, count, unit = ''] = /^(\d+)([dhms])$/.exec(amount) ?? []
  return count === undefined ? amount : counted(Number(count), durationWords[unit] ?? unit)
}
