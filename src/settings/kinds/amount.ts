/** Sizes and durations, each with its unit in the text. */
import type { Milliseconds } from '../../core/time.ts'
import { type Kind, misfit } from './kind.ts'

const sizeUnits = new Map([
  ['b', 1],
  ['kb', 1000],
  ['kib', 1024],
  ['mib', 1024 ** 2],
  ['gib', 1024 ** 3],
])

/** Bytes that may be asked to stay free at the most: more than that is a slip of the pen. */
const mostFree = 1024 ** 5

/** The largest unit that shows a whole number comes first. */
const shownSizeUnits = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
] as const

/**
 * Bytes, from `least` to `most`. nwaku's rules (waku/common/utils/parse_size_units.nim): a decimal number with point or
 * comma, blanks before the unit, any case; KB is 1000. We also take MiB and GiB, and a plain number of bytes. MB and GB
 * are refused: they mean one thing here and another in a retention policy.
 */
export function size(least: number, most: number): Kind<number> {
  const form = `a size from ${showSize(least)} to ${showSize(most)} in B, KB, KiB, MiB or GiB`
  return {
    type: 'size',
    form,
    parse(text) {
      const bytes = parseSize(text)
      if (bytes === undefined) return misfit(text, 'is not a size: a number and B, KB, KiB, MiB or GiB')
      return bytes >= least && bytes <= most ? bytes : misfit(text, `is not ${form}`)
    },
    show: showSize,
  }
}

/** Bytes, or a share of the disk in percent. */
export type DiskAmount = { readonly bytes: number } | { readonly percent: number }

/** Space on a disk: `512MiB` or `5%`; 50 % at the most. */
export const diskAmount: Kind<DiskAmount> = {
  type: 'size or share',
  form: 'a size such as 512MiB, or a share of the disk up to 50%',
  parse(text) {
    const percent = Number(/^\s*(\d{1,2}(?:\.\d{1,6})?)\s*%\s*$/.exec(text)?.[1])
    if (percent <= 50) return { percent }
    const bytes = parseSize(text)
    return bytes !== undefined && bytes <= mostFree ? { bytes } : misfit(text, `is not ${diskAmount.form}`)
  },
  show: (amount) => ('bytes' in amount ? showSize(amount.bytes) : `${amount.percent}%`),
}

function parseSize(text: string): number | undefined {
  const match = /^\s*(\d{1,16}(?:[.,]\d{1,16})?)\s*([a-z]*)\s*$/i.exec(text)
  if (match === null) return undefined
  const unit = sizeUnits.get((match[2] || 'b').toLowerCase())
  return unit === undefined ? undefined : Math.floor(Number((match[1] ?? '').replace(',', '.')) * unit)
}

/** Bytes as one would write them: `150KiB`. */
export function showSize(bytes: number): string {
  const [name, unit] = shownSizeUnits.find(([, unit]) => bytes > 0 && bytes % unit === 0) ?? ['B', 1]
  return `${bytes / unit}${name}`
}

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }

export type DurationUnit = keyof typeof durationUnits

/** About 285 years: more is a slip of the pen. */
const longest: Milliseconds = 9e12

/** A duration of at least `least`. A plain number counts in `plain`, the unit that nwaku has for this setting. */
export function duration(plain: DurationUnit, least: Milliseconds = 0): Kind<Milliseconds> {
  const form = `a duration such as 500ms, 30s, 12h or 30d; a plain number is in ${plain}`
  return {
    type: 'duration',
    form,
    parse(text) {
      const value = parseDuration(text, plain)
      if (value === undefined) return misfit(text, `is not ${form}`)
      return value >= least && value <= longest ? value : misfit(text, `is not ${showDuration(least)} or more`)
    },
    show: showDuration,
  }
}

/** Milliseconds of `30d`, `1h30m` or a plain number of `plain` units; undefined when it is none of these. */
export function parseDuration(text: string, plain: DurationUnit): Milliseconds | undefined {
  const written = text.trim().toLowerCase()
  if (/^\d{1,15}$/.test(written)) return Number(written) * durationUnits[plain]
  if (!/^(\d{1,15}(\.\d{1,9})?(ms|s|m|h|d|w))+$/.test(written)) return undefined
  const parts = written.matchAll(/([\d.]+)([a-z]+)/g)
  // The expression above allows these units and no others.
  return Math.round(
    parts.reduce((sum, [, number, unit]) => sum + Number(number) * durationUnits[unit as DurationUnit], 0),
  )
}

/** A duration in the largest unit up to days that shows it as a whole number: `2d`. */
export function showDuration(value: Milliseconds): string {
  const units = ['d', 'h', 'm', 's'] as const
  const unit = units.find((unit) => value > 0 && value % durationUnits[unit] === 0) ?? 'ms'
  return `${value / durationUnits[unit]}${unit}`
}
